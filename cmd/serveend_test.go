package cmd

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"
)

func TestASecondSignalEndsAtOnce(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot send a process this signal")
	}
	onDisk(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log := &lines{changed: make(chan struct{}, 1)}
	davdisk := exec.Command(self)
	davdisk.Args, davdisk.Stderr = []string{"davdisk", "serve", "--addr", "127.0.0.1:0"}, log
	if err := davdisk.Start(); err != nil {
		t.Fatal(err)
	}
	body, pipe := io.Pipe()
	defer pipe.Close()
	req, err := http.NewRequest("PUT", log.wait(t, `listening on (\S+)`)+"slow.txt", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Expect", "100-continue")
	client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	cut := make(chan error, 1)
	go func() {
		res, err := client.Do(req)
		if err == nil {
			res.Body.Close()
		}
		cut <- err
	}()
	if _, err := pipe.Write([]byte("never ends")); err != nil {
		t.Fatal(err)
	}
	if err := davdisk.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := davdisk.Process.Signal(syscall.SIGTERM); err != nil { // as timeout does
		t.Fatal(err)
	}
	log.wait(t, "changes under way are waited for")
	ended := make(chan error, 1)
	go func() { ended <- davdisk.Wait() }()
	again := time.NewTicker(2 * sameSignal)
	defer again.Stop()
	for running := true; running; {
		select {
		case <-again.C:
			if err := davdisk.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Fatal(err)
			}
		case err := <-ended:
			running = false
			if err == nil {
				t.Error("it ended as if all were done")
			}
		}
	}
	pipe.Close()
	if err := <-cut; err == nil {
		t.Error("the upload was answered")
	}
}

func TestTheEndWaitsForWhoWrites(t *testing.T) {
	disk := onDisk(t)
	s := startServing(t)
	body, pipe := io.Pipe()
	answer := make(chan error, 1)
	go func() {
		req, err := http.NewRequest("PUT", s.url+"slow.txt", body)
		if err == nil {
			req.ContentLength = 10
			req.Header.Set("Expect", "100-continue") // the body begins when the handler asks for it
			client := http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
			var res *http.Response
			if res, err = client.Do(req); err == nil && res.StatusCode != 201 {
				err = errors.New(res.Status)
			}
		}
		answer <- err
	}()
	if _, err := pipe.Write([]byte("12345")); err != nil {
		t.Fatal(err)
	}
	s.cancel()
	s.log.wait(t, "ending: no new requests")
	select {
	case err := <-s.ended:
		t.Fatalf("it did not wait: %v", err)
	case err := <-answer:
		t.Fatalf("the upload ended early: %v", err)
	default:
	}
	if _, err := pipe.Write([]byte("67890")); err != nil {
		t.Fatal(err)
	}
	pipe.Close()
	if err := <-answer; err != nil {
		t.Errorf("the upload: %v", err)
	}
	s.stop()
	if got, err := disk.ReadFile("disk:/slow.txt"); err != nil || string(got) != "1234567890" {
		t.Errorf("the disk holds %q, %v", got, err)
	}
}
