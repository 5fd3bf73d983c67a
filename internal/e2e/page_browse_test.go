package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// hostileNames break what takes a name for markup, a path or an address.
func hostileNames() []string {
	return []string{
		`<img src=x onerror=document.title=1>`, `"><script>alert(1)<\script>`, `'quoted' & "double" %25 #?;+=,.txt`,
		"\u202Egpj.exe", "מסמך\u200F.txt", strings.Repeat("Ж", 127) + "x", "new\u2028line", "{{.}}${1}`", "i\u0306 \U0001F600",
	}
}

// asShown is how a name is shown.
func asShown(name string) string { return strings.ReplaceAll(name, "\u202E", "\uFFFD") }

// TestPageBrowse goes through folders by mouse and by keyboard.
func TestPageBrowse(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "Documents/a10.txt", strings.Repeat("x", 10))
	put(t, disk, "Documents/a9.txt", strings.Repeat("x", 99))
	put(t, disk, "Documents/Ideas/what if? #1 100%.txt", "<b>text</b>")
	put(t, disk, "Music/song.mp3", "no sound")
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()

	b.names("Documents", "Music")
	b.open("Documents")
	b.names("Ideas", "a9.txt", "a10.txt")
	b.wait(`location.pathname === "/Documents/" && document.title.startsWith("Documents")`)
	b.press("Size")
	b.names("Ideas", "a10.txt", "a9.txt")
	b.press("Size")
	b.names("Ideas", "a9.txt", "a10.txt")
	b.wait(`document.querySelector("[data-by=size]").getAttribute("aria-sort") === "descending"`)

	// The filter, as one types.
	b.click(`document.querySelector("#list .body")`)
	b.keys("/")
	b.wait(`document.activeElement.id === "filter"`)
	b.keys("a10")
	b.names("a10.txt")
	b.keys("Escape")
	b.names("Ideas", "a9.txt", "a10.txt")

	// By the keyboard alone: down, open, look at a file, close, up and up.
	b.keys("Home", "Enter")
	b.names("what if? #1 100%.txt")
	b.keys("ArrowDown", "Enter")
	b.wait(`document.querySelector(".viewer pre")?.textContent === "<b>text</b>"`)
	b.keys("Escape")
	b.wait(`!document.querySelector("dialog")`)
	b.keys("Backspace")
	b.wait(`document.querySelector(".row.cursor a")?.textContent === "Ideas"`)
	b.keys("Backspace")
	b.names("Documents", "Music")
	b.selectAll()
	b.wait(`document.querySelectorAll("[aria-selected=true]").length === 2`)
	b.keys("?")
	b.wait(`document.querySelector("dialog kbd")`)
	b.keys("Escape")

	// The browser's own way back, and a crumb.
	b.do(chromedp.NavigateBack())
	b.has("a9.txt")
	b.click(element(".crumbs a", "Home"))
	b.names("Documents", "Music")

	// Search below the folder, and from there to the file's folder.
	b.click(`document.querySelector("#filter")`)
	b.keys("WHAT IF", "Enter")
	b.names("what if? #1 100%.txt")
	b.press("Clear")
	b.names("Documents", "Music")

	// What another client does is seen without being asked for.
	put(t, disk, "from elsewhere.txt", "new")
	until(t, "the new file is shown", func() bool {
		return eval[bool](b, `window.dispatchEvent(new Event("focus")), `+rowNames+`.includes("from elsewhere.txt")`)
	})
}

// TestPageNames shows names that are other people's.
func TestPageNames(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	for _, name := range hostileNames() {
		put(t, disk, "in/"+name, "x")
		put(t, disk, name+" dir/inside.txt", "x")
	}
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()
	for _, name := range hostileNames() {
		b.has(asShown(name + " dir"))
		b.open(asShown(name + " dir"))
		b.names("inside.txt")
		b.wait(`document.querySelector(".crumbs [aria-current]").textContent === ` + js(asShown(name+" dir")))
		b.keys("Backspace")
		b.has("in")
	}
	b.open("in")
	for _, name := range hostileNames() {
		b.has(asShown(name))
	}
	b.run(`document.getElementById("view").click()`)
	for _, name := range hostileNames() {
		b.has(asShown(name))
	}
	b.wait(`!document.querySelector("#list img[src=x], #list script")`)
	b.shot("names")
}

// TestPageLarge shows 10,000 entries at once, and makes a row when it comes
// into view.
func TestPageLarge(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	const count = 10_000
	disk := startDisk(t, emulator.Options{})
	for i := range count {
		put(t, disk, fmt.Sprintf("many/file %05d.txt", i), "x")
	}
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()
	b.run(`window.measured = new Promise((resolve) => new PerformanceObserver((list) => {
		const answer = list.getEntries().find((e) => e.name.includes("/api/list?path=%2Fmany"));
		if (answer) {
			const shown = () => document.querySelectorAll(".row").length > 5 && document.getElementById("count").textContent.includes("10,000") ? resolve(performance.now() - answer.responseEnd) : requestAnimationFrame(shown);
			shown();
		}
	}).observe({type: "resource"})), 0`)
	b.open("many")
	b.has("file 00000.txt")
	took := eval[float64](b, `window.measured`)
	t.Logf("10,000 entries are shown %.0f ms after the answer", took)
	b.keys("End")
	b.has("file 09999.txt")
	if made := eval[int](b, `document.querySelectorAll(".row").length`); made > 100 {
		t.Errorf("%d rows were made", made)
	}
}

// TestPageRefreshKeepsRows: what another client changes is shown without taking
// away the row that is being clicked, or the name that is being typed.
func TestPageRefreshKeepsRows(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "m.txt", "m")
	s := serve(t, disk)
	b := openBrowser(t, s.url).ready()
	appears := func(name string) {
		t.Helper()
		put(t, disk, name, "new")
		until(t, name+" is shown", func() bool {
			return eval[bool](b, `window.dispatchEvent(new Event("focus")), `+rowNames+`.includes(`+js(name)+`)`)
		})
	}

	b.names("m.txt")
	x, y := b.at(row("m.txt") + `?.querySelector("input")`)
	mouse := func(kind input.DispatchMouseEventType) {
		t.Helper()
		call(b, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1})
	}
	mouse(input.DispatchMouseEventTypeMousePressed)
	appears("z.txt")
	mouse(input.DispatchMouseEventTypeMouseReleased)
	b.wait(row("m.txt") + `.getAttribute("aria-selected") === "true"`)

	b.keys("F2")
	b.wait(`document.activeElement.matches("input.rename")`)
	b.run(`document.activeElement.select()`)
	b.keys("half a na")
	appears("zz.txt")
	b.keys("me.txt", "Enter")
	b.has("half a name.txt")
	b.lacks("m.txt")
	b.names("half a name.txt", "z.txt", "zz.txt")
}

// TestPageSpaces: where the folders of the root are stores of their own, the space
// shown is that of the one that is open.
func TestPageSpaces(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	disk.SetKnobs(func(k *emulator.Knobs) { k.TotalSpace = 1 << 20 })
	s := start(t, t.TempDir(), account(disk), "serve", "--addr", "127.0.0.1:0", "--mount", "/disk=yandex:", "--mount", "/here="+t.TempDir())
	b := openBrowser(t, s.url).ready()

	b.names("disk", "here")
	b.open("disk")
	b.wait(`document.querySelector("#space meter")?.max === 1048576`)
	b.do(chromedp.NavigateBack())
	b.wait(`!document.querySelector("#space meter")`)
	b.open("here")
	b.wait(`document.querySelector("#space meter")?.max > 1048576`)
}
