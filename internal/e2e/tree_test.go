package e2e

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// hostile are names that break careless quoting; every client meets them.
var hostile = []string{
	"a b.txt", "plus+plus.txt", "100% per%20cent.txt", "a&b=c.txt", "hash#tag.txt", "quote'single.txt", "Ведомость №1.txt",
	"emoji 🎉.txt", "semi;colon,comma.txt", "brackets [1] {2}.txt", "u\u0308 nfd.txt", "at@bang!.txt", "dollar$HOME.txt", "tilde~.txt",
}

// sow makes a tree of a few hundred files under dir, with hostile names.
func sow(tb testing.TB, dir string) {
	tb.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	write := func(name string, size int) {
		data := make([]byte, size)
		for i := range data {
			data[i] = byte(random.Uint32())
		}
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	for i := range 20 {
		for j := range 12 {
			write(fmt.Sprintf("folder %02d/файл-%02d.bin", i, j), random.IntN(6000))
		}
	}
	for _, name := range hostile {
		write("hostile/"+name, 100)
	}
	write("deep/er/and/deep/er/still.txt", 10)
	write("empty.txt", 0)
	write("larger.bin", 3<<20)
}

// hashes returns the files below dir with the MD5 of their content.
func hashes(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if entry != nil && entry.Name() == "lost+found" {
				return fs.SkipDir
			}
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		found[filepath.ToSlash(rel)] = sum(data)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func sum(data []byte) string {
	s := md5.Sum(data)
	return hex.EncodeToString(s[:])
}

// same compares two trees of hashes.
func same(tb testing.TB, what string, got, want map[string]string) {
	tb.Helper()
	if maps.Equal(got, want) {
		return
	}
	var differ []string
	for name, hash := range want {
		switch is, ok := got[name]; {
		case !ok:
			differ = append(differ, "missing "+name)
		case is != hash:
			differ = append(differ, "differs "+name)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			differ = append(differ, "extra "+name)
		}
	}
	slices.Sort(differ)
	tb.Errorf("%s: %d of %d files are wrong:\n%s", what, len(differ), len(want), strings.Join(differ[:min(20, len(differ))], "\n"))
}

// stored returns the files at the disk with the MD5 of their content, the trash
// left out.
func stored(disk *emulator.Server) map[string]string {
	found := map[string]string{}
	for _, entry := range disk.Dump() {
		if name, ok := strings.CutPrefix(entry.Path, "disk:/"); ok && !entry.Dir {
			found[name] = entry.MD5
		}
	}
	return found
}

// put stores a file at the disk behind davdisk's back.
func put(tb testing.TB, disk *emulator.Server, name, content string) {
	tb.Helper()
	if err := disk.WriteFile("disk:/"+name, []byte(content)); err != nil {
		tb.Fatal(err)
	}
}

// readAll returns the files below dir with their content.
func readAll(tb testing.TB, dir string) map[string]string {
	tb.Helper()
	found := map[string]string{}
	for name := range hashes(tb, dir) {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			tb.Fatal(err)
		}
		found[name] = string(data)
	}
	return found
}
