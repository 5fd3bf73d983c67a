//go:build unix

package yandex_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// TestFullDisk lets a process refresh that can write no file. The token is
// good for long yet, and is used; the refresh token must not be spent, since
// there is no room for the next.
func TestFullDisk(t *testing.T) {
	srv, _, _, store, dir := stored(t, emulator.Knobs{})
	tokens := load(t, store)
	tokens.Issued, tokens.Expires = time.Now(), time.Now().Add(365*24*time.Hour)
	if err := store.Save(context.Background(), tokens); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `ulimit -f 0 && exec "$0"`, os.Args[0]) // no file may have a byte
	cmd.Env = append(os.Environ(), envState+"="+dir, envOAuth+"="+srv.OAuthURL)
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != tokens.Access {
		t.Errorf("it ended with %v: %s", err, out)
	}
	if n := srv.Counters().By[emulator.Token]; n != 0 {
		t.Errorf("the refresh token was spent %d times", n)
	}
	if after := load(t, store); after.Refresh != tokens.Refresh {
		t.Errorf("on disk is %+v", after)
	}
}
