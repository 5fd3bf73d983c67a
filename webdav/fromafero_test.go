package webdav

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"
)

// onXNet runs a test under the handler of x/net, on file systems with all
// abilities and with none, and on the one that davdisk serves.
func onXNet(t *testing.T, test func(s *share)) {
	t.Helper()
	for name, newFs := range map[string]func(t *testing.T) afero.Fs{
		"capable": func(*testing.T) afero.Fs { return newCapableFs() },
		"memory":  func(*testing.T) afero.Fs { return afero.NewMemMapFs() },
		"os":      func(t *testing.T) afero.Fs { return afero.NewBasePathFs(afero.NewOsFs(), t.TempDir()) },
		"vfs":     newVFS,
	} {
		t.Run(name, func(t *testing.T) {
			fs := newFs(t)
			test(newShareBy(t, fs, &xdav.Handler{FileSystem: FromAfero(fs), LockSystem: newLocks(t, "")}, nil))
		})
	}
}

// TestBodyCutUnderXNet: that handler closes a file whose body broke off as any
// other; the old content stays all the same, and what is new does not appear.
func TestBodyCutUnderXNet(t *testing.T) {
	onXNet(t, func(s *share) {
		s.want(201, "PUT", "/f", "old content")
		s.want(201, "PUT", "/kept", "kept")
		for _, at := range []string{"/f", "/new"} {
			s.cutPut(at, "Content-Length: 100", "part")
			s.cutPut(at, "Transfer-Encoding: chunked", "4\r\npart\r\n")
		}
		s.holds("/f", "old content")
		s.gone("/new")
		if got := s.everything(); strings.Contains(got, "part") || strings.Contains(got, "davdisk-") {
			t.Errorf("left behind: %s", got)
		}
		s.want(201, "PUT", "/f", "new")
		s.holds("/f", "new")
		s.want(201, "PUT", "/f", "")
		s.holds("/f", "")
	})
}

// TestNothingIsTruncatedBlindly: x/net's LOCK takes any trouble of a Stat for a
// name that is free, and opens it with O_TRUNC.
func TestNothingIsTruncatedBlindly(t *testing.T) {
	c := newCapableFs()
	s := newShareBy(t, c, &xdav.Handler{FileSystem: FromAfero(c), LockSystem: newLocks(t, "")}, nil)
	s.want(201, "PUT", "/f", "content")
	c.failOn(503, "stat")
	s.do("LOCK", "/f", lockBody)
	s.do("PUT", "/f", "new")
	c.setFail(nil)
	s.holds("/f", "content")
}

// TestXNetHandler: the statuses that are x/net's, on our file systems.
func TestXNetHandler(t *testing.T) {
	onXNet(t, func(s *share) {
		at := escape("/" + hostile)
		s.want(201, "MKCOL", at, "")
		s.want(405, "MKCOL", at, "")
		s.want(409, "MKCOL", "/none/d", "")
		s.want(409, "PUT", "/none/f", "x")
		s.want(404, "PUT", at, "over a folder")
		s.want(201, "PUT", at+"/f.txt", "hello world")
		a := s.want(200, "GET", at+"/f.txt", "")
		if a.body != "hello world" || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			s.Errorf("%q %v", a.body, a.header)
		}
		if a := s.want(206, "GET", at+"/f.txt", "", "Range: bytes=6-"); a.body != "world" {
			s.Errorf("range: %q", a.body)
		}
		s.want(201, "COPY", at, "", "Destination: {server}/copy", "Overwrite: T")
		s.holds("/copy/f.txt", "hello world")
		s.want(201, "MOVE", "/copy", "", "Destination: {server}/moved", "Overwrite: T")
		s.holds("/moved/f.txt", "hello world")
		s.gone("/copy")
		m := s.want(207, "PROPFIND", "/", "", "Depth: infinity").multistatus(s.T)
		if got := strings.Join(m.hrefs(), " "); len(m.hrefs()) != 5 || !strings.Contains(got, "/moved/f.txt") {
			s.Errorf("listed: %s", got)
		}
		s.want(204, "DELETE", "/moved", "")
		s.gone("/moved")
		s.want(405, "DELETE", "/", "")
		s.want(200, "GET", at+"/f.txt", "")
	})
}

// TestTagsUnderXNet: both handlers return one entity tag of a file.
func TestTagsUnderXNet(t *testing.T) {
	onXNet(t, func(s *share) {
		put := s.want(201, "PUT", "/f", "content").header.Get("ETag")
		get := s.want(200, "GET", "/f", "").header.Get("ETag")
		ours := newShare(s.T, s.fs).want(200, "HEAD", "/f", "").header.Get("ETag")
		if put != get || get != ours || ours == "" {
			s.Errorf("PUT tells %s, GET %s, our own handler %s", put, get, ours)
		}
	})
}

