package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestPageLook looks at the demo as a person does: list, grid with previews,
// a picture and those beside it, dark and on a phone. With DAVDISK_TEST_SHOTS
// it leaves pictures in that folder; those in docs/images are made by it.
func TestPageLook(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	s := start(t, t.TempDir(), nil, "serve", "--demo", "--addr", "127.0.0.1:0")
	b := openBrowser(t, s.url).ready()
	b.has("Documents")
	b.has("Photos")
	b.choose("Documents")
	b.shot("page-list")
	b.open("Photos")
	b.has("Sunrise.jpg")
	b.click(element("button", "Grid"))
	b.wait(`document.querySelectorAll("#list.grid .row img").length === 4 && [...document.querySelectorAll("#list.grid .row img")].every((i) => i.complete && i.naturalWidth > 0)`)
	b.shot("page-grid")
	b.open("Dusk 🌆.jpg")
	loaded := `document.querySelector(".viewer .stage img")?.complete && document.querySelector(".viewer .stage img").naturalWidth === 960`
	b.wait(loaded)
	b.keys("ArrowRight")
	b.wait(`document.querySelector(".viewer h2").textContent === "Night & day.png"`)
	b.wait(loaded)
	b.shot("page-picture")
	b.keys("Escape")
	b.wait(`!document.querySelector("dialog") && document.querySelector(".row.cursor a").textContent === "Night & day.png"`)
	b.dark()
	b.shot("page-dark")
	b.phone()
	b.wait(`innerWidth === 390`)
	b.click(element("button", "List"))
	b.wait(`!document.querySelector("#list.grid")`)
	b.shot("page-phone")
	if wide := eval[bool](b, `document.documentElement.scrollWidth > innerWidth`); wide {
		t.Error("on a phone the page is wider than the window")
	}
}

// TestPageRussian is the page for a browser that asks for Russian.
func TestPageRussian(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	s := start(t, t.TempDir(), nil, "serve", "--demo", "--addr", "127.0.0.1:0")
	b := openBrowser(t, s.url, chromedp.Flag("accept-lang", "ru-RU"), chromedp.Flag("lang", "ru"), chromedp.Env("LANGUAGE=ru")).ready()
	b.wait(`document.documentElement.lang === "ru"`)
	b.wait(element("button", "Новая папка"))
	b.wait(`import(document.body.dataset.static + "text.js").then((m) => { window.missing = m.missing; }) && window.missing && window.missing.length === 0`)
	b.shot("russian")
}

// TestPageAccessible has axe-core look at the page in light and dark, in all its
// views: nothing serious is found.
func TestPageAccessible(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	dir := t.TempDir()
	run(t, command(t, "npm", "install", "--no-audit", "--no-fund", "--prefix", dir, "axe-core@4"))
	axe, err := os.ReadFile(filepath.Join(dir, "node_modules/axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, t.TempDir(), nil, "serve", "--demo", "--addr", "127.0.0.1:0")
	b := openBrowser(t, s.url).ready()
	b.has("Documents")
	b.run(string(axe))
	look := func(view string) {
		t.Helper()
		for _, found := range eval[[]string](b, `axe.run({resultTypes: ["violations"]}).then((r) => r.violations.filter((v) => ["serious", "critical"].includes(v.impact)).map((v) => v.id + ": " + v.nodes.map((n) => n.html + " " + n.any.map((a) => a.message)).slice(0, 3).join("; ")))`) {
			t.Errorf("%s: %s", view, found)
		}
	}
	for _, shade := range []string{"light", "dark"} {
		if shade == "dark" {
			b.dark()
		}
		b.choose("Documents")
		look(shade + " list")
		b.press("Move")
		b.wait(`document.querySelector("dialog li")`)
		look(shade + " dialog")
		b.press("Cancel")
		b.wait(`!document.querySelector("dialog")`)
		b.open("Photos")
		b.has("Sunrise.jpg")
		b.click(element("button", "Grid"))
		look(shade + " grid")
		b.open("Sunrise.jpg")
		b.wait(`document.querySelector(".viewer img")?.complete`)
		look(shade + " viewer")
		b.keys("Escape")
		b.wait(`!document.querySelector("dialog")`)
		b.press("Menu")
		b.click(element("#menu button", "Status and connection"))
		b.wait(`document.querySelector("dialog dl")`)
		look(shade + " status")
		b.press("Close")
		b.wait(`!document.querySelector("dialog")`)
		b.click(element("button", "List"))
		b.click(element(".crumbs a", "Home"))
		b.has("Documents")
	}
}
