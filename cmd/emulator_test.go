package cmd

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEmulatorCanBeUsedByItsControlPort(t *testing.T) {
	home(t)
	dir := filepath.Join(t.TempDir(), "not", "there yet")
	log, cancel, ended := begin(t, "emulator", "--emulator-token", "mine", "--control-addr", "127.0.0.1:0", "--emulator-dir", dir)
	control := log.wait(t, `control (\S+)\n`)
	api := log.wait(t, `listening on (\S+)/\n`)
	res, err := http.Post(control+"/seed", "application/json", strings.NewReader(`[{"path":"/a.txt","text":"alpha"}]`))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	req, err := http.NewRequest("GET", api+"/v1/disk/resources?path=/a.txt&fields=size", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "OAuth mine")
	res, err = http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != `{"size":5}` {
		t.Errorf("the API says %s, %v", body, err)
	}
	if kept, err := os.ReadDir(dir); err != nil || len(kept) != 1 {
		t.Errorf("the folder for content has %v, %v", kept, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
