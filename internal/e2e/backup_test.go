package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestBackups has the programs that people back up with bring a tree of files
// to the share, with a password, look that it is whole, change it, thin it out,
// and bring it back.
func TestBackups(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	for _, c := range []struct {
		name, tool string
		script     string // $SRC to the share at $URL (http://HOST/), and back to $BACK
	}{
		{"duplicity", "duplicity", `
			# Backups are told apart by the second in which they were begun, so each has its own.
			NOW=$(date +%s)
			D() { NOW=$((NOW+1)); duplicity --current-time $NOW --no-encryption --archive-dir $HOME/archive "$@"; }
			TO=$(printf %s "$URL" | sed 's,http://,webdav://me@,')backup
			FTP_PASSWORD=$PASSWORD; export FTP_PASSWORD
			D full "$SRC" "$TO"
			echo more >"$SRC/more.txt"
			D incr "$SRC" "$TO"
			D verify --compare-data "$TO" "$SRC"
			D full "$SRC" "$TO"
			D remove-all-but-n-full 1 --force "$TO"
			rm -rf $HOME/archive
			D restore "$TO" "$BACK"
		`},
		{"restic", "restic", `
			rclone config create disk webdav url="$URL" vendor=owncloud user=me pass="$(rclone obscure "$PASSWORD")"
			R="restic -r rclone:disk:backup"
			RESTIC_PASSWORD=x; export RESTIC_PASSWORD
			$R init
			(cd "$SRC" && $R backup .)
			echo more >"$SRC/more.txt"
			(cd "$SRC" && $R backup .)
			$R forget --keep-last 1 --prune
			$R check --read-data
			$R restore latest --target "$BACK"
		`},
		{"rclone bisync", "rclone", `
			rclone config create disk webdav url="$URL" vendor=owncloud user=me pass="$(rclone obscure "$PASSWORD")"
			rclone mkdir disk:both
			rclone bisync "$SRC" disk:both --resync
			echo more >"$SRC/more.txt"
			echo from elsewhere | rclone rcat disk:both/elsewhere.txt
			rclone bisync "$SRC" disk:both
			grep elsewhere "$SRC/elsewhere.txt"
			rclone check "$SRC" disk:both
			rclone copy disk:both "$BACK"
		`},
	} {
		t.Run(c.name, func(t *testing.T) {
			testtool.Find(t, c.tool)
			testtool.Find(t, "rclone")
			secrets, source, home := t.TempDir(), t.TempDir(), t.TempDir()
			if err := os.WriteFile(filepath.Join(secrets, "pass"), []byte("se:cret"), 0o600); err != nil {
				t.Fatal(err)
			}
			sow(t, source)
			s := serve(t, startDisk(t, emulator.Options{}), "--user", "me", "--pass-file", filepath.Join(secrets, "pass"))
			cmd := command(t, "sh", "-euc", c.script)
			cmd.Env = append(os.Environ(), "HOME="+home, "RCLONE_CONFIG="+home+"/rclone.conf", "LC_ALL=C.UTF-8",
				"URL="+s.url, "PASSWORD=se:cret", "SRC="+source, "BACK="+home+"/back")
			out := run(t, cmd)
			same(t, "brought back", hashes(t, home+"/back"), hashes(t, source))
			s.stop()
			if log := s.log.String(); strings.Contains(log, "se:cret") || strings.Contains(log, "level=ERROR") {
				t.Errorf("davdisk says %s\n%s says %s", log, c.name, out)
			}
		})
	}
}
