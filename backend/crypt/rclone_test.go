package crypt_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/internal/testlevel"
	"github.com/davdisk/davdisk/internal/testtool"
)

type rcloneLayout struct {
	name       string
	opts, vars map[string]string
}

// rcloneLayouts are the options of davdisk and the variables of rclone for the
// same layout.
var rcloneLayouts = []rcloneLayout{
	{"base32", nil, nil},
	{"base64 in plain folders",
		map[string]string{"filename-encoding": "base64", "directory-name-encryption": "false"},
		map[string]string{"FILENAME_ENCODING": "base64", "DIRECTORY_NAME_ENCRYPTION": "false"}},
	{"base32768",
		map[string]string{"filename-encoding": "base32768"},
		map[string]string{"FILENAME_ENCODING": "base32768"}},
	{"plain names",
		map[string]string{"filename-encryption": "off"},
		map[string]string{"FILENAME_ENCRYPTION": "off"}},
}

// TestRclone: rclone reads the files that davdisk writes, and davdisk those that
// rclone writes.
func TestRclone(t *testing.T) {
	exchange(t, 60)
}

// TestRcloneMany is TestRclone with more than 10,000 names in all.
func TestRcloneMany(t *testing.T) {
	testlevel.NeedMore(t)
	exchange(t, 3000)
}

func exchange(t *testing.T, count int) {
	program := testtool.Find(t, "rclone")
	for _, layout := range rcloneLayouts {
		t.Run(layout.name, func(t *testing.T) {
			files := hostileFiles(rand.New(rand.NewPCG(1, uint64(count))), count)
			if layout.vars["FILENAME_ENCODING"] == "base32768" {
				withoutSymbols(t, files)
			}
			r := newRclone(t, program, layout.vars)
			ours := r.open(t, layout.opts)
			store(t, ours, files)
			back := t.TempDir()
			r.run(t, "copy", "c:", back)
			same(t, "rclone reads of davdisk", files, readFolder(t, back))

			theirs := newRclone(t, program, layout.vars)
			theirs.run(t, "copy", back, "c:")
			want := map[string][]byte{}
			for name, content := range files {
				want[layout.inRclone(name)] = content
			}
			same(t, "davdisk reads of rclone", want, readStore(t, theirs.open(t, layout.opts)))
		})
	}
}

// inRclone is the name that rclone gives to a local file of that name: before a
// name is encrypted its control characters are replaced by their symbols. They
// come back where it is not.
func (l rcloneLayout) inRclone(name string) string {
	switch dir, base := path.Split(name); {
	case l.vars["FILENAME_ENCRYPTION"] == "off":
		return name
	case l.vars["DIRECTORY_NAME_ENCRYPTION"] == "false":
		return dir + strings.Map(symbol, base)
	}
	return strings.Map(symbol, name)
}

func symbol(r rune) rune {
	switch {
	case r < ' ':
		return '\u2400' + r
	case r == '\x7f':
		return '\u2421'
	}
	return r
}

