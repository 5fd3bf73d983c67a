package conformance_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/afero"
	"github.com/spf13/afero/tarfs"
	"github.com/spf13/afero/zipfs"

	"github.com/davdisk/davdisk/conformance"
	"github.com/davdisk/davdisk/internal/scoreboard"
)

// The tests in this file say what afero's own file systems do wrong. The lists
// are in testdata/known; each is executed, so it is true.

func inDir(tb conformance.TB) afero.Fs { return afero.NewBasePathFs(afero.NewOsFs(), tb.TempDir()) }

func TestScoreOfOsFs(t *testing.T) {
	score(t, "OsFs", "", osFs, conformance.Under(tempDir))
}

func TestScoreOfMemMapFs(t *testing.T) {
	score(t, "MemMapFs", "memmapfs", func(conformance.TB) afero.Fs { return afero.NewMemMapFs() })
}

func TestScoreOfBasePathFs(t *testing.T) {
	score(t, "BasePathFs on OsFs", "basepathfs", inDir)
}

func TestScoreOfCopyOnWriteFs(t *testing.T) {
	score(t, "CopyOnWriteFs on OsFs", "copyonwritefs", func(tb conformance.TB) afero.Fs {
		return afero.NewCopyOnWriteFs(inDir(tb), inDir(tb))
	})
}

func TestScoreOfCacheOnReadFs(t *testing.T) {
	score(t, "CacheOnReadFs on OsFs", "cacheonreadfs", func(tb conformance.TB) afero.Fs {
		return afero.NewCacheOnReadFs(inDir(tb), inDir(tb), 0)
	})
}

func TestScoreOfRegexpFs(t *testing.T) {
	score(t, "RegexpFs on OsFs", "regexpfs", func(tb conformance.TB) afero.Fs {
		return afero.NewRegexpFs(inDir(tb), regexp.MustCompile(""))
	})
}

func TestScoreOfReadOnlyFs(t *testing.T) {
	score(t, "ReadOnlyFs on OsFs", "readonlyfs", nil, conformance.ReadOnly(func(tb conformance.TB, tree conformance.Tree) afero.Fs {
		dir := tb.TempDir()
		for _, name := range tree.Names() {
			real := filepath.Join(dir, filepath.FromSlash(name))
			var err error
			if strings.HasSuffix(name, "/") {
				err = os.Mkdir(real, 0o755)
			} else {
				err = os.WriteFile(real, []byte(tree[name]), 0o644)
			}
			if err != nil {
				tb.Fatalf("%v", err)
			}
		}
		return afero.NewReadOnlyFs(afero.NewBasePathFs(afero.NewOsFs(), dir))
	}))
}

func TestScoreOfZipfs(t *testing.T) {
	score(t, "zipfs", "zipfs", nil, conformance.ReadOnly(func(tb conformance.TB, tree conformance.Tree) afero.Fs {
		var archive bytes.Buffer
		w := zip.NewWriter(&archive)
		for _, name := range tree.Names() {
			f, err := w.Create(name)
			if err == nil {
				_, err = f.Write([]byte(tree[name]))
			}
			if err != nil {
				tb.Fatalf("%v", err)
			}
		}
		if err := w.Close(); err != nil {
			tb.Fatalf("%v", err)
		}
		r, err := zip.NewReader(bytes.NewReader(archive.Bytes()), int64(archive.Len()))
		if err != nil {
			tb.Fatalf("%v", err)
		}
		return zipfs.New(r)
	}))
}

func TestScoreOfTarfs(t *testing.T) {
	score(t, "tarfs", "tarfs", nil, conformance.ReadOnly(func(tb conformance.TB, tree conformance.Tree) afero.Fs {
		var archive bytes.Buffer
		w := tar.NewWriter(&archive)
		for _, name := range tree.Names() {
			h := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(tree[name])), Typeflag: tar.TypeReg}
			if strings.HasSuffix(name, "/") {
				h.Typeflag, h.Mode = tar.TypeDir, 0o755
			}
			err := w.WriteHeader(h)
			if err == nil {
				_, err = w.Write([]byte(tree[name]))
			}
			if err != nil {
				tb.Fatalf("%v", err)
			}
		}
		if err := w.Close(); err != nil {
			tb.Fatalf("%v", err)
		}
		return tarfs.New(tar.NewReader(&archive))
	}))
}

// score runs the suite on a file system with what is known of it, and compares
// the result with the score on record.
func score(t *testing.T, name, list string, fresh conformance.Maker, opts ...conformance.Option) {
	t.Helper()
	if raceDetector && list != "" {
		t.Skip("the races are afero's, and the detector would end the run for them")
	}
	scoreboard.Run(t, name, "afero "+scoreboard.Version(t, "github.com/spf13/afero"), list, fresh, opts...)
}
