package yandex_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// shortFolders are the ways in which the service may show less of a folder
// than is in it.
var shortFolders = map[string]struct {
	knobs emulator.Knobs
	says  string // of a folder of five
	shows int    // what is listed if that is accepted
}{
	"no listing":    {emulator.Knobs{ListingLost: true}, "does not say what is in the folder", 0},
	"no items":      {emulator.Knobs{ItemsNull: true}, "none of the 5 entries", 0},
	"items missing": {emulator.Knobs{ItemsLost: 2}, "3 of the 5 entries", 3},
	"all missing":   {emulator.Knobs{ItemsLost: 5}, "0 of the 5 entries", 0},
	"on pages":      {emulator.Knobs{ItemsLost: 1, MaxPage: 2}, "4 of the 5 entries", 4},
	"no total":      {emulator.Knobs{TotalLost: true}, "5 entries of the folder and does not say how many", 5},
	"on pages too":  {emulator.Knobs{TotalLost: true, MaxPage: 2}, "5 entries of the folder and does not say how many", 5},
}

// TestShortListings lists a folder, the trash and a public folder of which the
// service shows less than is there. None is taken for whole unless that is
// wanted, and both error and log say what was counted.
func TestShortListings(t *testing.T) {
	ctx := context.Background()
	for name, short := range shortFolders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv, plain := start(t, emulator.Options{}, yandex.Config{})
			for i := range 5 {
				plant(t, srv, map[string]string{fmt.Sprintf("/d/%d", i): "x", fmt.Sprintf("/gone/%d", i): "y"})
				if err := plain.Remove(ctx, fmt.Sprintf("gone/%d", i), backend.RemoveOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			address, err := plain.Share(ctx, "d")
			if err != nil {
				t.Fatal(err)
			}
			srv.SetKnobs(func(k *emulator.Knobs) { *k = short.knobs })
			for what, list := range map[string]func(b *yandex.Backend) (int, error){
				"a folder": func(b *yandex.Backend) (int, error) { return counted(b.List(ctx, "d")) },
				"the trash": func(b *yandex.Backend) (n int, err error) {
					for _, failed := range b.Trash(ctx) {
						if n, err = n+1, failed; err != nil {
							n = 0
						}
					}
					return n, err
				},
				"a public folder": func(b *yandex.Backend) (int, error) {
					public, err := b.Public(ctx, address)
					if err != nil {
						return 0, err
					}
					return counted(public.List(ctx, "."))
				},
			} {
				var said strings.Builder
				b := connect(t, srv, yandex.Config{Log: slog.New(slog.NewTextHandler(&said, nil))})
				n, err := list(b)
				if n > 0 || !errors.Is(err, backend.ErrUnavailable) || !strings.Contains(err.Error(), short.says) || !strings.Contains(err.Error(), "--yandex-accept-short-listings") {
					t.Errorf("%s: %d entries, %v", what, n, err)
				}
				if !strings.Contains(said.String(), fmt.Sprintf("listed=%d", short.shows)) || !strings.Contains(said.String(), "level=WARN") {
					t.Errorf("%s: the log says %q", what, said.String())
				}
				accepting := connect(t, srv, yandex.Config{AcceptShortListings: true})
				if n, err := list(accepting); n != short.shows || err != nil {
					t.Errorf("%s: accepted as it is it has %d entries, %v, want %d", what, n, err, short.shows)
				}
			}
		})
	}
}

// counted counts a listing.
func counted(_ backend.Info, children func(func(backend.Info, error) bool), err error) (n int, _ error) {
	if err != nil {
		return 0, err
	}
	for _, err := range children {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// TestOddListings gives answers that the emulator does not.
func TestOddListings(t *testing.T) {
	ctx := context.Background()
	const a, b, c = `{"type":"file","name":"a"}`, `{"type":"file","name":"b"}`, `{"type":"file","name":"c"}`
	page := func(total string, items ...string) string {
		return `{"type":"dir","_embedded":{` + total + `"items":[` + strings.Join(items, ",") + `]}}`
	}
	for name, test := range map[string]struct {
		first, later string
		want         int // entries, -1 if it fails
	}{
		"empty":                        {page(`"total":0,`), "", 0},
		"whole":                        {page(`"total":2,`, a, b), "", 2},
		"no items":                     {`{"type":"dir","_embedded":{"total":0}}`, "", -1},
		"nothing in it":                {`{"type":"dir","_embedded":{}}`, "", -1},
		"it is null":                   {`{"type":"dir","_embedded":null}`, "", -1},
		"a total that is null":         {page(`"total":null,`, a, b), page(""), -1},
		"a total that is no number":    {page(`"total":"many",`), page(""), -1},
		"a total below zero":           {page(`"total":-1,`), page(""), -1},
		"a total too large":            {page(`"total":4,`, a, b), page(`"total":4,`), -1},
		"later pages without items":    {page(`"total":4,`, a, b), `{"type":"dir","_embedded":{"total":4}}`, -1},
		"later pages without anything": {page(`"total":4,`, a, b), `{"type":"dir"}`, -1},
		"a total too small":            {page(`"total":1,`, a, b), page(`"total":1,`, c), 3},
		"entries that are null":        {page(`"total":2,`, a, "null"), "", 1}, // what has no name is left out, and logged
	} {
		t.Run(name, func(t *testing.T) {
			b := against(t, func(w http.ResponseWriter, r *http.Request) {
				switch offset := r.URL.Query().Get("offset"); {
				case offset == "0":
					fmt.Fprint(w, test.first)
				case offset == "2" || name != "a total too small":
					fmt.Fprint(w, test.later)
				default:
					fmt.Fprint(w, page(""))
				}
			}, yandex.Config{})
			n, err := counted(b.List(ctx, "d"))
			if test.want < 0 {
				expectKind(t, "list", err, backend.ErrUnavailable)
			} else if n != test.want || err != nil {
				t.Errorf("it has %d entries, %v, want %d", n, err, test.want)
			}
		})
	}
}

// TestShortForAMoment lists a folder of which the service shows all when it is
// asked again.
func TestShortForAMoment(t *testing.T) {
	for _, answers := range []int{1, 2} {
		var srv *emulator.Server
		waits := 0
		srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{ItemsLost: 1}}, yandex.Config{
			After: func(time.Duration) <-chan time.Time {
				if waits++; waits == answers {
					srv.SetKnobs(func(k *emulator.Knobs) { k.ItemsLost = 0 })
				}
				return time.After(0)
			},
		})
		plant(t, srv, map[string]string{"/d/a": "x", "/d/b": "y"})
		if got := entries(t, b, "d"); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("after %d short answers it has %v", answers, got)
		}
	}
}

