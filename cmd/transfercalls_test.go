package cmd

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// smallFiles makes a folder of files that differ.
func smallFiles(tb testing.TB, count int) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "files")
	if err := os.Mkdir(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	for i := range count {
		file := filepath.Join(dir, fmt.Sprintf("f%d.txt", i))
		if err := os.WriteFile(file, fmt.Appendf(nil, "content %d", i), 0o600); err != nil {
			tb.Fatal(err)
		}
		at := time.Unix(1_500_000_000+int64(i), 123)
		if err := os.Chtimes(file, at, at); err != nil {
			tb.Fatal(err)
		}
	}
	return dir
}

// runApp runs davdisk with these arguments and returns its output.
func runApp(t *testing.T, words ...string) (out, errs string, err error) {
	t.Helper()
	var o, e strings.Builder
	app := appOfDavdisk(strings.NewReader(""), &o, &e)
	args, err := orderArgs(app, append([]string{"davdisk"}, words...))
	if err == nil {
		err = app.RunContext(context.Background(), args)
	}
	return o.String(), e.String(), err
}

// TestCallsOfCopies counts what a folder of small files costs: the first time, the
// second time, and downwards. Modification times are stored and verified.
func TestCallsOfCopies(t *testing.T) {
	const files = 300
	disk := onDisk(t)
	t.Setenv("DAVDISK_YANDEX_MOD_TIME_WAIT", "1s")
	dir := smallFiles(t, files)
	for _, step := range []struct {
		words     []string
		most      int // calls of the API
		transfers int
	}{
		{[]string{"cp", "-r", dir, "yandex:new"}, files * 24 / 10, files},
		{[]string{"sync", "--delete", dir, "yandex:new"}, 5, 0},
		{[]string{"cp", "-r", dir + "/", "yandex:"}, files * 24 / 10, files},
		{[]string{"cp", "-r", dir + "/", "yandex:"}, 5, 0},
		{[]string{"cp", "-r", "yandex:new", t.TempDir()}, 5, files},
		{[]string{"compare", dir, "yandex:new"}, 5, 0},
	} {
		disk.ResetCounters()
		if out, errs, err := runApp(t, step.words...); err != nil {
			t.Fatalf("%v: %v\n%s%s", step.words, err, out, errs)
		}
		c := disk.Counters()
		if c.API() > step.most || c.Transfers() != step.transfers {
			t.Errorf("%v took %d calls and %d transfers, want at most %d and %d: %v", step.words, c.API(), c.Transfers(), step.most, step.transfers, c.By)
		}
	}
}