// TestRcloneNames compares what the two make of single names, in which rclone
// would otherwise see the encoding of another store.
func TestRcloneNames(t *testing.T) {
	program := testtool.Find(t, "rclone")
	const refused = "-v2001-02-03-040506-123.txt" // in the store it would be the same as ".txt-v2001-02-03-040506-123"
	names := []string{
		"a", strings.Repeat("n", 15), strings.Repeat("n", 16), strings.Repeat("n", 17), strings.Repeat("ж", 70), "Ünïcode 日本 🎉", " ", "~", "a=b%20c",
		"report-v2001-02-03-040506-123.txt", "-v2001-02-03-040506-123", refused, "x-v2001-02-30-040506-123", "a.tar-v2001-02-03-040506-123.gz",
		".hid-v2001-02-03-040506-123", "v.x-v2001-02-03-040506-123.", "x-v2001-02-03-040506-123-v2002-02-03-040506-123", "x-v2001-02-03-040506-123y",
	}
	for _, layout := range rcloneLayouts {
		t.Run(layout.name, func(t *testing.T) {
			r := newRclone(t, program, layout.vars)
			b := r.open(t, layout.opts)
			for some := range slices.Chunk(names, 10) { // it takes no more at a time
				for line := range strings.Lines(r.run(t, append([]string{"cryptdecode", "--reverse", "c:", "--"}, some...)...)) {
					name, stored, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " \t ")
					if !ok {
						t.Fatalf("rclone says %q", line)
					}
					_, err := b.Put(t.Context(), name, strings.NewReader("x"), backend.PutOptions{Size: 1})
					if name == refused && layout.vars["FILENAME_ENCRYPTION"] != "off" {
						if !errors.Is(err, fs.ErrInvalid) {
							t.Errorf("%q: %v", name, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%q: %v", name, err)
					} else if _, err := os.Stat(filepath.Join(r.folder, stored)); err != nil {
						t.Errorf("rclone would store %q as %q: %v", name, stored, err)
					}
				}
			}
		})
	}
}

const rclonePassword, rclonePassword2 = "a password: ж", "salt"

// rclone is rclone with an encrypted store in a folder of this machine.
type rclone struct {
	program, folder, password, password2 string
	env                                  []string
}

func newRclone(t *testing.T, program string, vars map[string]string) *rclone {
	t.Helper()
	r := &rclone{program: program, folder: t.TempDir()}
	config := filepath.Join(t.TempDir(), "rclone.conf")
	if err := os.WriteFile(config, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.env = append(os.Environ(), "RCLONE_CONFIG="+config, "LC_ALL=C.UTF-8")
	r.password = strings.TrimSpace(r.run(t, "obscure", rclonePassword))
	r.password2 = strings.TrimSpace(r.run(t, "obscure", rclonePassword2))
	r.env = append(r.env, "RCLONE_CONFIG_C_TYPE=crypt", "RCLONE_CONFIG_C_REMOTE="+r.folder,
		"RCLONE_CONFIG_C_PASSWORD="+r.password, "RCLONE_CONFIG_C_PASSWORD2="+r.password2)
	for name, value := range vars {
		r.env = append(r.env, "RCLONE_CONFIG_C_"+name+"="+value)
	}
	return r
}

func (r *rclone) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), r.program, append([]string{"--retries", "1", "--no-unicode-normalization"}, args...)...)
	cmd.Env = r.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || stderr.Len() > 0 {
		t.Fatalf("rclone %q: %v\n%s", args, err, stderr.Bytes())
	}
	return string(out)
}

// open opens the same store as a person would configure it.
func (r *rclone) open(t *testing.T, opts map[string]string) backend.Backend {
	t.Helper()
	registry := backend.NewRegistry(backend.Env{})
	registry.Register(local.Driver())
	registry.Register(crypt.Driver())
	all := map[string]string{"remote": r.folder, "password": r.password, "password2": r.password2, "obscured": "true"}
	for name, value := range opts {
		all[name] = value
	}
	if err := registry.Remote("secret", "crypt", all); err != nil {
		t.Fatal(err)
	}
	b, err := registry.Open(t.Context(), "secret:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.(io.Closer).Close() })
	return b
}

// hostileFiles are files by name. The names are of up to 80 bytes, for which any
// encoding has room, without those characters that rclone writes as others.
func hostileFiles(random *rand.Rand, count int) map[string][]byte {
	parts := []string{" ", ".", "%2F", "\\", "\"", "'", "\n", "\t", "\x01", "\x7f", "*", "?", ":", "|", "<", ">", "&", "#", "ü", "u\u0308", "日", "🎉", "ا", "-", "_",
		"=", "a", "B", "bin", ".bin", "~", "$", "\u200b", "\ufeff", "é", "-v2001-02-03-040506-123", "z"}
	sizes := []int{0, 1, 15, 16, 17, 65535, 65536, 65537, 131072, 200_000}
	files, dirs := map[string][]byte{}, []string{""}
	folders := map[string]bool{}
	for len(files) < count {
		var name string
		for range 1 + random.IntN(12) {
			if part := parts[random.IntN(len(parts))]; len(name+part) <= 80 {
				name += part
			}
		}
		if ext, ok := strings.CutPrefix(name, "-v2001-02-03-040506-123"); ok && ext != "" && ext == path.Ext(name) {
			continue // for which the format has no name of its own
		}
		dir := dirs[random.IntN(len(dirs))]
		if full := dir + name; name == "." || name == ".." || files[full] != nil || folders[full] || folders[full+".bin"] || files[strings.TrimSuffix(full, ".bin")] != nil {
			continue
		}
		// rclone itself looks for a folder with such a time in another place
		// than the one it makes it in.
		if random.IntN(20) == 0 && !strings.Contains(name, "-v2001") && len(dir) < 300 {
			dirs = append(dirs, dir+name+"/")
			folders[dir+name] = true
			files[dir+name+"/file"] = []byte("in a folder")
			continue
		}
		size := random.IntN(100)
		if len(files) < len(sizes) {
			size = sizes[len(files)]
		}
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(random.Uint32())
		}
		files[dir+name] = content
	}
	return files
}

