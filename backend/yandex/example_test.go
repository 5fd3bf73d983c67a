package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"os"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// demo is a disk to try things on. With an account of your own, leave out
// APIURL and take a token from [yandex.TokenStore].
func demo() (*yandex.Backend, func()) {
	srv, err := emulator.Start(emulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for name, content := range map[string]string{"/Docs/plan.txt": "ship it", "/Docs/photo.jpg": "not really", "/song.mp3": "la la"} {
		if err := srv.WriteFile(name, []byte(content)); err != nil {
			log.Fatal(err)
		}
	}
	b, err := yandex.New(yandex.Config{APIURL: srv.URL, Token: yandex.StaticToken(srv.Token)})
	if err != nil {
		log.Fatal(err)
	}
	return b, func() {
		b.Close()
		srv.Close()
	}
}

func Example() {
	b, done := demo()
	defer done()
	ctx := context.Background()

	info, err := b.Put(ctx, "Docs/new.txt", strings.NewReader("hello"), backend.PutOptions{Size: 5, IfAbsent: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("stored", info.Name, info.Size, info.MD5)

	_, children, err := b.List(ctx, "Docs")
	if err != nil {
		log.Fatal(err)
	}
	for info, err := range children {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(info.Name, info.Size)
	}
	_, err = b.Stat(ctx, "Docs/missing")
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// stored new.txt 5 5d41402abc4b2a76b9719d911017c592
	// new.txt 5
	// photo.jpg 10
	// plan.txt 7
	// true
}

func ExampleBackend_Open() {
	b, done := demo()
	defer done()
	ctx := context.Background()

	c, err := b.Open(ctx, "Docs/plan.txt", "")
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	r, err := c.Range(ctx, 5, -1) // from the sixth byte to the end
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	io.Copy(os.Stdout, r)
	// Output: it
}

func ExampleBackend_Trash() {
	b, done := demo()
	defer done()
	ctx := context.Background()

	if err := b.Remove(ctx, "song.mp3", backend.RemoveOptions{}); err != nil {
		log.Fatal(err)
	}
	for entry, err := range b.Trash(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		name, err := b.Restore(ctx, entry.ID, "", false)
		fmt.Println("restored", name, err)
	}
	// Output: restored song.mp3 <nil>
}

func ExampleBackend_Share() {
	b, done := demo()
	defer done()
	ctx := context.Background()

	address, err := b.Share(ctx, "Docs")
	if err != nil {
		log.Fatal(err)
	}
	public, err := b.Public(ctx, address) // what anybody can do
	if err != nil {
		log.Fatal(err)
	}
	info, err := public.Stat(ctx, "plan.txt")
	fmt.Println(info.Name, info.Size, err)
	// Output: plan.txt 7 <nil>
}

func ExampleBackend_Files() {
	b, done := demo()
	defer done()
	for entry, err := range b.Files(context.Background(), backend.FilesOptions{Types: []string{"image", "audio"}, Sort: "name"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Path, entry.Info.ContentType)
	}
	// Output:
	// Docs/photo.jpg image/jpeg
	// song.mp3 audio/mpeg
}

func ExampleBackend_Link() {
	b, done := demo()
	defer done()
	link, err := b.Link(context.Background(), "Docs/plan.txt")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.HasPrefix(link.URL, "http"), time.Until(link.Expires) > time.Hour)
	// Output: true true
}

func ExampleBackend_SetModTime() {
	b, done := demo()
	defer done()
	ctx := context.Background()
	if err := b.SetModTime(ctx, "song.mp3", time.Date(1969, 7, 20, 20, 17, 40, 0, time.UTC)); err != nil {
		log.Fatal(err)
	}
	info, err := b.Stat(ctx, "song.mp3")
	fmt.Println(info.ModTime.Format(time.RFC3339), err)
	// Output: 1969-07-20T20:17:40Z <nil>
}

func ExampleBackend_Copy() {
	b, done := demo()
	defer done()
	ctx := context.Background()
	if err := b.Copy(ctx, "Docs", "Docs 2", backend.CopyOptions{}); err != nil { // a whole tree, in the service
		log.Fatal(err)
	}
	info, err := b.Stat(ctx, "Docs 2/plan.txt")
	fmt.Println(info.Size, err)
	// Output: 7 <nil>
}

func ExampleBackend_Usage() {
	b, done := demo()
	defer done()
	space, err := b.Usage(context.Background())
	fmt.Println(space.Total, space.Used, space.MaxFile, err)
	// Output: 45097156608 22 1073741824 <nil>
}

// The device flow: the person confirms a code in any browser.
func ExampleOAuth() {
	srv, err := emulator.Start(emulator.Options{ClientID: "my-app", ClientSecret: "my-secret",
		Knobs: emulator.Knobs{DevicePolls: 1, DeviceInterval: time.Second}})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()
	ctx := context.Background()

	o := yandex.OAuth{URL: srv.OAuthURL, ClientID: "my-app", ClientSecret: "my-secret"}
	code, err := o.DeviceCode(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("go to the page and type in a code of", len(code.UserCode), "characters")
	tokens, err := o.Poll(ctx, code)
	if err != nil {
		log.Fatal(err)
	}

	dir, err := os.MkdirTemp("", "yandex-example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	store := yandex.NewTokenStore(dir, "default", o)
	if err := store.Save(ctx, tokens); err != nil {
		log.Fatal(err)
	}
	b, err := yandex.New(yandex.Config{APIURL: srv.URL, Token: store})
	if err != nil {
		log.Fatal(err)
	}
	defer b.Close()
	account, err := b.Account(ctx)
	fmt.Println(account.Login != "", err)
	// Output:
	// go to the page and type in a code of 8 characters
	// true <nil>
}
