package webdav

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"
)

// File systems that have an ability by its name only.
type (
	wrongContext       struct{ afero.Fs }
	wrongConfine       struct{ afero.Fs }
	wrongPut           struct{ afero.Fs }
	wrongMove          struct{ afero.Fs }
	wrongCopy          struct{ afero.Fs }
	wrongDelete        struct{ afero.Fs }
	wrongUsage         struct{ afero.Fs }
	wrongProperties    struct{ afero.Fs }
	wrongSetProperties struct{ afero.Fs }
	halfProperties     struct{ afero.Fs }
)

var errNotCalled = errors.New("called, though it is no ability")

func (wrongContext) WithContext(context.Context) fs.FS                { panic(errNotCalled) }
func (wrongConfine) Confine(dir string) afero.Fs                      { panic(errNotCalled) }
func (wrongPut) Put(string, io.Reader) error                          { return errNotCalled }
func (wrongMove) Move(from, to string) error                          { return errNotCalled }
func (wrongCopy) Copy(from, to string, overwrite bool) error          { return errNotCalled }
func (wrongDelete) Delete(name string) error                          { return errNotCalled }
func (wrongUsage) Usage() (total, used uint64, err error)             { return 0, 0, errNotCalled }
func (wrongProperties) Properties(string) ([]string, error)           { return nil, errNotCalled }
func (wrongProperties) SetProperties(string, map[string]string) error { return errNotCalled }
func (wrongSetProperties) Properties(string) (map[string]string, error) {
	return nil, errNotCalled
}
func (wrongSetProperties) SetProperties(string, map[string]string, ...string) error {
	return errNotCalled
}
func (halfProperties) Properties(string) (map[string]string, error) { return nil, errNotCalled }

// Infos that know something by its name only.
type (
	wrongETag           struct{ fs.FileInfo }
	wrongContentType    struct{ fs.FileInfo }
	wrongCreated        struct{ fs.FileInfo }
	wrongHash           struct{ fs.FileInfo }
	wrongInfoProperties struct{ fs.FileInfo }
)

func (wrongETag) ETag() (string, error)                           { panic(errNotCalled) }
func (*wrongContentType) ContentType(string) string               { panic(errNotCalled) }
func (wrongCreated) Created() int64                               { panic(errNotCalled) }
func (wrongHash) Hash(algorithm string) []byte                    { panic(errNotCalled) }
func (wrongInfoProperties) Properties() (map[string][]byte, bool) { panic(errNotCalled) }

// infoFs gives other infos than the file system that it is.
type infoFs struct {
	afero.Fs
	wrap func(fs.FileInfo) fs.FileInfo
}

type infoFile struct {
	afero.File
	wrap func(fs.FileInfo) fs.FileInfo
}

func (i infoFs) Stat(name string) (fs.FileInfo, error) {
	info, err := i.Fs.Stat(name)
	if err != nil {
		return nil, err
	}
	return i.wrap(info), nil
}

func (i infoFs) Open(name string) (afero.File, error) {
	f, err := i.Fs.Open(name)
	return infoFile{f, i.wrap}, err
}

func (f infoFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, err
	}
	return f.wrap(info), nil
}

func (f infoFile) Readdir(n int) ([]fs.FileInfo, error) {
	infos, err := f.File.Readdir(n)
	for i := range infos {
		infos[i] = f.wrap(infos[i])
	}
	return infos, err
}

