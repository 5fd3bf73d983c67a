package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

// TestLibreOffice edits documents on the share without a mount: an existing
// one and a new one, while a second user is told that they are taken. The name
// is an ASCII one: of others LibreOffice 7.4 forgets the lock's token before it
// saves, on any server.
func TestLibreOffice(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	s := serve(t, disk)
	webdav := "vnd.sun.star.webdav" + strings.TrimPrefix(s.url, "http")
	name := "d/" + url.PathEscape("letter of May.odt")
	if err := disk.Mkdir("disk:/d"); err != nil {
		t.Fatal(err)
	}
	lockOf := func() string {
		_, body := s.request("PROPFIND", name, nil, "Depth", "0")
		return lockToken.FindString(body)
	}
	taken := func() {
		t.Helper()
		if lockOf() == "" {
			t.Error("the document is open and not locked")
		}
		if code, _ := s.request(http.MethodPut, name, strings.NewReader("stolen")); code != http.StatusLocked {
			t.Errorf("a second user writes a document that is open: %d", code)
		}
	}

	first, second := startOffice(t), startOffice(t)
	first("new")
	first("type first line")
	first("saveas " + webdav + name)
	taken()
	created := stored(disk)["d/letter of May.odt"]
	if created == "" {
		t.Errorf("the new document is not at the disk: %v", stored(disk))
	}
	if got := second("open " + webdav + name); got != "read-only" {
		t.Errorf("a document that another has open is %s", got)
	}
	second("close")
	first("type , second line")
	first("save")
	if now := stored(disk)["d/letter of May.odt"]; now == created || now == "" {
		t.Error("saving did not change the document")
	}
	first("close")
	if lockOf() != "" {
		t.Error("the document is closed and still locked")
	}
	if got := second("open " + webdav + name); got != "writable" {
		t.Errorf("a document that nobody has open is %s", got)
	}
	if got := second("text"); got != "first line, second line" {
		t.Errorf("the document says %q", got)
	}
	taken()
	second("type , third line")
	second("save")
	second("close")
	if got := first("open " + webdav + name); got != "writable" {
		t.Errorf("a document that nobody has open any more is %s", got)
	}
	if got := first("text"); got != "first line, second line, third line" {
		t.Errorf("the document says %q", got)
	}
	first("close")
	if found := stored(disk); len(found) != 1 {
		t.Errorf("something was left beside the document: %v", found)
	}
}

// startOffice starts a LibreOffice with a profile of its own, as another
// user's, and returns what makes it do one line of testdata/libreoffice.py.
func startOffice(t *testing.T) func(line string) string {
	t.Helper()
	home := t.TempDir()
	pipe := "davdisk-" + fmt.Sprint(os.Getpid()) + "-" + filepath.Base(filepath.Dir(home)) + filepath.Base(home)
	env := append(os.Environ(), "HOME="+home)
	soffice := exec.Command(testtool.Find(t, "soffice"), "--headless", "--norestore", "--nologo", "--accept=pipe,name="+pipe+";urp;", "-env:UserInstallation=file://"+home+"/profile")
	soffice.Env = env
	var complaints bytes.Buffer
	soffice.Stderr = &complaints
	if err := soffice.Start(); err != nil {
		t.Fatal(err)
	}
	// Debian's own interpreter is the one that knows LibreOffice.
	script := exec.Command("/usr/bin/python3", "testdata/libreoffice.py", pipe)
	script.Env = env
	in, err := script.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := script.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := script.Start(); err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(out)
	do := func(line string) string {
		t.Helper()
		if _, err := io.WriteString(in, line+"\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := answers.ReadString('\n')
		said, ok := strings.CutPrefix(strings.TrimRight(answer, "\n"), "done ")
		if err != nil || !ok {
			t.Fatalf("LibreOffice at %q: %s%v", line, answer, err)
		}
		return said
	}
	t.Cleanup(func() {
		_, _ = io.WriteString(in, "quit\n")
		in.Close()
		_ = script.Wait()
		_ = soffice.Wait()
		if t.Failed() {
			t.Logf("LibreOffice said:\n%s", &complaints)
		}
	})
	return do
}
