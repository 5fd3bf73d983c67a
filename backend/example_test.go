package backend_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

// A program says by hand what it can open, and then opens stores by address.
func ExampleRegistry() {
	r := backend.NewRegistry(backend.Env{})
	r.Register(memory.Driver())
	r.Register(local.Driver())
	if err := r.Remote("scratch", "memory", nil); err != nil {
		log.Fatal(err)
	}

	ctx := context.Background()
	b, err := r.Open(ctx, "scratch:")
	if err != nil {
		log.Fatal(err)
	}
	info, err := b.Put(ctx, "note.txt", strings.NewReader("hello"), backend.PutOptions{Size: 5, IfAbsent: true})
	fmt.Println(info.Name, info.Size, err)

	_, err = b.Put(ctx, "note.txt", strings.NewReader("again"), backend.PutOptions{Size: 5, IfAbsent: true})
	fmt.Println(errors.Is(err, fs.ErrExist))
	// Output:
	// note.txt 5 <nil>
	// true
}

// What only some stores can do is asked for by a function, which tells those
// that cannot.
func ExampleCopy() {
	ctx := context.Background()
	b := memory.New(memory.Options{})
	if _, err := b.Put(ctx, "a", strings.NewReader("one"), backend.PutOptions{Size: 3}); err != nil {
		log.Fatal(err)
	}
	if err := backend.Copy(ctx, b, "a", "b", backend.CopyOptions{}); err != nil {
		log.Fatal(err) // errors.ErrUnsupported: read it and Put it
	}
	content, err := b.Open(ctx, "b", "")
	if err != nil {
		log.Fatal(err)
	}
	defer content.Close()
	r, err := content.Range(ctx, 0, -1)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	fmt.Println(string(text), err)

	_, err = backend.DownloadLink(ctx, b, "b")
	fmt.Println(errors.Is(err, errors.ErrUnsupported))
	// Output:
	// one <nil>
	// true
}
