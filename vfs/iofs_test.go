package vfs_test

import (
	"fmt"
	"io"
	"log"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/spf13/afero"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/vfs"
)

func TestIOFS(t *testing.T) {
	f := newFS(t, memory.New(memory.Options{}))
	var names []string
	for _, dir := range []string{"d", "d/empty", "d/Ж $ % # ? +&<>"} {
		if err := f.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		names = append(names, dir)
	}
	for _, name := range []string{"a", "d/😀.txt", "d/Ж $ % # ? +&<>/e\u0301 'quoted\"", "z"} {
		write(t, f, name, strings.Repeat(name, 100))
		names = append(names, name)
	}
	if err := fstest.TestFS(afero.NewIOFS(f), names...); err != nil {
		t.Error(err)
	}
}

func Example() {
	f, err := vfs.New(memory.New(memory.Options{}))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	// It is an afero.Fs …
	if err := afero.WriteFile(f, "todo.txt", []byte("ship it"), 0o644); err != nil {
		log.Fatal(err)
	}
	// … that can do more: this stores all or nothing.
	info, err := f.Put("/done.txt", strings.NewReader("all of it"), -1, time.Time{}, "", true)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.Name(), info.Size())

	h, err := f.Open("/todo.txt")
	if err != nil {
		log.Fatal(err)
	}
	defer h.Close()
	content, err := io.ReadAll(h)
	fmt.Println(string(content), err)
	// Output:
	// done.txt 9
	// ship it <nil>
}
