package e2e

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// focusOn presses Tab until a button or link has the focus, as who has no mouse
// does.
func (b *tab) focusOn(label string) {
	b.Helper()
	b.wait(element("button, a, input", label))
	until(b, "the focus comes to "+label, func() bool {
		b.keys("Tab")
		return eval[bool](b, `((e) => e.textContent.trim() === `+js(label)+` || e.getAttribute("aria-label") === `+js(label)+`)(document.activeElement)`)
	})
}

// TestPageKeyboard does all that one does with files without a mouse.
func TestPageKeyboard(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "a.txt", "a")
	put(t, disk, "b.txt", "b")
	put(t, disk, "Folder/in.txt", "in")
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()
	b.names("Folder", "a.txt", "b.txt")

	b.focusOn("New folder")
	b.keys("Enter")
	b.typeOver("Made")
	b.names("Folder", "Made", "a.txt", "b.txt")

	// Select two, and move them by the dialog.
	b.keys("Home", "ArrowDown", "ArrowDown", " ", "ArrowDown", " ")
	b.wait(`document.querySelectorAll(".row[aria-selected=true]").length === 2`)
	b.focusOn("Move")
	b.keys("Enter")
	b.wait(`document.querySelector("dialog li")`)
	b.focusOn("Made")
	b.keys("Enter")
	b.wait(`document.querySelector("dialog .path").textContent.endsWith("Made")`)
	b.focusOn("Move here")
	b.keys("Enter")
	b.names("Folder", "Made")
	trees(t, disk, map[string]string{"Made/a.txt": "a", "Made/b.txt": "b", "Folder/in.txt": "in"})

	// Rename, delete, and take the deletion back.
	b.wait(`document.activeElement.id === "list"`)
	b.keys("Home", "F2")
	b.typeOver("Renamed")
	b.names("Made", "Renamed")
	b.keys("Home", "ArrowDown", "Delete")
	b.names("Made")
	b.focusOn("Undo")
	b.keys("Enter")
	b.names("Made", "Renamed")
	trees(t, disk, map[string]string{"Made/a.txt": "a", "Made/b.txt": "b", "Renamed/in.txt": "in"})

	// The menu, and what it opens.
	b.focusOn("Menu")
	b.keys("Enter")
	b.focusOn("Status and connection")
	b.keys("Enter")
	b.wait(`document.querySelector("dialog dl")`)
	b.keys("Escape")
	b.wait(`!document.querySelector("dialog")`)
}

// tap touches what is seen, as a finger does.
func (b *tab) tap(expression string) {
	b.Helper()
	x, y := b.at(expression)
	call(b, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}})
	call(b, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
}

// TestPagePhone does what one does with files on a phone.
func TestPagePhone(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "Folder/a.txt", "a")
	put(t, disk, "Folder/b.txt", "b")
	s := serve(t, disk)
	b := openBrowser(t, "about:blank")
	b.phone()
	b.do(chromedp.Navigate(s.url))
	b.ready()
	b.names("Folder")
	b.tap(row("Folder") + `?.querySelector("a")`)
	b.names("a.txt", "b.txt")
	b.tap(row("a.txt") + `?.querySelector("a")`)
	b.wait(`document.querySelector(".viewer pre")?.textContent === "a"`)
	b.tap(element(".viewer button", "Next"))
	b.wait(`document.querySelector(".viewer pre")?.textContent === "b"`)
	b.tap(element(".viewer button", "Close"))
	b.wait(`!document.querySelector("dialog")`)

	local := locals(t, map[string]string{"c.txt": "c"})
	b.pick(filepath.Join(local, "c.txt"))
	b.uploaded()
	b.has("c.txt")
	b.tap(element("#uploads button", "Close"))
	b.tap(row("a.txt") + `?.querySelector("input")`)
	b.wait(row("a.txt") + `.getAttribute("aria-selected") === "true"`)
	b.tap(`[...document.querySelectorAll(".tools button")].find((e) => e.textContent.trim() === "Delete")`)
	b.names("b.txt", "c.txt")
	b.tap(element(".toast button", "Undo"))
	b.names("a.txt", "b.txt", "c.txt")
	b.tap(element(".crumbs a", "Home"))
	b.names("Folder")
	trees(t, disk, map[string]string{"Folder/a.txt": "a", "Folder/b.txt": "b", "Folder/c.txt": "c"})
}

// TestPageViewer opens a file of each kind in place, and goes from one to the
// next.
func TestPageViewer(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	dir := t.TempDir()
	run(t, command(t, "ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "sine=duration=1", filepath.Join(dir, "2 sound.ogg")))
	run(t, command(t, "ffmpeg", "-loglevel", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=64x48", "-c:v", "libvpx", filepath.Join(dir, "3 film.webm")))
	disk := startDisk(t, emulator.Options{})
	picture, err := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")
	if err != nil {
		t.Fatal(err)
	}
	put(t, disk, "1 picture.png", string(picture))
	for _, name := range []string{"2 sound.ogg", "3 film.webm"} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		put(t, disk, name, string(content))
	}
	put(t, disk, "4 paper.pdf", "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]>>endobj\ntrailer<</Root 1 0 R>>")
	put(t, disk, "5 text.txt", "<b>text</b>")
	put(t, disk, "6 broken.png", "no picture")
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()
	b.open("1 picture.png")
	b.wait(`document.querySelector(".viewer img")?.naturalWidth === 1`)
	next := func(title, shown string) {
		t.Helper()
		b.click(element(".viewer button", "Next"))
		b.wait(`document.querySelector(".viewer h2").textContent === ` + js(title))
		b.wait(shown)
	}
	next("2 sound.ogg", `document.querySelector(".viewer audio")?.duration > 0.9`)
	next("3 film.webm", `document.querySelector(".viewer video")?.videoWidth === 64`)
	next("4 paper.pdf", `document.querySelector(".viewer iframe")?.src.endsWith("4%20paper.pdf")`)
	next("5 text.txt", `document.querySelector(".viewer pre")?.textContent === "<b>text</b>"`)
	next("6 broken.png", `document.querySelector(".viewer .sorry")`)
	b.wait(element(".viewer button", "Next") + `.disabled`)
	b.click(element(".viewer button", "Previous"))
	b.wait(`document.querySelector(".viewer pre")`)
	b.keys("Escape")
	b.wait(`document.querySelector(".row.cursor a")?.textContent === "5 text.txt"`)
}
