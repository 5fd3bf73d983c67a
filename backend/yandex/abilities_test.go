package yandex_test

import (
	"context"
	"encoding/json"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex"
	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// paths collects the paths of a list.
func paths(t *testing.T, list iter.Seq2[backend.Entry, error]) []string {
	t.Helper()
	var all []string
	for entry, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry.Path)
	}
	return all
}

func TestShared(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{Knobs: emulator.Knobs{PublishDelay: 20 * time.Millisecond}}, yandex.Config{})
	plant(t, srv, map[string]string{"/d/Ж +.txt": "shared", "/e/x": "x", "/f": "f"})
	address, err := b.Share(ctx, "d/Ж +.txt")
	if err != nil || !strings.Contains(address, "://") {
		t.Fatalf("the address is %q, %v", address, err)
	}
	if _, err := b.Share(ctx, "e"); err != nil {
		t.Fatal(err)
	}
	if got := paths(t, b.Shared(ctx)); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"d/Ж +.txt", "e"}) {
		t.Errorf("shared are %q", got)
	}
	if info, err := b.Stat(ctx, "d/Ж +.txt"); err != nil || info.Public != address {
		t.Errorf("stat says %q, %v", info.Public, err)
	}
	in := connect(t, srv, yandex.Config{Root: "d"})
	if got := paths(t, in.Shared(ctx)); !slices.Equal(got, []string{"Ж +.txt"}) {
		t.Errorf("below the root shared are %q", got)
	}
	for range 2 {
		if err := b.Unshare(ctx, "e"); err != nil {
			t.Error(err)
		}
	}
	_, err = b.Share(ctx, "missing")
	expectKind(t, "share of a missing name", err, fs.ErrNotExist)
	expectKind(t, "unshare of a missing name", b.Unshare(ctx, "missing"), fs.ErrNotExist)
}

