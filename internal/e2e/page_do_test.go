package e2e

import (
	"archive/zip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// locals writes files to upload, and returns where they are.
func locals(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// pick chooses files, as the file dialog does.
func (b *tab) pick(files ...string) {
	b.Helper()
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#pick-files"), files, chromedp.NodeReady))
}

// uploaded waits until the uploads have come to their end.
func (b *tab) uploaded() {
	b.Helper()
	b.wait(`document.querySelectorAll("#uploads li").length > 0 && !document.querySelector("#uploads").classList.contains("busy")`)
}

// trees waits until the disk has these files.
func trees(t *testing.T, disk *emulator.Server, want map[string]string) {
	t.Helper()
	sums := map[string]string{}
	for name, content := range want {
		sums[name] = sum([]byte(content))
	}
	same(t, "at the disk", stored(disk), sums)
}

// TestPageDo does what one does with files, and compares the disk.
func TestPageDo(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	hostile := `<img src=x onerror=alert(1)> & "co" 100%.txt`
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "Documents/a.txt", "a")
	put(t, disk, "Documents/b.txt", "b")
	s := serve(t, disk)
	b := openBrowser(t, s.url+"Documents/").ready()
	local := locals(t, map[string]string{hostile: "uploaded", "a.txt": "another a", "b.txt": "another b", "new.txt": "new"})
	at := func(name string) string { return filepath.Join(local, name) }

	// Upload; names that are taken are asked for.
	b.pick(at(hostile), at("new.txt"))
	b.uploaded()
	b.has(hostile)
	b.pick(at("a.txt"))
	b.press("Keep both")
	b.has("a (2).txt")
	b.pick(at("b.txt"))
	b.press("Replace")
	b.uploaded()
	b.wait(`[...document.querySelectorAll("#uploads li.done")].length === 4`)
	b.pick(at("a.txt"))
	b.press("Skip")
	b.wait(`document.querySelector("#uploads li.skipped")`)
	trees(t, disk, map[string]string{
		"Documents/a.txt": "a", "Documents/a (2).txt": "another a", "Documents/b.txt": "another b", "Documents/new.txt": "new", "Documents/" + hostile: "uploaded",
	})
	b.press("Close")

	// A new folder, with its name typed at once, and a file renamed by F2.
	b.press("New folder")
	b.typeOver("Ideas & <b>more")
	b.has("Ideas & <b>more")
	b.choose("new.txt")
	b.keys("F2")
	b.typeOver("renamed.txt")
	b.has("renamed.txt")
	b.lacks("new.txt")

	// Move two by the dialog; the name of one is taken there.
	put(t, disk, "Documents/Ideas & <b>more/b.txt", "was here")
	b.keys("Escape")
	b.choose("b.txt", hostile)
	b.press("Move")
	b.press("Ideas & <b>more")
	b.wait(`document.querySelector("dialog .path").textContent.endsWith("more")`)
	b.press("Move here")
	b.press("Keep both")
	b.lacks("b.txt")
	b.lacks(hostile)
	trees(t, disk, map[string]string{
		"Documents/a.txt": "a", "Documents/a (2).txt": "another a", "Documents/renamed.txt": "new", "Documents/Ideas & <b>more/b.txt": "was here",
		"Documents/Ideas & <b>more/b (2).txt": "another b", "Documents/Ideas & <b>more/" + hostile: "uploaded",
	})

	// Copy, then delete and take it back.
	b.choose("a.txt")
	b.press("Copy")
	b.press("..")
	b.wait(`document.querySelector("dialog .path").textContent === "/"`)
	b.press("Copy here")
	b.wait(`!document.querySelector("dialog")`)
	b.keys("Delete")
	b.lacks("a.txt")
	if _, there := stored(disk)["Documents/a.txt"]; there {
		t.Error("what was deleted is there")
	}
	b.press("Undo")
	b.has("a.txt")
	files := stored(disk)
	if files["Documents/a.txt"] != sum([]byte("a")) || files["a.txt"] != sum([]byte("a")) {
		t.Errorf("after a copy, and a deletion taken back: %v", files)
	}

	// Download a folder as a ZIP.
	b.choose("Ideas & <b>more")
	b.press("Download as ZIP")
	var archive string
	until(t, "the archive is saved", func() bool {
		found, err := filepath.Glob(filepath.Join(b.downloads, "*.zip"))
		if err != nil || len(found) == 0 {
			return false
		}
		archive = found[0]
		return true
	})
	got := map[string]string{}
	r, err := zip.OpenReader(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, f := range r.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(f.Name, "/") {
			got[f.Name] = sum(content)
		}
	}
	same(t, "in the archive", got, map[string]string{
		"Ideas & <b>more/b.txt": sum([]byte("was here")), "Ideas & <b>more/b (2).txt": sum([]byte("another b")), "Ideas & <b>more/" + hostile: sum([]byte("uploaded")),
	})
}

// TestPageShare makes and withdraws a link, and restores from the trash.
func TestPageShare(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "<b>shared.txt", "x")
	put(t, disk, "lost.txt", "lost")
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()
	b.choose("<b>shared.txt")
	b.press("Share")
	b.wait(`document.querySelector("dialog .copyable input")?.value.startsWith("http")`)
	link := eval[string](b, `document.querySelector("dialog .copyable input").value`)
	b.shot("share")
	b.press("Close")
	menu := func(entry string) {
		t.Helper()
		b.press("Menu")
		b.click(element("#menu button", entry))
	}
	menu("Shared")
	b.wait(`document.querySelector("dialog li small")?.textContent === ` + js(link))
	b.press("Withdraw")
	b.wait(`document.querySelector("dialog li.quiet")`)
	b.press("Close")

	b.keys("Escape")
	b.choose("lost.txt")
	b.press("Delete")
	b.lacks("lost.txt")
	put(t, disk, "lost.txt", "another")
	menu("Trash")
	b.press("Restore")
	b.typeOver("found.txt") // because the name is taken again
	b.wait(`document.querySelector("dialog li.quiet")`)
	b.press("Close")
	b.has("found.txt")
	trees(t, disk, map[string]string{"<b>shared.txt": "x", "lost.txt": "another", "found.txt": "lost"})

	menu("Status and connection")
	b.wait(`[...document.querySelectorAll("dialog .copyable input")].some((i) => i.value.startsWith("sudo mount -t davfs " + location.origin))`)
	b.shot("status")
}

