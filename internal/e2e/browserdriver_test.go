package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/davdisk/davdisk/internal/testtool"
	"github.com/davdisk/davdisk/internal/testwait"
)

// tab is a page in headless Chromium. What the page's scripts throw, and what
// its policy refuses, fails the test.
type tab struct {
	testing.TB
	ctx       context.Context
	downloads string // folder that downloads are saved in

	mu       sync.Mutex
	complain []string
}

// openBrowser starts Chromium with a profile of its own and loads an address.
func openBrowser(t testing.TB, address string, flags ...chromedp.ExecAllocatorOption) *tab {
	t.Helper()
	dir := t.TempDir()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(testtool.Find(t, "chromium")), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(filepath.Join(dir, "profile")), chromedp.WindowSize(1280, 800), chromedp.WSURLReadTimeout(testwait.Limit(t)),
		chromedp.Flag("lang", "en-GB"), chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("autoplay-policy", "user-gesture-required"))
	ctx, cancel := context.WithTimeout(context.Background(), testwait.Limit(t))
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, append(options, flags...)...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	b := &tab{TB: t, ctx: ctx, downloads: filepath.Join(dir, "downloads")}
	t.Cleanup(b.check)
	b.listen()
	if _, err := chromedp.CallBrowser(ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: b.downloads,
	}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.Navigate(address))
	return b
}

// another opens one more tab of the same browser.
func (b *tab) another(address string) *tab {
	b.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	b.Cleanup(closeTab)
	other := &tab{TB: b.TB, ctx: ctx, downloads: b.downloads}
	b.Cleanup(other.check)
	other.listen()
	other.do(chromedp.Navigate(address))
	return other
}

func (b *tab) listen() {
	b.Helper()
	err := chromedp.Listen(b.ctx, func(event any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.complain = append(b.complain, (&chromedp.ExceptionError{ExceptionDetails: e.ExceptionDetails}).Error())
		case *log.EventEntryAdded:
			// An answer that is no success is logged too, which may be meant.
			if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
				b.complain = append(b.complain, e.Entry.Text)
			}
		case *page.EventJavascriptDialogOpening:
			b.complain = append(b.complain, "dialog: "+e.Message)
		}
	})
	if err != nil {
		b.Fatal(err)
	}
}

func (b *tab) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, line := range b.complain {
		b.Errorf("the browser says: %s", line)
	}
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.Fatalf("browser: %v", err)
	}
}

// call makes a call of the DevTools protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.Fatalf("browser: %v", err)
	}
	return result
}

// eval returns the value of an expression, or of its promise.
func eval[T any](b *tab, expression string) T {
	b.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.Fatalf("%s: %v", expression, err)
	}
	return value
}

// run runs a script.
func (b *tab) run(script string) { b.Helper(); eval[chromedp.Void](b, script) }

// js is a Go value as an expression.
func js(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// wait waits until an expression is true.
func (b *tab) wait(expression string) {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(testwait.Limit(b))
	for {
		// While another page is loaded there is no context to ask in.
		if holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!("+expression+")")); err == nil && holds {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string]("location.href + '\\n' + document.body.innerText"))
			b.shot("failed-" + strings.ReplaceAll(b.Name(), "/", "-"))
			b.Fatalf("still not so: %s\nthe page says:\n%s", expression, text)
		}
	}
}

// ready waits for the file manager.
func (b *tab) ready() *tab {
	b.Helper()
	b.wait(`document.documentElement.dataset.ready === "1"`)
	return b
}

const rowNames = `[...document.querySelectorAll("#list .row a")].map((a) => a.textContent)`

// names waits until these are the rows in view, in this order.
func (b *tab) names(want ...string) {
	b.Helper()
	if want == nil {
		want = []string{}
	}
	b.wait(fmt.Sprintf("JSON.stringify(%s) === JSON.stringify(%s)", rowNames, js(want)))
}

// has waits for a row, and lacks until there is none.
func (b *tab) has(name string) { b.Helper(); b.wait(rowNames + ".includes(" + js(name) + ")") }

func (b *tab) lacks(name string) { b.Helper(); b.wait("!" + rowNames + ".includes(" + js(name) + ")") }

// element is the expression for what is clicked: the first that is seen, by
// selector and, if that is not empty, its words or name.
func element(selector, label string) string {
	return fmt.Sprintf(`[...document.querySelectorAll(%s)].find((e) => e.checkVisibility() && (!%[2]s || e.textContent.trim() === %[2]s || e.getAttribute("aria-label") === %[2]s))`, js(selector), js(label))
}

