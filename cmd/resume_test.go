//go:build !windows

package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestCopyResumesALargeFile kills a process in the middle of a large file, and
// interrupts the next one. Each downloads only what is missing.
func TestCopyResumesALargeFile(t *testing.T) {
	const size, step = 16 << 20, 6 << 20
	disk := onDisk(t)
	content := bytes.Repeat([]byte("0123456789abcdef"), size/16)
	if err := disk.WriteFile("disk:/large.bin", content); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var kept int64 // bytes of the file
	begin := func() (*exec.Cmd, *bytes.Buffer) {
		t.Helper()
		var output bytes.Buffer
		cmd := exec.Command("davdisk", "cp", "yandex:large.bin", dir)
		cmd.Stdout, cmd.Stderr = &output, &output
		disk.ResetCounters()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd, &output
	}
	// cut ends a process when it has a part of the file.
	cut := func(end os.Signal) (code int, output string) {
		t.Helper()
		disk.ClearFaults()
		// The connection breaks, and the next one gets no response.
		disk.Inject(emulator.Fault{Endpoint: emulator.Storage, Truncate: step}, emulator.Fault{Endpoint: emulator.Storage, Delay: time.Hour})
		cmd, text := begin()
		until(t, disk, func(c emulator.Counters) bool { return c.By[emulator.Storage] >= 2 })
		if err := cmd.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // the caller looks at the code
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 1 || entries[0].Name() == "large.bin" {
			t.Fatalf("%v: there is %v, %v\n%s", end, entries, err, text)
		}
		part, err := entries[0].Info()
		if err != nil {
			t.Fatal(err)
		}
		if part.Size() <= kept || part.Size() > kept+step {
			t.Errorf("%v: %d bytes were kept after %d", end, part.Size(), kept)
		}
		kept = part.Size()
		return cmd.ProcessState.ExitCode(), text.String()
	}

	cut(os.Kill)
	code, output := cut(os.Interrupt)
	if code != exitInterrupted || !strings.Contains(output, "interrupted: 0 of 1 file copied (0 B of 16.0 MiB); the same command goes on from there") {
		t.Errorf("interrupted it ends with %d, and says %q", code, output)
	}
	disk.ClearFaults()
	cmd, text := begin()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	missing := size - kept
	until(t, disk, func(c emulator.Counters) bool { return c.BytesDown >= missing }) // counted after they were sent
	if n := disk.Counters().BytesDown; n != missing {
		t.Errorf("%d bytes were downloaded, want the %d that were missing", n, missing)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "large.bin")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("there are %d bytes, %v", len(got), err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("there is %v, %v", entries, err)
	}
}