// TestPageDrop drops files and folders from outside, and moves by dragging.
func TestPageDrop(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "into/kept.txt", "kept")
	put(t, disk, "dragged.txt", "dragged")
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()
	local := locals(t, map[string]string{"album/2026/a.jpg": "a", "album/b & c.jpg": "b", "single.txt": "single"})
	x, y := b.at(`document.querySelector("#list .body")`)
	data := &input.DragData{Items: []*input.DragDataItem{}, Files: []string{filepath.Join(local, "album"), filepath.Join(local, "single.txt")}, DragOperationsMask: 1}
	for _, kind := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
		call(b, input.DispatchDragEvent, input.DispatchDragEventParams{Type: kind, X: x, Y: y, Data: data})
	}
	b.uploaded()
	b.has("album")
	b.press("Close")
	fromX, fromY := b.at(row("dragged.txt"))
	toX, toY := b.at(row("into"))
	b.do(chromedp.DragAndDropXY(fromX, fromY, toX, toY))
	b.lacks("dragged.txt")
	trees(t, disk, map[string]string{
		"into/kept.txt": "kept", "into/dragged.txt": "dragged", "single.txt": "single", "album/2026/a.jpg": "a", "album/b & c.jpg": "b",
	})
}

// TestPageOthers: what somebody else has changed meanwhile is not overwritten
// and not deleted, and a folder that is gone is told.
func TestPageOthers(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "in/a.txt", "first")
	s := serve(t, disk)
	b := openBrowser(t, s.url+"in/").ready()
	b.has("a.txt")
	// The page does not hear of it before it deletes.
	b.run(`window.really = fetch; window.fetch = (at, o) => String(at).includes("/api/list") ? new Promise(() => {}) : really(at, o)`)
	if code, _ := s.request("PUT", "in/a.txt", strings.NewReader("second, by another client")); code != 204 {
		t.Fatal(code)
	}
	b.choose("a.txt")
	b.press("Delete")
	b.wait(`document.querySelector(".toast")?.textContent.includes("Somebody else")`)
	trees(t, disk, map[string]string{"in/a.txt": "second, by another client"})

	b.run(`window.fetch = really`)

	// Replaced between the question and the answer: asked again.
	local := locals(t, map[string]string{"a.txt": "mine"})
	b.pick(filepath.Join(local, "a.txt"))
	b.wait(`document.querySelector("dialog")`)
	if code, _ := s.request("PUT", "in/a.txt", strings.NewReader("third")); code != 204 {
		t.Fatal(code)
	}
	b.run(`window.asked = document.querySelector("dialog")`)
	b.press("Replace")
	b.wait(`document.querySelector("dialog") && document.querySelector("dialog") !== window.asked`)
	trees(t, disk, map[string]string{"in/a.txt": "third"})
	b.press("Replace")
	b.uploaded()
	trees(t, disk, map[string]string{"in/a.txt": "mine"})

	if code, _ := s.request("DELETE", "in/", nil); code != 204 {
		t.Fatal(code)
	}
	b.run(`window.dispatchEvent(new Event("focus"))`)
	b.wait(`document.querySelector(".notice").textContent.includes("no longer exists")`)
	b.pick(filepath.Join(local, "a.txt"))
	b.wait(`document.querySelector("#uploads li.failed")?.textContent.includes("folder")`)
	trees(t, disk, map[string]string{})
}