// withoutSymbols leaves out the files that rclone has under another name in a
// local folder than in other stores: base32768 has the symbols of control
// characters among its 32768, and rclone writes the characters themselves to
// some stores.
func withoutSymbols(t *testing.T, files map[string][]byte) {
	t.Helper()
	k, err := crypt.DeriveKeys(rclonePassword, rclonePassword2)
	if err != nil {
		t.Fatal(err)
	}
	before := len(files)
	for name := range files {
		for _, form := range []string{name, strings.Map(symbol, name)} {
			stored, err := crypt.StoredName(k, crypt.Options{FilenameEncoding: "base32768"}, form)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsFunc(stored, func(r rune) bool { return r >= '\u2400' && r <= '\u2421' }) {
				delete(files, name)
			}
		}
	}
	if len(files) < before*7/10 { // each has some fifty characters, one in a thousand is a symbol
		t.Errorf("%d of %d files are left", len(files), before)
	}
}

// store writes the files and the folders they are in.
func store(t *testing.T, b backend.Backend, files map[string][]byte) {
	t.Helper()
	made := map[string]bool{".": true}
	var mkdir func(dir string)
	mkdir = func(dir string) {
		if !made[dir] {
			mkdir(path.Dir(dir))
			if err := b.Mkdir(t.Context(), dir); err != nil {
				t.Fatal(err)
			}
			made[dir] = true
		}
	}
	for name, content := range files {
		mkdir(path.Dir(name))
		if _, err := b.Put(t.Context(), name, bytes.NewReader(content), backend.PutOptions{Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
	}
}

func readStore(t *testing.T, b backend.Backend) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	var walk func(dir string) error
	walk = func(dir string) error {
		_, children, err := b.List(t.Context(), dir)
		if err != nil {
			return err
		}
		for info, err := range children {
			name := path.Join(dir, info.Name)
			switch {
			case err != nil:
			case info.Dir:
				err = walk(name)
			default:
				files[name], err = readFile(t.Context(), b, name)
				if err == nil && int64(len(files[name])) != info.Size {
					err = fmt.Errorf("%q has %d bytes, %d listed", name, len(files[name]), info.Size)
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := walk("."); err != nil {
		t.Fatal(err)
	}
	return files
}

func readFile(ctx context.Context, b backend.Backend, name string) ([]byte, error) {
	c, err := b.Open(ctx, name, "")
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r, err := c.Range(ctx, 0, -1)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func readFolder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[name], err = os.ReadFile(filepath.Join(dir, name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func same(t *testing.T, what string, want, got map[string][]byte) {
	t.Helper()
	for name, content := range want {
		if found, ok := got[name]; !ok || !bytes.Equal(found, content) {
			t.Errorf("%s: %q has %d bytes, want %d (there: %v)", what, name, len(found), len(content), ok)
		}
	}
	for name := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("%s: %q is too much", what, name)
		}
	}
}