// TestPropertiesUnderXNet: they are kept where our own handler finds them.
func TestPropertiesUnderXNet(t *testing.T) {
	for name, fs := range map[string]afero.Fs{"capable": newCapableFs(), "vfs": newVFS(t)} {
		t.Run(name, func(t *testing.T) {
			s := newShareBy(t, fs, &xdav.Handler{FileSystem: FromAfero(fs), LockSystem: newLocks(t, "")}, nil)
			s.want(201, "MKCOL", "/d", "")
			s.want(201, "PUT", "/d/f", "x")
			ours := newShare(t, fs)
			for _, at := range []string{"/d", "/d/f"} {
				m := s.want(207, "PROPPATCH", at, setProperty("p", "a &lt; <b>b</b>")).multistatus(t)
				if _, status := m.prop(m.hrefs()[0], "urn:n", "p"); !strings.Contains(status, " 200 ") {
					t.Errorf("%s: %s", at, status)
				}
				s.want(207, "PROPPATCH", at, setProperty("q", "gone soon"))
				s.want(207, "PROPPATCH", at, removeProperty("q"))
				for by, share := range map[string]*share{"x/net": s, "ours": ours} {
					got := share.properties(at, "{urn:n}p", "{urn:n}q")
					if !strings.HasPrefix(got["{urn:n}p"], "a &lt; <") || !strings.Contains(got["{urn:n}p"], ">b</") {
						t.Errorf("%s, %s: %v", at, by, got)
					}
					if _, ok := got["{urn:n}q"]; ok {
						t.Errorf("%s, %s: the removed one is there", at, by)
					}
				}
			}
			s.want(201, "COPY", "/d", "", "Destination: {server}/e", "Overwrite: T")
			if got := ours.properties("/e/f", "{urn:n}p"); got["{urn:n}p"] == "" {
				t.Error("they are not copied")
			}
		})
	}
}

// TestCopyUnderXNetReadsNothing if the file system is a Copier.
func TestCopyUnderXNetReadsNothing(t *testing.T) {
	c := newCapableFs()
	s := newShareBy(t, c, &xdav.Handler{FileSystem: FromAfero(c), LockSystem: newLocks(t, "")}, nil)
	s.want(201, "MKCOL", "/d", "")
	s.want(201, "PUT", "/d/1", "one")
	s.want(201, "PUT", "/d/2", "two")
	c.resetCounts()
	s.want(201, "COPY", "/d", "", "Destination: {server}/e", "Overwrite: T")
	if read, copied := c.count("read"), c.count("copy"); read != 0 || copied != 2 {
		t.Errorf("%d reads, %d copies", read, copied)
	}
	s.holds("/e/1", "one")
}

