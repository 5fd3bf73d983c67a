//go:build unix

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestOfficeOverTwoGateways has one person edit documents in LibreOffice by one
// gateway, and another by a mount of davfs2 of another gateway. Whoever comes second
// may look, and nothing of the first is overwritten.
func TestOfficeOverTwoGateways(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	f := startFleet(t, 2, 1)
	mounted, unmount := mountDavfs(t, *f.gateways[0].url.Load())
	webdav := "vnd.sun.star.webdav" + strings.TrimPrefix(*f.gateways[1].url.Load(), "http")
	office := startOffice(t)
	write := func(name, text string) (content []byte) {
		t.Helper()
		for _, line := range []string{"new", "type " + text, "saveas " + webdav + name, "close"} {
			office(line)
		}
		content, err := f.disk.ReadFile("disk:/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	opens := func(want string) {
		t.Helper()
		if got := office("open " + webdav + "letter.odt"); got != want {
			t.Fatalf("the document is opened %s, want %s", got, want)
		}
	}
	document := filepath.Join(mounted, "letter.odt")
	disk := func() string { return stored(f.disk)["letter.odt"] }
	mount := func() string {
		content, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		return sum(content)
	}
	other := write("other.odt", "by the other one")
	first := sum(write("letter.odt", "first line"))
	until(t, "the mount shows the document", func() bool {
		_, err := os.Stat(document)
		return err == nil
	})

	// LibreOffice comes first.
	opens("writable")
	second := func() {
		t.Helper()
		before := disk()
		for what, flags := range map[string]int{"appended to": os.O_WRONLY | os.O_APPEND, "replaced": os.O_WRONLY | os.O_TRUNC} {
			if file, err := os.OpenFile(document, flags, 0); err == nil {
				_, _ = file.WriteString("overwritten")
				file.Close()
				t.Errorf("by the mount a document is %s that LibreOffice has open", what)
			}
		}
		if err := os.Remove(document); err == nil {
			t.Error("by the mount a document is removed that LibreOffice has open")
		}
		if disk() != before {
			t.Error("what LibreOffice has open was changed")
		}
	}
	second()
	if mount() != first {
		t.Error("the document cannot be read by the mount")
	}
	office("type , second line")
	office("save")
	saved := disk()
	if saved == first {
		t.Error("it was not saved")
	}
	second()
	office("close")
	until(t, "the mount shows what was saved", func() bool { return mount() == saved })

	// The mount comes first.
	var file *os.File
	until(t, "the mount may write", func() (ok bool) {
		var err error
		file, err = os.OpenFile(document, os.O_WRONLY|os.O_TRUNC, 0)
		return err == nil
	})
	opens("read-only")
	if got := office("text"); got != "first line, second line" {
		t.Errorf("it is shown as %q", got)
	}
	office("close")
	if disk() != saved {
		t.Error("what the mount has open was changed")
	}
	if _, err := file.Write(other); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
	until(t, "what was written by the mount is stored", func() bool { return disk() == sum(other) })
	until(t, "LibreOffice may write again", func() bool {
		if office("open "+webdav+"letter.odt") == "writable" {
			return true
		}
		office("close")
		return false
	})
	if got := office("text"); got != "by the other one" {
		t.Errorf("the document says %q", got)
	}
	office("close")
	unmount()
	same(t, "at the disk", stored(f.disk), map[string]string{"letter.odt": sum(other), "other.odt": sum(other)})
}