// TestFoldersWithoutListing runs the contract where empty folders come without
// a listing, as one client says they do. What shows nothing is taken for empty
// if that is wanted, but not removed as empty.
func TestFoldersWithoutListing(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{EmbeddedAbsent: true}}, yandex.Config{AcceptShortListings: true})
	plant(t, srv, map[string]string{"/d/f": "x"})
	if err := srv.Mkdir("/e"); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, b, "e"); len(got) != 0 {
		t.Errorf("it has %v", got)
	}
	if got := entries(t, b, "d"); !slices.Equal(got, []string{"f"}) {
		t.Errorf("it has %v", got)
	}
	expectKind(t, "remove if empty", b.Remove(ctx, "e", backend.RemoveOptions{IfEmpty: true}), backend.ErrUnavailable)
	hold(t, srv, map[string]string{"/e": "/"}, nil)
	if err := b.Remove(ctx, "e", backend.RemoveOptions{}); err != nil {
		t.Error(err)
	}
}

// TestEmptyMustBeSeen removes a folder if it is empty, of which the service
// shows nothing although there is something in it. It stays, whatever is
// accepted of listings.
func TestEmptyMustBeSeen(t *testing.T) {
	ctx := context.Background()
	for name, short := range shortFolders {
		for _, accept := range []bool{false, true} {
			srv, b := start(t, emulator.Options{Knobs: short.knobs}, yandex.Config{AcceptShortListings: accept, HardDelete: true})
			plant(t, srv, map[string]string{"/d/1": "x", "/d/2": "x", "/d/3": "x", "/d/4": "x", "/d/5": "x"})
			err := b.Remove(ctx, "d", backend.RemoveOptions{IfEmpty: true})
			expectKind(t, name+": remove if empty", err, backend.ErrUnavailable, backend.ErrNotEmpty)
			srv.Inject(emulator.Fault{Endpoint: emulator.MakeFolder, Status: 500})
			if err := b.Mkdir(ctx, "d"); err == nil {
				t.Errorf("%s: a folder that is full was taken for one just made", name)
			}
			hold(t, srv, map[string]string{"/d/1": "x", "/d/5": "x"}, nil)
		}
	}
}

// TestListsThatSayNothing asks for flat lists whose pages name no files.
func TestListsThatSayNothing(t *testing.T) {
	ctx := context.Background()
	var said strings.Builder
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{ItemsNull: true}}, yandex.Config{Log: slog.New(slog.NewTextHandler(&said, nil))})
	plant(t, srv, map[string]string{"/f": "x"})
	for what, list := range map[string]func(func(backend.Entry, error) bool){
		"files": b.Files(ctx, backend.FilesOptions{}), "the latest": b.Files(ctx, backend.FilesOptions{Recent: true}), "publications": b.Shared(ctx),
	} {
		said.Reset()
		n := 0
		for _, err := range list {
			n++
			expectKind(t, what, err, backend.ErrUnavailable)
		}
		if n != 1 || !strings.Contains(said.String(), "the list is refused") {
			t.Errorf("%s: %d answers, and the log says %q", what, n, said.String())
		}
	}
}

// TestRevisionNotTold asks for a revision that the service leaves out: what is
// remembered of the disk must not be confirmed by that.
func TestRevisionNotTold(t *testing.T) {
	_, b := start(t, emulator.Options{Knobs: emulator.Knobs{Revision: "absent"}}, yandex.Config{})
	token, err := b.Revision(context.Background())
	if token != "" {
		t.Errorf("it is %q", token)
	}
	expectKind(t, "revision", err, backend.ErrUnavailable)
}