// TestWrongFileSystemAbilities: New calls nothing, tells both signatures once,
// and does not use the method; a strict one fails.
func TestWrongFileSystemAbilities(t *testing.T) {
	mem := afero.NewMemMapFs()
	for _, c := range []struct {
		fs        afero.Fs
		got, want string
	}{
		{wrongContext{mem}, "func(context.Context) fs.FS", "func(context.Context) afero.Fs"},
		{wrongConfine{mem}, "func(string) afero.Fs", "func(string) (afero.Fs, error)"},
		{wrongPut{mem}, "func(string, io.Reader) error", "func(string, io.Reader, int64, time.Time, string, bool) (fs.FileInfo, error)"},
		{wrongMove{mem}, "func(string, string) error", "func(string, string, bool) error"},
		{wrongCopy{mem}, "func(string, string, bool) error", "func(string, string, bool, int) error"},
		{wrongDelete{mem}, "func(string) error", "func(string, string) error"},
		{wrongUsage{mem}, "func() (uint64, uint64, error)", "func() (int64, int64, error)"},
		{wrongProperties{mem}, "func(string) ([]string, error)", "func(string) (map[string]string, error)"},
		{wrongProperties{mem}, "func(string, map[string]string) error", "func(string, map[string]string, []string) error"},
		{wrongSetProperties{mem}, "func(string, map[string]string, ...string) error", "func(string, map[string]string, []string) error"},
		{halfProperties{mem}, "halfProperties.Properties", "webdav.Propertier"},
		{&wrongMove{mem}, "func(string, string) error", "func(string, string, bool) error"},
	} {
		if h, err := NewHandler(c.fs, WithStrictAbilities()); err == nil {
			h.Close()
			t.Errorf("%T: no error", c.fs)
		} else if !strings.Contains(err.Error(), c.got) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %q does not name %s and %s", c.fs, err, c.got, c.want)
		}
		var log logBuffer
		s := newShare(t, c.fs, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		name := "/" + strings.ToLower(strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'z' {
				return r
			}
			return -1
		}, c.got+c.want))[:20]
		s.want(201, "PUT", name, "x")
		s.holds(name, "x")
		s.want(201, "COPY", name, "", "Destination: "+name+"2")
		s.want(204, "MOVE", name, "", "Destination: "+name+"2")
		s.properties(name+"2", "{urn:n}p", "quota-used-bytes")
		s.want(207, "PROPPATCH", name+"2", setProperty("p", "v"))
		s.want(204, "DELETE", name+"2", "")
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, c.got) || !strings.Contains(got, c.want) {
			t.Errorf("%T: it logs %s", c.fs, got)
		}
	}
}

