package cmd

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/cmd/internal/state"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
)

// loggedIn returns a disk, and a state folder with a login whose tokens end with each
// renewal.
func loggedIn(t *testing.T) (disk *emulator.Server, dir string, tokens yandex.Tokens) {
	t.Helper()
	home(t)
	disk, err := emulator.Start(emulator.Options{ClientID: "id", ClientSecret: "s", Knobs: emulator.Knobs{RefreshNewAccess: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	t.Setenv("DAVDISK_YANDEX_API_URL", disk.URL)
	t.Setenv("DAVDISK_YANDEX_OAUTH_URL", disk.OAuthURL)
	t.Setenv("DAVDISK_YANDEX_RATE", "0")
	dir = t.TempDir()
	client := yandex.OAuth{URL: disk.OAuthURL, ClientID: "id", ClientSecret: "s"}
	if tokens, err = client.Exchange(t.Context(), disk.IssueCode("id"), ""); err == nil {
		err = state.Prepare(dir)
	}
	if err == nil {
		err = yandex.NewTokenStore(dir, "default", client).Save(t.Context(), tokens)
	}
	if err != nil {
		t.Fatal(err)
	}
	disk.ResetCounters()
	return disk, dir, tokens
}

// Two gateways have copies of one login, of which each renewal ends the tokens before. A
// davdisk beside the first one renews it; the second starts from its copy, of which
// nothing is good any more, and goes on with what the first has told.
func TestGatewayStartsWithARenewedLogin(t *testing.T) {
	disk, here, _ := loggedIn(t)
	there := t.TempDir()
	if err := errors.Join(os.CopyFS(there, os.DirFS(here)), os.Chmod(there, 0o700)); err != nil {
		t.Fatal(err)
	}

	var asked etcd.Config
	app := appInCluster(clustertest.NewMemory("life"), &asked)
	in := func(dir, name string) []string {
		return []string{"yandex:", "--state-dir", dir, "--cluster", "etcd://one", "--gateway", name, "--poll-interval", "1h"}
	}
	a := startServingWith(t, app, in(here, "here")...)
	a.wants("MKCOL", "one", "", "", 201)
	_, cancel, ended := begin(t, "token", "refresh", "--state-dir", here)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	cancel()
	// A gateway whose copy is dead, and that is told nothing, ends and says what to do.
	_, cancel, ended = beginWith(t, app, append([]string{"serve", "--addr", "127.0.0.1:0"}, in(there, "there")...)...)
	err := <-ended
	cancel()
	if !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
		t.Errorf("it ends with %v", err)
	}
	a.wants("MKCOL", "two", "", "", 201)
	before := disk.Counters().By[emulator.Token]
	b := startServingWith(t, app, in(there, "there")...)
	b.wants("PUT", "two/f", "", "content", 201)
	if got := a.wants("GET", "two/f", "", "", 200); got != "content" {
		t.Errorf("it serves %q", got)
	}
	if n := disk.Counters().By[emulator.Token]; n != before {
		t.Errorf("the OAuth server was asked %d times more", n-before)
	}
}

// A gateway whose token is over renews it before it knows which disk it serves.
func TestGatewayStartsWithAnOldLogin(t *testing.T) {
	for name, old := range map[string]func(tokens *yandex.Tokens){
		"past its time": func(tokens *yandex.Tokens) { tokens.Issued, tokens.Expires = time.Unix(1e9, 0), time.Unix(2e9/2+1, 0) },
		"not taken":     func(tokens *yandex.Tokens) { tokens.Access = "y0_another" },
	} {
		t.Run(name, func(t *testing.T) {
			disk, dir, tokens := loggedIn(t)
			old(&tokens)
			if err := yandex.NewTokenStore(dir, "default", yandex.OAuth{}).Save(t.Context(), tokens); err != nil {
				t.Fatal(err)
			}
			var asked etcd.Config
			s := startServingWith(t, appInCluster(clustertest.NewMemory("life"), &asked), "yandex:", "--state-dir", dir, "--cluster", "etcd://one", "--gateway", "here")
			s.wants("PUT", "f", "", "content", 201)
			if n := disk.Counters().By[emulator.Token]; n != 1 {
				t.Errorf("the OAuth server was asked %d times", n)
			}
		})
	}
}

// A gateway attends to the login of its store from when it has joined.
func TestGatewayAttendsToItsLogin(t *testing.T) {
	e := &fakeEngine{joins: make(chan any, 1)}
	g, err := openGateway(e, slog.New(slog.DiscardHandler), pauseFor)
	if err != nil {
		t.Fatal(err)
	}
	attended := make(chan struct{}, 100)
	g.logins.Attend(func(context.Context) error { attended <- struct{}{}; return nil })
	e.joins <- newFakeMember(7)
	if err := g.join(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-attended
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}
