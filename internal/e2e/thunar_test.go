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

// TestThunar types into a real window of a file manager: it opens a folder of
// the share, makes a folder there, renames it, and deletes it.
func TestThunar(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	for _, name := range []string{"thunar", "xdotool", "openbox", "xvfb-run", "gio"} {
		testtool.Find(t, name)
	}
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "start/file Ж.txt", "text")
	s := serve(t, disk)
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "run", "gvfsd"), 0o700); err != nil {
		t.Fatal(err)
	}
	script := `
		is() { curl -sf "${URL}start/$1/" >/dev/null; }
		window() { xdotool search --sync --onlyvisible --name "$1" windowactivate --sync; }
		answer() { xdotool key ctrl+a type --delay 60 "$1"; xdotool key Return; }
		openbox &
		gio mount "$DAV"
		thunar "${DAV}start" &
		window 'start - Thunar'
		xdotool key --clearmodifiers ctrl+shift+n
		window 'New Folder'; answer 'made here'
		until is made%20here; do sleep 0.2; done
		window 'start - Thunar'; xdotool key F2
		window 'Rename'; answer 'renamed here'
		until is renamed%20here; do sleep 0.2; done
		! is made%20here
		window 'start - Thunar'; xdotool key shift+Delete
		window 'Attention'; xdotool key alt+d
		while is renamed%20here; do sleep 0.2; done
		thunar -q
	`
	cmd := command(t, "xvfb-run", "-a", "-s", "-screen 0 1000x700x24", "dbus-run-session", "--", "sh", "-euxc", script)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_RUNTIME_DIR="+filepath.Join(home, "run"), "URL="+s.url, "DAV=dav"+strings.TrimPrefix(s.url, "http"))
	run(t, cmd)
	same(t, "at the disk", stored(disk), map[string]string{"start/file Ж.txt": sum([]byte("text"))})
}
