package e2e

import (
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestGnomeFolder works on the share where programs that know no dav:// find
// it: in the folder that gvfs mounts. What is closed there is sent a moment
// later, so that the script waits for it.
func TestGnomeFolder(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	testtool.Find(t, "fusermount3")
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "in/Ж & co.txt", "there before")
	s := serve(t, disk)
	out := gnome(t, `
		gio mount 'dav`+strings.TrimPrefix(s.url, "http")+`'
		for try in $(seq 200); do
			share=$(ls -d "$XDG_RUNTIME_DIR"/gvfs/dav:* 2>/dev/null) && break
			sleep 0.05
		done
		cd "$share"
		sent() { until grep -qs "$2" "$1"; do sleep 0.05; done; }
		cat 'in/Ж & co.txt'
		mkdir made
		echo new >'made/100% new.txt'
		echo old >made/over.txt
		sent made/over.txt old
		echo over >made/over.txt
		cp 'in/Ж & co.txt' made/
		sent 'made/Ж & co.txt' there
		mv 'made/Ж & co.txt' moved.txt
		echo gone >gone.txt
		sent gone.txt gone
		rm gone.txt
		ls made
		sent 'made/100% new.txt' new
		sent made/over.txt over
		cd /
		gio mount -u 'dav`+strings.TrimPrefix(s.url, "http")+`'
	`)
	if !strings.Contains(out, "there before") || !strings.Contains(out, "100% new.txt\nover.txt\n") {
		t.Errorf("it saw something else:\n%s", out)
	}
	before := sum([]byte("there before"))
	same(t, "at the disk", stored(disk), map[string]string{
		"in/Ж & co.txt": before, "moved.txt": before, "made/100% new.txt": sum([]byte("new\n")), "made/over.txt": sum([]byte("over\n")),
	})
}
