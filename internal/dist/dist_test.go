package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/internal/testlevel"
)

func TestChoose(t *testing.T) {
	for only, want := range map[string]string{
		"":                          "[linux/amd64 linux/arm64 linux/armv7 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64]",
		"linux/armv7":               "[linux/armv7]",
		"windows/amd64,linux/arm64": "[windows/amd64 linux/arm64]",
	} {
		got, err := choose(only)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v, want %s", only, got, err, want)
		}
	}
	for _, only := range []string{"linux", "linux/arm", "plan9/amd64", "linux/amd64,"} {
		if got, err := choose(only); err == nil {
			t.Errorf("%q: %v", only, got)
		}
	}
}

// TestArchives packs the same files twice, at different times of day.
func TestArchives(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, archive := range map[string]func(io.Writer, time.Time) (adder, func() error){"tar.gz": tarGz, "zip": zipped} {
		var packed [2]bytes.Buffer
		for i := range packed {
			add, end := archive(&packed[i], at.In(time.FixedZone("", i*3600)))
			for _, file := range []struct {
				name string
				mode os.FileMode
			}{{"davdisk", 0o755}, {"man/davdisk.1", 0o644}} {
				if err := add(file.name, file.mode, []byte("content of "+file.name)); err != nil {
					t.Fatal(err)
				}
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(packed[0].Bytes(), packed[1].Bytes()) {
			t.Errorf("%s: the same files make different archives", name)
		}
		want := []string{"davdisk/davdisk 0755 content of davdisk", "davdisk/man/davdisk.1 0644 content of man/davdisk.1"}
		if got := unpack(t, name, packed[0].Bytes()); !slices.Equal(got, want) {
			t.Errorf("%s holds %q", name, got)
		}
	}
}

// unpack lists an archive: name, mode and content.
func unpack(t *testing.T, name string, data []byte) []string {
	t.Helper()
	var list []string
	read := func(name string, mode os.FileMode, r io.Reader) {
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %04o %s", name, mode, content))
	}
	if strings.HasSuffix(name, "zip") {
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			read(f.Name, f.Mode(), r)
			r.Close()
		}
		return list
	}
	plain, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(plain); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		read(h.Name, os.FileMode(h.Mode), archive)
	}
}

// TestRelease makes a release of the commit for one target, with both builds.
func TestRelease(t *testing.T) {
	testlevel.NeedMore(t)
	t.Chdir("../..")
	out := filepath.Join(t.TempDir(), "dist")
	if err := release(context.Background(), options{out: out, only: "linux/arm64"}); err != nil {
		t.Fatal(err)
	}
	if err := release(context.Background(), options{out: out, only: "linux/arm64"}); err == nil {
		t.Error("a folder with a release in it is written over")
	}
	entries, err := os.ReadDir(out)
	if err != nil {
		t.Fatal(err)
	}
	var endings []string
	for _, e := range entries {
		_, ending, _ := strings.Cut(e.Name(), "_linux_arm64")
		endings = append(endings, ending)
		if strings.HasSuffix(e.Name(), ".deb") || strings.HasSuffix(e.Name(), ".rpm") {
			endings[len(endings)-1] = filepath.Ext(e.Name())
		}
	}
	slices.Sort(endings)
	if want := []string{"", ".cdx.json", ".deb", ".rpm", ".tar.gz"}; !slices.Equal(endings, want) { // "" is SHA256SUMS
		t.Errorf("the release holds %v", entries)
	}
	sums, err := os.ReadFile(filepath.Join(out, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(sums), "\n"); lines != len(entries)-1 {
		t.Errorf("%d checksums of %d files", lines, len(entries)-1)
	}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(data)) != sum {
			t.Errorf("%s: %v, or another checksum", name, err)
		}
		switch {
		case strings.HasSuffix(name, ".tar.gz"):
			list := unpack(t, name, data)
			for _, want := range []string{"davdisk/davdisk 0755 ", "davdisk/licenses.txt 0644 ", "davdisk/man/davdisk-serve.1 0644 ", "davdisk/completion/davdisk.fish 0644 "} {
				if !slices.ContainsFunc(list, func(entry string) bool { return strings.HasPrefix(entry, want) }) {
					t.Errorf("%s lacks %s", name, want)
				}
			}
		case strings.HasSuffix(name, ".cdx.json"):
			checkMaterials(t, data)
		}
	}
}

// checkMaterials wants davdisk and what is linked into it.
func checkMaterials(t *testing.T, data []byte) {
	t.Helper()
	var bom struct {
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name, Version string }
	}
	if err := json.Unmarshal(data, &bom); err != nil {
		t.Fatal(err)
	}
	if c := bom.Metadata.Component; c.Name != "github.com/davdisk/davdisk" || c.Version == "" {
		t.Errorf("the bill of materials is of %+v", c)
	}
	for _, want := range []string{"github.com/urfave/cli/v2", "golang.org/x/crypto", "std"} {
		if !slices.ContainsFunc(bom.Components, func(c struct{ Name, Version string }) bool { return c.Name == want && c.Version != "" }) {
			t.Errorf("the bill of materials lacks %s", want)
		}
	}
}
