package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestLitter stores what file managers strew about, as they call themselves,
// and looks who sees it and whether it reached the disk.
func TestLitter(t *testing.T) {
	const (
		finder   = "WebDAVFS/3.0.0 (03008000) Darwin/23.0.0 (arm64)"
		explorer = "Microsoft-WebDAV-MiniRedir/10.0.22631"
		other    = "rclone/v1.60.1"
	)
	type attempt struct {
		agent, name string
		put         string // what PUT is answered
		own, others string // what GET is answered to itself and to another program
		stored      bool
	}
	seen := func(agent, name string) attempt { return attempt{agent, name, "201", "200", "200", true} }
	aside := func(agent, name string) attempt { return attempt{agent, name, "201", "200", "404", false} }
	refused := func(agent, name string) attempt { return attempt{agent, name, "403", "404", "404", false} }
	for mode, attempts := range map[string][]attempt{
		"store": {
			seen(finder, "._Ж & co.txt"), seen(finder, ".DS_Store"), seen(explorer, "Thumbs.db"), seen(explorer, "desktop.ini"), seen(other, "d/._x"),
			seen(finder, "report.txt"),
		},
		"local": {
			aside(finder, "._Ж & co.txt"), aside(finder, ".DS_Store"), aside(explorer, "Thumbs.db"), aside(explorer, "d/desktop.ini"),
			// A backup program that sends such a file means it.
			seen(other, "d/._x"), seen(finder, "report.txt"), seen(explorer, "desktop.ini.txt"),
		},
		"refuse": {
			refused(finder, "._Ж & co.txt"), refused(finder, ".DS_Store"), refused(explorer, "Thumbs.db"), refused(explorer, "d/desktop.ini"),
			refused(other, "d/._x"), seen(finder, "report.txt"), seen(explorer, "desktop.ini.txt"),
		},
	} {
		t.Run(mode, func(t *testing.T) {
			disk := startDisk(t, emulator.Options{})
			s := serve(t, disk, "--litter", mode)
			if err := disk.Mkdir("disk:/d"); err != nil {
				t.Fatal(err)
			}
			local := t.TempDir()
			file := filepath.Join(local, "f")
			if err := os.WriteFile(file, []byte("content"), 0o600); err != nil {
				t.Fatal(err)
			}
			curl := func(agent, name string, args ...string) string {
				t.Helper()
				u := s.url + (&url.URL{Path: name}).EscapedPath()
				return run(t, command(t, "curl", append(args, "-sS", "-A", agent, "-o", filepath.Join(local, "out"), "-w", "%{http_code}", u)...))
			}
			want := map[string]string{}
			for _, a := range attempts {
				if a.stored {
					want[a.name] = sum([]byte("content"))
				}
				if got := curl(a.agent, a.name, "-T", file); got != a.put {
					t.Errorf("%s stores %s: %s, want %s", a.agent, a.name, got, a.put)
				}
				if got := curl(a.agent, a.name); got != a.own {
					t.Errorf("%s reads %s: %s, want %s", a.agent, a.name, got, a.own)
				}
				if got := curl("curl", a.name); got != a.others {
					t.Errorf("another program reads %s of %s: %s, want %s", a.name, a.agent, got, a.others)
				}
			}
			same(t, "at the disk", stored(disk), want)
		})
	}
}