func TestTrash(t *testing.T) {
	ctx := context.Background()
	for name, knobs := range map[string]emulator.Knobs{
		"as it is": {}, "asynchronous": {Async: "always", OperationPolls: 1}, "409 on restore": {RestoreConflict: true}, "short pages": {MaxPage: 1},
	} {
		t.Run(name, func(t *testing.T) {
			srv, b := start(t, emulator.Options{Knobs: knobs}, yandex.Config{})
			plant(t, srv, map[string]string{"/d/Ж +.txt": "one", "/d/sub/x": "x", "/f": "two", "/g": "three"})
			for _, name := range []string{"d/Ж +.txt", "d", "f", "g"} {
				if err := b.Remove(ctx, name, backend.RemoveOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			entries := map[string]backend.Trashed{}
			for entry, err := range b.Trash(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				entries[entry.Origin] = entry
			}
			if len(entries) != 4 || entries["d"].Info.Name != "d" || !entries["d"].Info.Dir || entries["f"].Info.Size != 3 || entries["f"].Deleted.IsZero() {
				t.Fatalf("the trash has %+v", entries)
			}
			// The file first: its folder has to be restored implicitly.
			if name, err := b.Restore(ctx, entries["d/Ж +.txt"].ID, "", false); err != nil || name != "d/Ж +.txt" {
				t.Errorf("restored as %q, %v", name, err)
			}
			if name, err := b.Restore(ctx, entries["f"].ID, "elsewhere/f 2", false); err != nil || name != "elsewhere/f 2" {
				t.Errorf("restored as %q, %v", name, err)
			}
			// The name is taken by now.
			_, err := b.Restore(ctx, entries["d"].ID, "", false)
			expectKind(t, "restore to a taken name", err, fs.ErrExist)
			plant(t, srv, map[string]string{"/g": "in the way"})
			if name, err := b.Restore(ctx, entries["g"].ID, "", true); err != nil || name != "g" {
				t.Errorf("restored as %q, %v", name, err)
			}
			hold(t, srv, map[string]string{"/d/Ж +.txt": "one", "/elsewhere/f 2": "two", "/g": "three"}, nil)
			_, err = b.Restore(ctx, entries["f"].ID, "", false)
			expectKind(t, "restore of what is not there", err, fs.ErrNotExist)
			expectKind(t, "discard of what is not there", b.Discard(ctx, entries["f"].ID), fs.ErrNotExist)
		})
	}
}

// TestTrashIsNotEmptied asks to discard what is no entry. The service empties
// the whole trash if it is given no path.
func TestTrashIsNotEmptied(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/f": "one", "/g": "two", "/d/x": "x"})
	var id string
	for _, name := range []string{"f", "g"} {
		if err := b.Remove(ctx, name, backend.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	count := func() (n int) {
		for entry, err := range b.Trash(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			id = entry.ID
			n++
		}
		return n
	}
	for _, bad := range []string{"", "trash:", "trash:/", "trash:/.", "trash:/..", "trash:/a/..", "disk:/d", "/d", "d"} {
		expectKind(t, "discard of "+bad, b.Discard(ctx, bad), fs.ErrInvalid)
		_, err := b.Restore(ctx, bad, "new", false)
		expectKind(t, "restore of "+bad, err, fs.ErrInvalid)
	}
	if n := srv.Counters().By[emulator.DeleteTrash] + srv.Counters().By[emulator.RestoreTrash]; n > 0 {
		t.Errorf("the service was asked %d times", n)
	}
	if n := count(); n != 2 {
		t.Fatalf("the trash has %d entries, want 2", n)
	}
	_, err := b.Restore(ctx, id, "d", true)
	expectKind(t, "restore over a folder", err, fs.ErrExist)
	if err := b.Discard(ctx, id); err != nil || count() != 1 {
		t.Errorf("discarded: %v, %d left", err, count())
	}
	if err := b.EmptyTrash(ctx); err != nil || count() != 0 {
		t.Errorf("emptied: %v, %d left", err, count())
	}
	hold(t, srv, map[string]string{"/d/x": "x"}, nil)
	if err := b.Remove(ctx, "d", backend.RemoveOptions{Permanent: true}); err != nil || count() != 0 {
		t.Errorf("removed for good: %v, %d in the trash", err, count())
	}
}

func TestFiles(t *testing.T) {
	ctx := context.Background()
	for name, knobs := range map[string]emulator.Knobs{"as it is": {}, "short pages": {MaxPage: 2}} {
		t.Run(name, func(t *testing.T) {
			srv, b := start(t, emulator.Options{Knobs: knobs}, yandex.Config{})
			plant(t, srv, map[string]string{"/a.jpg": "1", "/d/b.txt": "22", "/d/sub/c.jpg": "333", "/e/d.mp4": "4444"})
			if got := paths(t, b.Files(ctx, backend.FilesOptions{})); len(got) != 4 {
				t.Errorf("all are %q", got)
			}
			if got := paths(t, b.Files(ctx, backend.FilesOptions{Types: []string{"image"}, Sort: "-size"})); !slices.Equal(got, []string{"d/sub/c.jpg", "a.jpg"}) {
				t.Errorf("pictures are %q", got)
			}
			if got := paths(t, b.Files(ctx, backend.FilesOptions{Sort: "size", Limit: 3})); !slices.Equal(got, []string{"a.jpg", "d/b.txt", "d/sub/c.jpg"}) {
				t.Errorf("three are %q", got)
			}
			if got := paths(t, b.Files(ctx, backend.FilesOptions{Recent: true, Limit: 2})); len(got) != 2 {
				t.Errorf("the latest are %q", got)
			}
			in := connect(t, srv, yandex.Config{Root: "disk:/d"})
			if got := paths(t, in.Files(ctx, backend.FilesOptions{Sort: "path"})); !slices.Equal(got, []string{"b.txt", "sub/c.jpg"}) {
				t.Errorf("below the root are %q", got)
			}
			for _, bad := range []backend.FilesOptions{{Sort: "color"}, {Types: []string{"dreams"}}} {
				for _, err := range b.Files(ctx, bad) {
					expectKind(t, "files", err, fs.ErrInvalid)
				}
			}
		})
	}
}

func TestLink(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/d/f": "content"})
	link, err := b.Link(ctx, "d/f")
	if err != nil || time.Until(link.Expires) < 3*time.Hour {
		t.Fatalf("the link is %+v, %v", link, err)
	}
	resp, err := http.Get(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || string(data) != "content" {
		t.Errorf("it leads to %q, %v", data, err)
	}
	if _, err := b.Link(ctx, "d"); err != nil {
		t.Errorf("a folder has no link: %v", err)
	}
	_, err = b.Link(ctx, "missing")
	expectKind(t, "link", err, fs.ErrNotExist)
}

func TestFetch(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/d/taken": "old"})
	if err := srv.AddFake("https://example.org/a file?x=1&y=2", []byte("from the web")); err != nil {
		t.Fatal(err)
	}
	if err := b.Fetch(ctx, "d/f", "https://example.org/a file?x=1&y=2"); err != nil {
		t.Fatal(err)
	}
	expectKind(t, "fetch to a taken name", b.Fetch(ctx, "d/taken", "https://example.org/a file?x=1&y=2"), fs.ErrExist)
	expectKind(t, "fetch of nothing", b.Fetch(ctx, "d/g", "https://example.org/missing"), backend.ErrUnavailable)
	for _, bad := range []string{"", "file:///etc/passwd", "example.org", "ftp://x/y", "http://"} {
		expectKind(t, "fetch of "+bad, b.Fetch(ctx, "d/g", bad), fs.ErrInvalid)
	}
	hold(t, srv, map[string]string{"/d/f": "from the web", "/d/taken": "old"}, []string{"/d/g"})
}

func TestPreview(t *testing.T) {
	ctx := context.Background()
	for name, knobs := range map[string]emulator.Knobs{"with the token": {}, "public": {PreviewPublic: true}} {
		t.Run(name, func(t *testing.T) {
			srv, b := start(t, emulator.Options{Knobs: knobs}, yandex.Config{})
			plant(t, srv, map[string]string{"/photo.jpg": "not really a picture", "/d/x": "x"})
			body, err := b.Preview(ctx, "photo.jpg", 120)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			if _, _, err := image.Decode(body); err != nil {
				t.Errorf("it is no picture: %v", err)
			}
			_, err = b.Preview(ctx, "d", 120)
			expectKind(t, "preview of a folder", err, fs.ErrNotExist)
			_, err = b.Preview(ctx, "missing", 120)
			expectKind(t, "preview of nothing", err, fs.ErrNotExist)
			_, err = b.Preview(ctx, "photo.jpg", 0)
			expectKind(t, "preview of no size", err, fs.ErrInvalid)
		})
	}
}

// publicKey asks the service for the key of a public address.
func publicKey(t *testing.T, srv *emulator.Server, address string) string {
	t.Helper()
	resp, err := http.Get(srv.URL + "/v1/disk/public/resources?fields=public_key&public_key=" + url.QueryEscape(address))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var resource struct {
		PublicKey string `json:"public_key"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&resource); err != nil || resource.PublicKey == "" {
		t.Fatalf("the key is %q, %v", resource.PublicKey, err)
	}
	return resource.PublicKey
}

func TestPublic(t *testing.T) {
	ctx := context.Background()
	srv, owner := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/d/Ж +.txt": "shared content", "/d/sub/x": "x", "/f": "single"})
	folder, err := owner.Share(ctx, "d")
	if err != nil {
		t.Fatal(err)
	}
	single, err := owner.Share(ctx, "f")
	if err != nil {
		t.Fatal(err)
	}
	// Without any login.
	guest, err := yandex.New(yandex.Config{APIURL: srv.URL, Rate: -1, RetryWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer guest.Close()
	p, err := guest.Public(ctx, folder)
	if err != nil {
		t.Fatal(err)
	}
	self, children, err := p.List(ctx, ".")
	if err != nil || !self.Dir || self.Name != "." {
		t.Fatalf("the root is %+v, %v", self, err)
	}
	var names []string
	for info, err := range children {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, info.Name)
	}
	if !slices.Equal(slices.Sorted(slices.Values(names)), []string{"sub", "Ж +.txt"}) {
		t.Errorf("it has %q", names)
	}
	open := func(p backend.Backend, name string) string {
		c, err := p.Open(ctx, name, "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r, err := c.Range(ctx, 1, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	if got := open(p, "Ж +.txt"); got != "hared content" {
		t.Errorf("it reads %q", got)
	}
	if link, err := backend.DownloadLink(ctx, p, "sub/x"); err != nil || link.URL == "" {
		t.Errorf("the link is %+v, %v", link, err)
	}
	key := publicKey(t, srv, folder)
	for _, address := range []string{
		folder + "/", folder + "?w=1", folder + "/?w=1#top", " " + folder + "\n", "https://disk.yandex.ru/public/?hash=" + url.QueryEscape(key), key,
	} {
		p, err := guest.Public(ctx, address)
		if err != nil {
			t.Errorf("%q: %v", address, err)
		} else if got := open(p, "Ж +.txt"); got != "hared content" {
			t.Errorf("%q reads %q", address, got)
		}
	}
	for _, address := range []string{
		folder + "/sub", folder + "/sub/?w=1", "https://disk.yandex.ru/public?hash=" + url.QueryEscape(key+":/sub"),
	} {
		p, err := guest.Public(ctx, address)
		if err != nil {
			t.Fatalf("%q: %v", address, err)
		}
		if info, err := p.Stat(ctx, "x"); err != nil || info.Size != 1 {
			t.Errorf("%q has %+v, %v", address, info, err)
		}
		_, err = p.Stat(ctx, "../Ж +.txt")
		expectKind(t, "stat of what lies above", err, fs.ErrInvalid)
	}
	if p, err := guest.Public(ctx, folder+"/Ж%20+.txt"); err != nil {
		t.Error(err)
	} else if got := open(p, "."); got != "hared content" {
		t.Errorf("the address of a file in it reads %q", got)
	}
	_, err = guest.Public(ctx, folder+"/missing")
	expectKind(t, "what is not in it", err, fs.ErrNotExist)
	file, err := guest.Public(ctx, single)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := file.Stat(ctx, "."); err != nil || info.Dir || info.Size != 6 {
		t.Errorf("the file is %+v, %v", info, err)
	}
	if got := open(file, "."); got != "ingle" {
		t.Errorf("it reads %q", got)
	}
	_, err = p.Open(ctx, "sub", "")
	expectKind(t, "open of a folder", err, backend.ErrIsDir)
	_, _, err = p.List(ctx, "Ж +.txt")
	expectKind(t, "list of a file", err, backend.ErrNotDir)
	_, err = p.Stat(ctx, "missing")
	expectKind(t, "stat", err, fs.ErrNotExist)
	_, err = p.Stat(ctx, "../f")
	expectKind(t, "stat of what lies outside", err, fs.ErrInvalid)
	_, err = p.Put(ctx, "new", strings.NewReader(""), backend.PutOptions{})
	expectKind(t, "put", err, fs.ErrPermission)
	expectKind(t, "mkdir", p.Mkdir(ctx, "new"), fs.ErrPermission)
	expectKind(t, "remove", p.Remove(ctx, "sub", backend.RemoveOptions{}), fs.ErrPermission)
	expectKind(t, "move", p.Move(ctx, "sub", "new", backend.MoveOptions{}), fs.ErrPermission)

	if err := owner.Mkdir(ctx, "saved"); err != nil {
		t.Fatal(err)
	}
	if err := owner.SavePublic(ctx, folder, "Ж +.txt", "saved/copy.txt"); err != nil {
		t.Error(err)
	}
	if err := owner.SavePublic(ctx, folder, ".", "saved/tree"); err != nil {
		t.Error(err)
	}
	expectKind(t, "save to a taken name", owner.SavePublic(ctx, folder, ".", "f"), fs.ErrExist)
	expectKind(t, "save to a missing folder", owner.SavePublic(ctx, folder, ".", "no/where"), fs.ErrNotExist)
	hold(t, srv, map[string]string{"/saved/copy.txt": "shared content", "/saved/tree/sub/x": "x", "/f": "single"}, nil)

	for address, want := range map[string]error{
		"": fs.ErrInvalid, " ": fs.ErrInvalid, "https://disk.yandex.ru/d/nothing-there": fs.ErrNotExist, "senseless": fs.ErrNotExist, "a\nb": fs.ErrInvalid,
	} {
		_, err := guest.Public(ctx, address)
		expectKind(t, "public address "+address, err, want)
		expectKind(t, "save of "+address, owner.SavePublic(ctx, address, ".", "saved/new"), want)
	}
	srv.SetKnobs(func(k *emulator.Knobs) { k.PublicNotFoundCode = "NotFoundError" })
	_, err = guest.Public(ctx, "senseless")
	expectKind(t, "a senseless key", err, fs.ErrNotExist)
}

// TestPasswordProtected reads a public address that wants a password.
func TestPasswordProtected(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	srv.Inject(emulator.Fault{Endpoint: emulator.GetPublic, Status: 403, Times: -1,
		Body: `{"error":"DiskSymlinkPasswordRequiredError","description":"Password required","message":"Требуется пароль"}`})
	_, err := b.Public(ctx, "https://disk.yandex.ru/d/secret")
	expectKind(t, "public", err, fs.ErrPermission)
	if err == nil || !strings.Contains(err.Error(), "password") {
		t.Errorf("it says %v", err)
	}
}

func TestProperties(t *testing.T) {
	ctx := context.Background()
	srv, b := start(t, emulator.Options{}, yandex.Config{})
	plant(t, srv, map[string]string{"/f": "content"})
	if err := b.SetModTime(ctx, "f", when); err != nil {
		t.Fatal(err)
	}
	long := map[string]string{"key": strings.Repeat("Ж", 1024)}
	expectKind(t, "too much", b.SetProperties(ctx, "f", long, nil), backend.ErrTooLarge)
	half := map[string]string{"first": strings.Repeat("Ж", 600)}
	if err := b.SetProperties(ctx, "f", half, nil); err != nil {
		t.Fatal(err)
	}
	expectKind(t, "too much together", b.SetProperties(ctx, "f", map[string]string{"second": strings.Repeat("Ж", 600)}, nil), backend.ErrTooLarge)
	expectKind(t, "the time", b.SetProperties(ctx, "f", map[string]string{"rclone_modified": "x"}, nil), fs.ErrInvalid)
	if got, err := b.Properties(ctx, "f"); err != nil || len(got) != 1 || got["first"] != half["first"] {
		t.Errorf("it has %v, %v", got, err)
	}
	if property(t, srv, "/f") == "" {
		t.Error("the time is gone")
	}
}

func TestAccount(t *testing.T) {
	ctx := context.Background()
	_, b := start(t, emulator.Options{Knobs: emulator.Knobs{TotalSpace: 1 << 30, Paid: true}}, yandex.Config{})
	if a, err := b.Account(ctx); err != nil || a.Login == "" || a.UID == "" || !a.Paid {
		t.Errorf("the account is %+v, %v", a, err)
	}
	if space, err := b.Usage(ctx); err != nil || space.Total != 1<<30 || space.MaxFile != 50<<30 {
		t.Errorf("the space is %+v, %v", space, err)
	}
}