// TestWrongInfoAbilities: an info is judged when the first is seen, be it in a
// listing, of an open file or by its name.
func TestWrongInfoAbilities(t *testing.T) {
	for _, c := range []struct {
		wrap      func(fs.FileInfo) fs.FileInfo
		got, want string
	}{
		{func(i fs.FileInfo) fs.FileInfo { return wrongETag{i} }, "func() (string, error)", "func() string or func(context.Context) (string, error)"},
		{func(i fs.FileInfo) fs.FileInfo { return &wrongContentType{i} }, "func(string) string", "func() string or func(context.Context) (string, error)"},
		{func(i fs.FileInfo) fs.FileInfo { return wrongCreated{i} }, "func() int64", "func() time.Time"},
		{func(i fs.FileInfo) fs.FileInfo { return wrongHash{i} }, "func(string) []uint8", "func(string) string"},
		{func(i fs.FileInfo) fs.FileInfo { return wrongInfoProperties{i} }, "func() (map[string][]uint8, bool)", "func() (map[string]string, bool)"},
	} {
		mem := afero.NewMemMapFs()
		if err := afero.WriteFile(mem, "/f", []byte("f"), 0o600); err != nil {
			t.Fatal(err)
		}
		fs := infoFs{mem, c.wrap}
		for _, request := range [][]string{{"GET", "/f"}, {"PROPFIND", "/", "Depth: 1"}, {"PROPFIND", "/f", "Depth: 0"}, {"PUT", "/f"}} {
			var log logBuffer
			s := newShare(t, fs, WithStrictAbilities(), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
			s.want(500, request[0], request[1], "", request[2:]...)
			s.want(500, request[0], request[1], "", request[2:]...)
			if got := log.String(); !strings.Contains(got, c.got) || !strings.Contains(got, c.want) {
				t.Errorf("%s: it does not log %s and %s: %s", request, c.got, c.want, got)
			}
		}
		var log logBuffer
		s := newShare(t, fs, WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
		s.want(207, "PROPFIND", "/", "", "Depth: 1")
		s.want(207, "PROPFIND", "/f", propfindOf("creationdate", "getetag", "getcontenttype"), "Depth: 0")
		s.properties("/f", "{http://owncloud.org/ns}checksums", "{urn:n}p")
		s.want(200, "GET", "/f", "")
		s.want(204, "PUT", "/f", "new")
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, c.got) || !strings.Contains(got, c.want) {
			t.Errorf("it logs %s", got)
		}
	}
}

// TestRightAbilitiesAreNotTold: those that davdisk itself has, and a file
// system with none.
func TestRightAbilitiesAreNotTold(t *testing.T) {
	onEach(t, func(s *share) {
		s.put("/f", "f")
		s.want(207, "PROPFIND", "/", "", "Depth: 1")
		s.want(200, "GET", "/f", "")
	}, WithStrictAbilities())
}

// TestNewMakesNoCall: a store that cannot be reached just now can be served.
func TestNewMakesNoCall(t *testing.T) {
	c := newCapableFs()
	c.failOn(503, "stat", "open", "usage", "list")
	h, err := NewHandler(c, WithStrictAbilities())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if n := c.countAll(); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// netForms is an info in the form of x/net, and errors are what it fails with.
type netForms struct {
	fs.FileInfo
	tag             string
	tagErr, typeErr error
	asked           *atomic.Int32
}

func (n netForms) ETag(ctx context.Context) (string, error) {
	n.asked.Add(1)
	return n.tag, errors.Join(n.tagErr, ctx.Err())
}
func (n netForms) ContentType(context.Context) (string, error) { return "text/x-net", n.typeErr }
func (netForms) Created() time.Time                            { return time.Unix(1_000_000_000, 0) }
func (netForms) Hash(algorithm string) string {
	return map[string]string{"md5": "0123"}[algorithm]
}
func (netForms) Properties() (map[string]string, bool) {
	return map[string]string{"{urn:n}p": `<p xmlns="urn:n">v</p>`}, true
}

// TestFormsOfXNet: ETag and ContentType may want a context and may fail, and
// hide nothing that is not of x/net.
func TestFormsOfXNet(t *testing.T) {
	var asked atomic.Int32
	form := netForms{asked: &asked}
	newForms := func(changed netForms) *share {
		form = changed
		form.asked = &asked
		mem := afero.NewMemMapFs()
		for _, name := range []string{"/f", "/d/1", "/d/2"} {
			if err := afero.WriteFile(mem, name, []byte("f"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return newShare(t, infoFs{mem, func(i fs.FileInfo) fs.FileInfo {
			if i.IsDir() {
				return i
			}
			f := form
			f.FileInfo = i
			return f
		}}, WithStrictAbilities())
	}
	s := newForms(netForms{tag: `"of x/net"`})
	a := s.want(200, "GET", "/f", "")
	if a.header.Get("ETag") != `"of x/net"` || a.header.Get("Content-Type") != "text/x-net" {
		t.Errorf("header %v", a.header)
	}
	s.want(304, "GET", "/f", "", `If-None-Match: "of x/net"`)
	s.want(412, "PUT", "/f", "x", `If-Match: "other"`)
	s.want(204, "PUT", "/f", "x", `If-Match: "of x/net"`)
	got := s.properties("/f", "getetag", "getcontenttype", "creationdate", "{urn:n}p", "{http://owncloud.org/ns}checksums")
	if got["getetag"] != `"of x/net"` || got["getcontenttype"] != "text/x-net" || got["creationdate"] != "2001-09-09T01:46:40Z" ||
		got["{urn:n}p"] != "v" || !strings.Contains(got["{http://owncloud.org/ns}checksums"], "MD5:0123") {
		t.Errorf("properties %v", got)
	}
	asked.Store(0)
	s.want(207, "PROPFIND", "/d", propfindOf("getcontentlength"), "Depth: 1")
	if n := asked.Load(); n != 0 {
		t.Errorf("%d tags were asked for which nobody wanted", n)
	}

	s = newForms(netForms{tagErr: xdav.ErrNotImplemented, typeErr: xdav.ErrNotImplemented})
	a = s.want(200, "GET", "/f", "")
	if tag := a.header.Get("ETag"); len(tag) < 5 || a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("header %v", a.header)
	}

	// A tag that cannot be read is not one that does not match.
	s = newForms(netForms{tagErr: &codeError{code: 503}})
	s.want(503, "GET", "/f", "")
	s.want(503, "PUT", "/f", "x", `If-None-Match: *`)
	m := s.want(207, "PROPFIND", "/d", propfindOf("getetag", "getcontentlength"), "Depth: 1").multistatus(t)
	if _, status := m.prop("/d/1", "DAV:", "getetag"); !strings.Contains(status, " 503 ") {
		t.Errorf("the tag of a member: %s", status)
	}
	s = newForms(netForms{typeErr: &codeError{code: 503}})
	s.want(503, "GET", "/f", "")
}