// TestFromAferoIsBound: each call ends with its context.
func TestFromAferoIsBound(t *testing.T) {
	c := newCapableFs()
	bound := FromAfero(c)
	if _, err := c.Put("/f", strings.NewReader("x"), 1, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for call, err := range map[string]error{
		"Stat": errorOf(bound.Stat(ctx, "/f")), "Mkdir": bound.Mkdir(ctx, "/d", 0o777),
		"OpenFile": errorOf(bound.OpenFile(ctx, "/f", os.O_RDONLY, 0)), "OpenFile for writing": errorOf(bound.OpenFile(ctx, "/f", os.O_RDWR|os.O_TRUNC, 0)),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

func errorOf[T any](_ T, err error) error { return err }

// TestInfosFromAfero: they have the forms of x/net and what x/net has no name
// for.
func TestInfosFromAfero(t *testing.T) {
	c := newCapableFs()
	if _, err := c.Put("/f", strings.NewReader("x"), 1, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	dir, err := FromAfero(c).OpenFile(t.Context(), "/", os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	infos, err := dir.Readdir(0)
	if err != nil || len(infos) != 1 {
		t.Fatalf("%v %v", infos, err)
	}
	original, err := c.Stat("/f")
	if err != nil {
		t.Fatal(err)
	}
	tag, err := infos[0].(xdav.ETager).ETag(t.Context())
	if err != nil || tag != entityTag(original) {
		t.Errorf("tag %s %v, want %s", tag, err, entityTag(original))
	}
	if mediaType, err := infos[0].(xdav.ContentTyper).ContentType(t.Context()); err != nil || mediaType != "application/octet-stream" {
		t.Errorf("type %s %v", mediaType, err)
	}
	if _, ours := infos[0].(ETager); ours {
		t.Error("it has both forms of ETag")
	}
	if !infos[0].(CreationTimer).Created().Equal(original.(CreationTimer).Created()) || infos[0].(Hasher).Hash("md5") != original.(Hasher).Hash("md5") {
		t.Error("it does not know what the original knows")
	}
	if _, known := infos[0].(PropertyHolder).Properties(); known != errorOf2(original.(PropertyHolder).Properties()) {
		t.Error("the properties are lost")
	}
}

func errorOf2(_ map[string]string, known bool) bool { return known }

// TestNamesFromAfero: the root is not removed, and what is on its way is not
// listed.
func TestNamesFromAfero(t *testing.T) {
	mem := afero.NewMemMapFs()
	for _, name := range []string{"/f", "/.davdisk-1"} {
		if err := afero.WriteFile(mem, name, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, net := t.Context(), FromAfero(mem)
	for call, err := range map[string]error{
		"RemoveAll of the root": net.RemoveAll(ctx, "/"), "by another name": net.RemoveAll(ctx, "/x/.."), "Rename of the root": net.Rename(ctx, "/", "/y"),
		"Rename to it": net.Rename(ctx, "/f", "/"),
	} {
		if !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%s: %v", call, err)
		}
	}
	if err := errors.Join(mem.Mkdir("/d", 0o700), mem.Mkdir("/e", 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := net.Rename(ctx, "/d", "/e"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder over a folder: %v", err)
	}
	if err := errors.Join(net.RemoveAll(ctx, "/d"), net.RemoveAll(ctx, "/e"), net.RemoveAll(ctx, "/none")); err != nil {
		t.Error(err)
	}
	dir, err := net.OpenFile(ctx, "/", os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if infos, err := dir.Readdir(-1); err != nil || len(infos) != 1 || infos[0].Name() != "f" {
		t.Errorf("listed: %v %v", infos, err)
	}
}

// TestFileFromAfero: what os.OpenFile means.
func TestFileFromAfero(t *testing.T) {
	for name, newFs := range map[string]func(t *testing.T) afero.Fs{"memory": func(*testing.T) afero.Fs { return afero.NewMemMapFs() }, "vfs": newVFS} {
		t.Run(name, func(t *testing.T) {
			afs := newFs(t)
			ctx, net := t.Context(), FromAfero(afs)
			write := func(flag int, pieces ...string) error {
				f, err := net.OpenFile(ctx, "/f", flag, 0o600)
				if err != nil {
					return err
				}
				for _, piece := range pieces {
					if _, err := f.Write([]byte(piece)); err != nil {
						return errors.Join(err, f.Close())
					}
				}
				return f.Close()
			}
			holds := func(want string) {
				t.Helper()
				if got, err := afero.ReadFile(afs, "/f"); err != nil || string(got) != want {
					t.Errorf("it holds %q %v, want %q", got, err, want)
				}
			}
			if err := write(os.O_RDWR, "x"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("without O_CREATE: %v", err)
			}
			for _, step := range []struct {
				flag   int
				pieces []string
				want   string
			}{
				{os.O_WRONLY | os.O_CREATE, []string{"one ", "two"}, "one two"},
				{os.O_RDWR, []string{"ONE"}, "ONE two"},
				{os.O_RDWR, nil, "ONE two"},
				{os.O_RDWR | os.O_CREATE | os.O_TRUNC, []string{"new"}, "new"},
				{os.O_WRONLY | os.O_TRUNC, nil, ""},
			} {
				if err := write(step.flag, step.pieces...); err != nil {
					t.Errorf("flag %x: %v", step.flag, err)
				}
				holds(step.want)
			}
			if err := write(os.O_RDWR|os.O_CREATE|os.O_EXCL, "x"); !errors.Is(err, fs.ErrExist) {
				t.Errorf("O_EXCL: %v", err)
			}
			f, err := net.OpenFile(ctx, "/f", os.O_RDWR|os.O_TRUNC, 0)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := f.(io.ReaderFrom).ReadFrom(strings.NewReader("stored")); n != 6 || err != nil {
				t.Errorf("ReadFrom: %d %v", n, err)
			}
			if info, err := f.Stat(); err != nil || info.Size() != 6 {
				t.Errorf("Stat: %v %v", info, err)
			}
			if _, err := f.Write([]byte("more")); err == nil {
				t.Error("a file that is stored whole was written to")
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			holds("stored")
		})
	}
}

// TestPatchThatFails: none of the properties is changed, and x/net gets the
// reason.
func TestPatchThatFails(t *testing.T) {
	c := newCapableFs()
	if _, err := c.Put("/f", strings.NewReader("x"), 1, time.Time{}, "", false); err != nil {
		t.Fatal(err)
	}
	f, err := FromAfero(c).OpenFile(t.Context(), "/f", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	patch := []xdav.Proppatch{{Props: []xdav.Property{{XMLName: xml.Name{Space: "urn:n", Local: "p"}, InnerXML: []byte("v")}}}}
	for code, want := range map[int]int{400: 400, 507: 507, 503: 0} {
		c.failOn(code, "setproperties")
		answer, err := f.(xdav.DeadPropsHolder).Patch(patch)
		if want == 0 {
			if err == nil {
				t.Errorf("%d: %v", code, answer)
			}
			continue
		}
		if err != nil || len(answer) != 1 || answer[0].Status != want || len(answer[0].Props) != 1 {
			t.Errorf("%d: %v %v", code, answer, err)
		}
	}
	c.setFail(nil)
	if props, err := f.(xdav.DeadPropsHolder).DeadProps(); err != nil || len(props) != 0 {
		t.Errorf("properties %v %v", props, err)
	}
}
