package e2e

import (
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestPageSignIn signs in by the form, sees the disk, and signs out.
func TestPageSignIn(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	disk := startDisk(t, emulator.Options{})
	put(t, disk, "in/private.txt", "x")
	s := serve(t, disk, "--user", "anna", "--pass", "geheim & süß")
	b := openBrowser(t, s.url+"in/")
	fill := func(password string) {
		t.Helper()
		b.wait(`document.querySelector("input[type=password]")`)
		b.click(`document.querySelector("input[name=name]")`)
		b.keys("anna")
		b.click(`document.querySelector("input[type=password]")`)
		b.keys(password, "Enter")
	}
	b.wait(`!document.body.textContent.includes("private.txt")`)
	b.shot("sign-in")
	fill("wrong")
	b.wait(`document.querySelector("[role=alert]")?.textContent.includes("Wrong")`)
	fill("geheim & süß")
	b.ready()
	b.names("private.txt")
	b.wait(`location.pathname === "/in/" && document.cookie === ""`)
	b.press("New folder")
	b.typeOver("made")
	b.has("made")
	if code, _ := s.request("GET", "in/private.txt", nil); code != 401 {
		t.Errorf("without a password: %d", code)
	}
	b.press("Menu")
	b.click(element("#menu button", "Sign out"))
	b.wait(`document.querySelector("input[type=password]")`)
	b.do(chromedp.Navigate(s.url + "in/"))
	b.wait(`document.querySelector("input[type=password]")`)
}