// row is the expression for a row.
func row(name string) string {
	return fmt.Sprintf(`[...document.querySelectorAll("#list .row")].find((r) => r.querySelector("a")?.textContent === %s)`, js(name))
}

// at is where an element is that can be clicked: it stands still for two frames,
// and nothing lies over it.
func (b *tab) at(expression string) (x, y float64) {
	b.Helper()
	b.wait(expression)
	until(b, "it can be clicked: "+expression, func() bool {
		point := eval[[]float64](b, `(async () => {
			const frame = () => new Promise((resolve) => setTimeout(resolve, 20));
			const e = `+expression+`;
			if (!e) return [];
			e.scrollIntoView({block: "nearest"});
			const before = e.getBoundingClientRect();
			await frame();
			const r = e.getBoundingClientRect();
			const x = r.x + r.width / 2, y = r.y + r.height / 2;
			return e.isConnected && before.x === r.x && before.y === r.y && e.contains(document.elementFromPoint(x, y)) ? [x, y] : [];
		})()`)
		if len(point) == 2 {
			x, y = point[0], point[1]
		}
		return len(point) == 2
	})
	return x, y
}

// click clicks with the mouse, as a person does.
func (b *tab) click(expression string, options ...chromedp.MouseOption) {
	b.Helper()
	x, y := b.at(expression)
	b.do(chromedp.MouseClickXY(x, y, options...))
}

// press clicks a button or link by its words.
func (b *tab) press(label string) {
	b.Helper()
	b.click(element("dialog[open]:last-of-type button, dialog[open]:last-of-type a", label) + " ?? " + element("button, a.button", label))
}

// open goes into a folder, or opens a file, by a click on its name.
func (b *tab) open(name string) { b.Helper(); b.click(row(name) + `?.querySelector("a")`) }

// choose selects rows by their boxes.
func (b *tab) choose(names ...string) {
	b.Helper()
	for _, name := range names {
		b.click(row(name) + `?.querySelector("input")`)
		b.wait(row(name) + `?.getAttribute("aria-selected") === "true"`)
	}
}

// keyCodes are those of the keys that are no letters (DOM key to key code).
var keyCodes = map[string]int64{
	"Enter": 13, "Escape": 27, "Backspace": 8, "Delete": 46, "Home": 36, "End": 35, "F2": 113, "Tab": 9,
	"ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39,
}

// keys presses keys by their DOM names, or types a text, at what has the focus.
// A key is one event with its text, so that a page that prevents its default
// prevents the text, as with a keyboard.
func (b *tab) keys(keys ...string) {
	b.Helper()
	for _, key := range keys {
		if code, special := keyCodes[key]; special {
			b.key(key, code, input.DispatchKeyEventParams{}, map[string]string{"Enter": "\r"}[key])
			continue
		}
		for _, letter := range key {
			b.key(string(letter), 0, input.DispatchKeyEventParams{}, string(letter))
		}
	}
}

func (b *tab) key(key string, code int64, modifiers input.DispatchKeyEventParams, text string) {
	b.Helper()
	p := modifiers
	p.Type, p.Key, p.WindowsVirtualKeyCode, p.Text = input.DispatchKeyEventTypeKeyDown, key, code, text
	call(b, input.DispatchKeyEvent, p)
	p.Type, p.Text = input.DispatchKeyEventTypeKeyUp, ""
	call(b, input.DispatchKeyEvent, p)
}

// selectAll presses Ctrl+A.
func (b *tab) selectAll() { b.Helper(); b.key("a", 65, input.DispatchKeyEventParams{Modifiers: 2}, "") }

// typeOver types a text in the place of what an input has.
func (b *tab) typeOver(text string) {
	b.Helper()
	b.wait(`document.activeElement.matches("input")`)
	b.run(`document.activeElement.select()`)
	b.keys(text, "Enter")
}

// phone makes the window that of a phone.
func (b *tab) phone() {
	b.Helper()
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateScale(2), chromedp.EmulateMobile, chromedp.EmulateTouch))
}

// dark sets what the system prefers: dark, and at once, without transitions.
func (b *tab) dark() {
	b.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "dark"}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// shot saves a picture of the window, if somebody wants to look at them.
func (b *tab) shot(name string) {
	b.Helper()
	dir := os.Getenv("DAVDISK_TEST_SHOTS")
	if dir == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.Error(err)
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture, 0o600); err != nil {
		b.Error(err)
	}
}
