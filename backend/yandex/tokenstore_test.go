package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// The environment of a second process, see TestManyProcesses.
const (
	envState = "DAVDISK_TEST_STATE"
	envOAuth = "DAVDISK_TEST_OAUTH"
)

// TestMain is a program that uses a stored login if it is told to.
func TestMain(m *testing.M) {
	if state := os.Getenv(envState); state != "" {
		store := yandex.NewTokenStore(state, "default", yandex.OAuth{URL: os.Getenv(envOAuth), Now: func() time.Time { return time.Now().Add(100 * 24 * time.Hour) }})
		token, err := store.Token(context.Background())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Print(token)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// stored logs in and stores the login.
func stored(t *testing.T, knobs emulator.Knobs) (*emulator.Server, yandex.OAuth, *clock, *yandex.TokenStore, string) {
	t.Helper()
	srv, o, c := login(t, knobs)
	tokens, err := o.Exchange(context.Background(), srv.IssueCode(o.ClientID), "")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "state")
	store := yandex.NewTokenStore(dir, "default", yandex.OAuth{URL: srv.OAuthURL, Now: c.Now})
	if err := store.Save(context.Background(), tokens); err != nil {
		t.Fatal(err)
	}
	srv.ResetCounters()
	return srv, o, c, store, dir
}

func load(t *testing.T, store *yandex.TokenStore) yandex.Tokens {
	t.Helper()
	tokens, err := store.Load()
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func TestTokenStore(t *testing.T) {
	ctx := context.Background()
	_, o, _, store, dir := stored(t, emulator.Knobs{})
	file := filepath.Join(dir, "yandex", "default.json")
	if runtime.GOOS != "windows" {
		for path, want := range map[string]fs.FileMode{file: 0o600, filepath.Dir(file): 0o700 | fs.ModeDir} {
			if info, err := os.Stat(path); err != nil || info.Mode() != want {
				t.Errorf("%s has mode %v, %v, want %v", path, info.Mode(), err, want)
			}
		}
	}
	if tokens := load(t, store); tokens.ClientSecret != o.ClientSecret || tokens.DeviceID != o.DeviceID {
		t.Errorf("stored was %+v", tokens)
	}
	for name, content := range map[string]string{
		"newer version": `{"version": 3, "access_token": "x"}`, "not JSON": "<", "half": `{"version": 1, "access_`, "empty": "", "no token": `{"version": 1}`,
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Load(); err == nil || !strings.Contains(err.Error(), "davdisk login") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for range 2 {
		if err := store.Delete(ctx); err != nil {
			t.Error(err)
		}
	}
	if _, err := store.Token(ctx); !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
		t.Errorf("without a login it answered %v", err)
	}
	for _, account := range []string{"../up", "a/b", "", "."} {
		if err := yandex.NewTokenStore(dir, account, yandex.OAuth{}).Save(ctx, yandex.Tokens{Access: "x"}); err == nil {
			t.Errorf("the account %q was stored", account)
		}
	}
}

// TestTokenIsRefreshed lets time pass over a login.
func TestTokenIsRefreshed(t *testing.T) {
	ctx := context.Background()
	srv, _, c, store, _ := stored(t, emulator.Knobs{})
	before := load(t, store)
	for _, step := range []struct {
		pass    time.Duration
		refresh int // so far
	}{
		{time.Hour, 0}, {80 * 24 * time.Hour, 0}, {15 * 24 * time.Hour, 1}, {time.Hour, 1}, {91 * 24 * time.Hour, 2},
	} {
		c.pass(step.pass)
		if _, err := store.Token(ctx); err != nil {
			t.Fatal(err)
		}
		if n := srv.Counters().By[emulator.Token]; n != step.refresh {
			t.Errorf("%v later it has been refreshed %d times, want %d", step.pass, n, step.refresh)
		}
	}
	if after := load(t, store); after.Refresh == before.Refresh || after.ClientID != before.ClientID || after.DeviceID != before.DeviceID {
		t.Errorf("the rotated token is not on disk: %+v", after)
	}
}

// TestShortLife refreshes a token that lives for an hour when it nears its end.
func TestShortLife(t *testing.T) {
	ctx := context.Background()
	srv, _, c, store, _ := stored(t, emulator.Knobs{TokenLife: time.Hour, RefreshNewAccess: true})
	b := connect(t, srv, yandex.Config{Token: store})
	for range 10 {
		c.pass(28 * time.Minute)
		if _, err := b.Revision(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if n := srv.Counters().By[emulator.Token]; n < 4 || n > 6 {
		t.Errorf("in 280 minutes it was refreshed %d times", n)
	}
}

// TestDeadRefreshToken uses the token for as long as it is good, then says
// what to do.
func TestDeadRefreshToken(t *testing.T) {
	ctx := context.Background()
	_, o, c, store, _ := stored(t, emulator.Knobs{})
	if _, err := o.Refresh(ctx, load(t, store).Refresh); err != nil { // spends it
		t.Fatal(err)
	}
	c.pass(100 * 24 * time.Hour)
	if _, err := store.Token(ctx); err != nil {
		t.Errorf("the token is still good, but %v", err)
	}
	c.pass(300 * 24 * time.Hour)
	if _, err := store.Token(ctx); !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
		t.Errorf("it answered %v", err)
	}
}

// TestRefusedToken meets a service that no longer takes the token.
func TestRefusedToken(t *testing.T) {
	ctx := context.Background()
	srv, o, c, store, dir := stored(t, emulator.Knobs{})
	b := connect(t, srv, yandex.Config{Token: store})
	if _, err := b.Revision(ctx); err != nil {
		t.Fatal(err)
	}
	if err := o.Revoke(ctx, load(t, store).Access); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Revision(ctx); !errors.Is(err, backend.ErrUnauthorized) || !strings.Contains(err.Error(), "davdisk login") {
		t.Errorf("it answered %v", err)
	}
	asked := srv.Counters().By[emulator.Token]
	for range 5 {
		b.Revision(ctx)
	}
	if again := srv.Counters().By[emulator.Token]; again != asked {
		t.Errorf("the OAuth server was asked %d times more within a moment", again-asked)
	}
	// Somebody logs in anew, in another process: it is picked up.
	tokens, err := o.Exchange(ctx, srv.IssueCode(o.ClientID), "")
	if err != nil {
		t.Fatal(err)
	}
	other := yandex.NewTokenStore(dir, "default", yandex.OAuth{URL: srv.OAuthURL, Now: c.Now})
	if err := other.Save(ctx, tokens); err != nil {
		t.Fatal(err)
	}
	c.pass(2 * time.Minute)
	if _, err := b.Revision(ctx); err != nil {
		t.Errorf("the new login is not used: %v", err)
	}
}

// TestRefusedOnce meets a service that has rejected a token once, and an OAuth server that
// does not answer: nothing is asked again until the token is rejected again.
func TestRefusedOnce(t *testing.T) {
	ctx := context.Background()
	srv, _, c, _, dir := stored(t, emulator.Knobs{})
	asked := 0
	store := yandex.NewTokenStore(dir, "default", yandex.OAuth{URL: srv.OAuthURL, Now: c.Now, Transport: roundTripper(func(*http.Request) (*http.Response, error) {
		asked++
		return nil, errors.New("no route")
	})})
	token, err := store.Token(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for rejections := range 3 {
		store.Rejected(token)
		for range 3 {
			c.pass(2 * time.Minute)
			if got, err := store.Token(ctx); err != nil || got != token {
				t.Errorf("it answers %q, %v", got, err)
			}
		}
		if asked != rejections+1 {
			t.Errorf("after %d rejections it has asked %d times", rejections+1, asked)
		}
	}
}

// TestLoginBesideWhatCannotBeStored: what the login was renewed to and could not be stored
// is stored when that is possible, but not where somebody has logged in or out meanwhile.
func TestLoginBesideWhatCannotBeStored(t *testing.T) {
	ctx := context.Background()
	for _, person := range []string{"does nothing", "logs in", "logs in, and it is renewed", "logs out"} {
		t.Run(person, func(t *testing.T) {
			srv, o, c, other, dir := stored(t, emulator.Knobs{RefreshNewAccess: true})
			file := filepath.Join(dir, "yandex", "default.json")
			inTheWay := true
			store := yandex.NewTokenStore(dir, "default", yandex.OAuth{URL: srv.OAuthURL, Now: c.Now, Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := http.DefaultTransport.RoundTrip(r)
				if inTheWay {
					if err := errors.Join(os.Rename(file, file+".aside"), os.MkdirAll(filepath.Join(file, "in the way"), 0o700)); err != nil {
						t.Error(err)
					}
				}
				return resp, err
			})})
			c.pass(100 * 24 * time.Hour)
			want, err := store.Token(ctx)
			if err != nil {
				t.Fatal(err)
			}
			inTheWay = false
			if err := errors.Join(os.RemoveAll(file), os.Rename(file+".aside", file)); err != nil {
				t.Fatal(err)
			}
			if load(t, other).Access == want {
				t.Fatal("it could be stored")
			}
			switch person {
			case "logs in", "logs in, and it is renewed":
				o.DeviceID = "another" // or the service has the same token for it
				tokens, err := o.Exchange(ctx, srv.IssueCode(o.ClientID), "")
				if err == nil {
					err = other.Save(ctx, tokens)
				}
				if err != nil {
					t.Fatal(err)
				}
				want = tokens.Access
			case "logs out":
				if err := other.Delete(ctx); err != nil {
					t.Fatal(err)
				}
			}
			c.pass(2 * time.Minute)
			if person == "logs in, and it is renewed" {
				before := want
				if err := store.Renew(ctx); err != nil {
					t.Fatal(err)
				}
				if want = load(t, other).Access; want == before {
					t.Error("it was not renewed")
				}
			}
			if got, err := store.Token(ctx); err != nil || got != want {
				t.Errorf("another token is used, %v", err)
			}
			switch got, err := other.Load(); {
			case person == "logs out" && !errors.Is(err, backend.ErrUnauthorized):
				t.Errorf("there is a login again, %v", err)
			case person != "logs out" && (err != nil || got.Access != want):
				t.Errorf("another token is stored, %v", err)
			}
		})
	}
}

// TestManyUsers lets several stores of one process refresh at the same time.
func TestManyUsers(t *testing.T) {
	srv, _, c, _, dir := stored(t, emulator.Knobs{RefreshNewAccess: true})
	c.pass(100 * 24 * time.Hour)
	var users sync.WaitGroup
	for range 8 {
		store := yandex.NewTokenStore(dir, "default", yandex.OAuth{URL: srv.OAuthURL, Now: c.Now})
		b := connect(t, srv, yandex.Config{Token: store})
		users.Go(func() {
			if _, err := b.Revision(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	users.Wait()
	if n := srv.Counters().By[emulator.Token]; n != 1 {
		t.Errorf("it was refreshed %d times", n)
	}
}

// TestManyProcesses does the same with processes, a refresh token being good
// once: none may log the others out.
func TestManyProcesses(t *testing.T) {
	srv, _, _, store, dir := stored(t, emulator.Knobs{})
	first := load(t, store)
	first.Issued = time.Now()
	first.Expires = time.Now().Add(365 * 24 * time.Hour)
	if err := store.Save(context.Background(), first); err != nil {
		t.Fatal(err)
	}
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), envState+"="+dir, envOAuth+"="+srv.OAuthURL)
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != first.Access {
				t.Errorf("a process ended with %v: %s", err, out)
			}
		})
	}
	users.Wait()
	if n := srv.Counters().By[emulator.Token]; n != 1 {
		t.Errorf("it was refreshed %d times", n)
	}
	if last := load(t, store); last.Refresh == first.Refresh {
		t.Error("the rotated token is not on disk")
	}
}
