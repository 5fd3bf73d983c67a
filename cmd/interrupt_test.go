package cmd

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testtool"
)

// onTerminal runs davdisk on a terminal of its own, presses Ctrl-C when its output
// matches, and returns all of it with the exit code.
func onTerminal(t *testing.T, words, until string) (output string, code int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("script has other flags here")
	}
	cmd := exec.Command(testtool.Find(t, "script"), "-qec", "stty cols 120; davdisk "+words, "/dev/null")
	screen := &lines{changed: make(chan struct{}, 1)}
	cmd.Stdout, cmd.Stderr = screen, screen
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen.wait(t, until)
	if _, err := io.WriteString(keys, "\x03"); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return screen.String(), cmd.ProcessState.ExitCode()
}

// TestInterruptedCopy interrupts a copy on a terminal, which shows how far it is of
// a total, and repeats it: it goes on into the same folder.
func TestInterruptedCopy(t *testing.T) {
	disk := onDisk(t)
	t.Setenv("DAVDISK_NO_WAIT", "true")
	dir := smallFiles(t, 8)
	disk.Inject(emulator.Fault{Endpoint: emulator.UploadLink, Path: "f5.txt", Delay: time.Minute, Times: 1})
	output, code := onTerminal(t, "cp -r --transfers 1 "+dir+" yandex:new", `5 of 8 files.*[0-9]+ B`)
	if code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(output, "davdisk: interrupted: 5 of 8 files copied (45 B of 72 B); the same command goes on from there") {
		t.Errorf("the screen shows %q", output)
	}
	if !regexp.MustCompile(`0 of 8 files`).MatchString(output) {
		t.Errorf("the total is not shown from the beginning: %q", output)
	}

	disk.ResetCounters()
	var out, errs bytes.Buffer
	cmd := exec.Command("davdisk", "cp", "-r", dir, "yandex:new")
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	if !strings.Contains(errs.String(), "going on with the copy of") {
		t.Errorf("it says %q", errs.String())
	}
	if n := disk.Counters().Transfers(); n != 3 {
		t.Errorf("%d files were sent, want the 3 that were missing", n)
	}
	if _, err := disk.ReadFile("disk:/new/f7.txt"); err != nil {
		t.Error(err)
	}
	if _, err := disk.Stat("disk:/new/files"); err == nil {
		t.Error("it was copied into the folder of the first time")
	}
	// Done is done: now the folder is one that is there, and is copied into.
	if out, errs, err := runApp(t, "cp", "-r", dir, "yandex:new"); err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	if _, err := disk.ReadFile("disk:/new/files/f7.txt"); err != nil {
		t.Error(err)
	}
}
