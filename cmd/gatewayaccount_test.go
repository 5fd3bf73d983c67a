package cmd

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/cmd/internal/config"
	"github.com/davdisk/davdisk/internal/cluster/clustertest"
	"github.com/davdisk/davdisk/internal/cluster/etcd"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/internal/testwait"
)

// What another program changes in the store is found by one gateway, and no gateway
// lists what was there before.
func TestGatewaysSeeWhatOthersChange(t *testing.T) {
	store := memory.New(memory.Options{})
	all := startGateways(t, store, 2, time.Millisecond)
	wait := func(what string, is func() bool) {
		t.Helper()
		for deadline := time.Now().Add(testwait.Limit(t)); !is(); {
			if time.Now().After(deadline) {
				t.Fatalf("%s does not come", what)
			}
		}
	}
	shows := func(g *testGateway, size int) bool {
		got, err := io.ReadAll(g.wants("PROPFIND", "/", "", 207, "Depth: 1").Body)
		return err == nil && strings.Contains(string(got), fmt.Sprintf("getcontentlength>%d<", size))
	}
	wait("a poller", func() bool { return all[0].gateway.mayRemember() && all[1].gateway.mayRemember() })
	for size := range 3 {
		if _, err := store.Put(t.Context(), "f", strings.NewReader(strings.Repeat("x", size)), backend.PutOptions{Size: int64(size)}); err != nil {
			t.Fatal(err)
		}
		for _, g := range all {
			wait("the new size", func() bool { return shows(g, size) })
		}
	}
}

// TestClusterStatus is what the command shows of two gateways of one account.
func TestClusterStatus(t *testing.T) {
	onDisk(t)
	t.Setenv("DAVDISK_YANDEX_RATE", "20")
	var asked etcd.Config
	log := clustertest.NewMemory("life")
	app := appInCluster(log, &asked)
	a := startServingWith(t, app, "yandex:", "--state-dir", t.TempDir(), "--cluster", "etcd://one", "--gateway", "here")
	startServingWith(t, app, "yandex:", "--state-dir", t.TempDir(), "--cluster", "etcd://one", "--gateway", "there")
	a.wants("PUT", "f", "", "content", 201)
	a.wants("LOCK", "f", "", lockInfo, 200)

	var seen observed
	for deadline := time.Now().Add(testwait.Limit(t)); seen.Poller == 0 || len(seen.Rates) < 2; {
		if time.Now().After(deadline) {
			t.Fatalf("it shows %+v", seen)
		}
		engine, err := replica.New(log.Connect(9, false), replica.Config{})
		if err == nil {
			seen, err = observe(t.Context(), engine, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := engine.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if seen.locks != 1 || seen.Total != 20 {
		t.Errorf("it shows %d locks and a rate of %v", seen.locks, seen.Total)
	}

	said, cancel, ended := beginWith(t, app, "cluster", "status", "etcd://one")
	defer cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`(?m)^locks: 1$`, `(?m)^here.* s left,( polls the store,)? \d+\.\d of 20 requests a second$`, `(?m)^there.* s left,( polls the store,)? \d+\.\d of 20 requests a second$`, `(?m)^unsafe: nothing is on disk$`} {
		if !regexp.MustCompile(want).MatchString(said.String()) {
			t.Errorf("%q is missing in\n%s", want, said)
		}
	}
	if n := strings.Count(said.String(), "polls the store"); n != 1 {
		t.Errorf("%d gateways poll:\n%s", n, said)
	}
}

// A gateway of another folder ends with words and the exit code of misuse, and one
// of the same folder under another name does not.
func TestGatewayOfAnotherFolder(t *testing.T) {
	disk := onDisk(t)
	var asked etcd.Config
	app := appInCluster(clustertest.NewMemory("life"), &asked)
	in := func(address string) []string {
		return []string{"serve", "--addr", "127.0.0.1:0", address, "--state-dir", t.TempDir(), "--cluster", "etcd://one"}
	}
	s := startServingWith(t, app, in("yandex:")[3:]...)
	s.wants("MKCOL", "Docs", "", "", 201)
	_, cancel, ended := beginWith(t, app, in("yandex:Docs")...)
	defer cancel()
	var said bytes.Buffer
	if code := exit(&said, <-ended); code != exitMisuse || !strings.Contains(said.String(), "another store, or another folder") || strings.Contains(said.String(), disk.Token) || strings.Count(said.String(), "\n") != 1 {
		t.Errorf("it ends with %d and says %q", code, said.String())
	}
	s.wants("PUT", "f", "", "content", http.StatusCreated)
	startServingWith(t, app, in("yandex:/")[3:]...).wants("GET", "f", "", "", 200)
}

// TestPlaces has what tells stores apart, and what does not.
func TestPlaces(t *testing.T) {
	remotes := map[string]config.Remote{
		"one":    {Driver: "sftp", Options: map[string]string{"host": "h", "user": "u", "key-file": "/home/a/key"}},
		"same":   {Driver: "sftp", Options: map[string]string{"host": "h", "user": "u", "port": "22", "password": "secret-word"}},
		"port":   {Driver: "sftp", Options: map[string]string{"host": "h", "user": "u", "port": "23"}},
		"below":  {Driver: "sftp", Options: map[string]string{"host": "h", "user": "u", "root": "a"}},
		"bucket": {Driver: "s3", Options: map[string]string{"bucket": "b", "access-key": "mine"}},
		"other":  {Driver: "s3", Options: map[string]string{"bucket": "b", "access-key": "yours"}},
		"sealed": {Driver: "crypt", Options: map[string]string{"remote": "one:a", "password": "secret-word"}},
		"again":  {Driver: "crypt", Options: map[string]string{"remote": "same:a", "password": "secret-word"}},
		"both":   {Driver: combined, Options: map[string]string{"mounts": "/x=one:,/y=bucket:"}},
		"twice":  {Driver: combined, Options: map[string]string{"mounts": "/y=other:,/x=same:"}},
	}
	p := program{drivers: ownDrivers()}
	remote := func(name string) (string, map[string]string, error) {
		return remotes[name].Driver, remotes[name].Options, nil
	}
	for _, pair := range []struct {
		a, b string
		same bool
	}{
		{"one:", "same:", true}, {"one:", "port:", false}, {"one:", "one:a", false}, {"one:a", "below:", true}, {"one:/a/", "below:", true},
		{"bucket:", "other:", true}, {"bucket:", "bucket:a", false}, {"sealed:", "again:", true}, {"sealed:", "one:a", false},
		{"both:", "twice:", true}, {"/srv", "/srv/", true}, {"/srv", "/srv/a", false},
	} {
		a, _, err := p.placeOf(pair.a, remote)
		b, _, err2 := p.placeOf(pair.b, remote)
		if err != nil || err2 != nil || (a == b) != pair.same || strings.Contains(a+b, "secret-word") {
			t.Errorf("%s is %s, %s is %s, %v %v", pair.a, a, pair.b, b, err, err2)
		}
	}
}
