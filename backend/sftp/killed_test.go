package sftp

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/ownname"
	"github.com/davdisk/davdisk/internal/testwait"
)

// childVariable has the options of the process that TestKilled kills.
const childVariable = "DAVDISK_TEST_SFTP_CHILD"

// TestMain is that process if it is told so: it stores what it reads.
func TestMain(m *testing.M) {
	text := os.Getenv(childVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var o childOptions
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	ctx := context.Background()
	b, err := New(ctx, Options{Host: "127.0.0.1", Port: o.Port, User: "me", Password: "secret", Folder: o.Folder, KnownHosts: o.KnownHosts})
	if err != nil {
		panic(err)
	}
	if _, err := b.Put(ctx, "f", os.Stdin, backend.PutOptions{Size: -1}); err != nil {
		panic(err)
	}
	b.Close()
}

type childOptions struct {
	Port               int
	Folder, KnownHosts string
}

// TestKilled kills a process with -9 while it stores a file: the old content
// stays, whole, and what is left behind is not shown.
func TestKilled(t *testing.T) {
	s, dir := newServer(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := s.options(dir)
	child := func() (*exec.Cmd, *os.File) {
		options, err := json.Marshal(childOptions{o.Port, dir, o.KnownHosts})
		if err != nil {
			t.Fatal(err)
		}
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		c := exec.Command(os.Args[0])
		c.Env, c.Stdin, c.Stderr = append(os.Environ(), childVariable+"="+string(options)), r, os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		return c, w
	}
	part := bytes.Repeat([]byte("new"), 100_000)

	c, w := child()
	if _, err := w.Write(part); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(testwait.Limit(t)); ; time.Sleep(5 * time.Millisecond) {
		if temps, _ := filepath.Glob(filepath.Join(dir, ownname.UnfinishedPrefix+"*")); len(temps) == 1 {
			if fi, err := os.Stat(temps[0]); err == nil && fi.Size() > 100_000 {
				break
			}
		}
		if time.Now().After(end) {
			t.Fatal("nothing is being written")
		}
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err == nil {
		t.Error("it ended by itself")
	}
	w.Close()
	b := mustOpen(t, o)
	if names := list(t, b, "."); strings.Join(names, " ") != "f" {
		t.Errorf("listed are %q", names)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(text) != "old" {
		t.Errorf("it holds %.20q, %v", text, err)
	}

	c, w = child() // and the next one stores it
	if _, err := w.Write(part); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || !bytes.Equal(text, part) {
		t.Errorf("it holds %d bytes, %v", len(text), err)
	}
}
