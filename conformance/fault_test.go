package conformance

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/spf13/afero"
)

// An atomicFs keeps what is written to itself until Close, which makes a file
// beside the old one and renames it over that: the simplest Fs that no single
// fault can tear.
type atomicFs struct{ afero.Fs }

// An atomicFile is being written: in memory, and not in its place yet.
type atomicFile struct {
	afero.File
	fs   atomicFs
	name string
}

const scratchName = "/scratch"

func (a atomicFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	if !writable(flag) {
		return a.Fs.OpenFile(name, flag, perm)
	}
	old, err := afero.ReadFile(a.Fs, name)
	switch {
	case err == nil && flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	case err != nil && (!errors.Is(err, fs.ErrNotExist) || flag&os.O_CREATE == 0):
		return nil, err
	case flag&os.O_TRUNC != 0:
		old = nil
	}
	memory := afero.NewMemMapFs()
	if err := afero.WriteFile(memory, scratchName, old, 0o600); err != nil {
		return nil, err
	}
	f, err := memory.OpenFile(scratchName, os.O_RDWR|flag&os.O_APPEND, perm)
	return &atomicFile{File: f, fs: a, name: name}, err
}

func (a atomicFs) Create(name string) (afero.File, error) {
	return a.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o666)
}

func (f *atomicFile) Close() error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	data, err := io.ReadAll(f.File)
	if err != nil {
		return err
	}
	return f.fs.put(f.name, data)
}

// put stores a whole file, or leaves everything as it was.
func (a atomicFs) put(name string, data []byte) error {
	temp := path.Join(path.Dir(name), "."+path.Base(name)+".new")
	err := afero.WriteFile(a.Fs, temp, data, 0o600)
	if err == nil {
		err = a.Fs.Rename(temp, name)
	}
	if err != nil {
		if gone := a.Fs.Remove(temp); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			return errors.Join(err, gone)
		}
	}
	return err
}

// overFaulty puts an Fs on a directory of the machine on which every call can
// break.
func overFaulty(wrap func(base afero.Fs) afero.Fs) Option {
	return Faulty(func(tb TB, f *Fault) afero.Fs {
		return wrap(faultFs{afero.NewBasePathFs(afero.NewOsFs(), tb.TempDir()), f})
	})
}

func atomically(base afero.Fs) afero.Fs { return atomicFs{base} }

// memory is any Fs at all, where the Maker's is not what is tested.
func memory(TB) afero.Fs { return afero.NewMemMapFs() }

func TestNoFaultTearsAnAtomicFs(t *testing.T) {
	if r := Run(t, memory, Only("faults/*"), overFaulty(atomically)); r.Count(Passed) != len(scenarios()) {
		t.Errorf("%d of %d scenarios passed", r.Count(Passed), len(scenarios()))
	}
}

// A file written in place is torn by the first call that breaks.
func TestFaultsTearAFileInPlace(t *testing.T) {
	inPlace := func(base afero.Fs) afero.Fs { return base }
	r := Check(t.Context(), memory, Only("faults/*"), overFaulty(inPlace))
	want := map[string]bool{"faults/create": true, "faults/overwrite": true, "faults/append": true, "faults/partial-overwrite": true}
	for _, res := range r.Results {
		if failed := res.Verdict == Failed; failed != want[res.Case.ID] {
			t.Errorf("%s: %v %s", res.Case.ID, res.Verdict, res.Detail)
		}
	}
}

// Every call of a scenario breaks once in each way.
func TestEveryCallBreaks(t *testing.T) {
	broken := map[string]int{}
	count := Faulty(func(tb TB, f *Fault) afero.Fs {
		tb.Cleanup(func() {
			_, hit := f.disarm()
			mode, _, _ := strings.Cut(hit, " number")
			broken[mode]++
		})
		return atomicFs{faultFs{afero.NewBasePathFs(afero.NewOsFs(), tb.TempDir()), f}}
	})
	r := Check(t.Context(), memory, Only("faults/rename"), count)
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	if want := map[string]int{"": 1, "before": 1, "after": 1}; !maps.Equal(broken, want) {
		t.Errorf("a scenario of one call was gone through like this: %v, want %v", broken, want)
	}
}

// A file system that never asks its Fault cannot be tested by it.
func TestUnusedFaultIsAFailure(t *testing.T) {
	deaf := Faulty(func(TB, *Fault) afero.Fs { return afero.NewMemMapFs() })
	r := Check(t.Context(), memory, Only("faults/create"), deaf)
	if res := r.Results[0]; res.Verdict != Failed || !strings.Contains(res.Detail, "no remote call") {
		t.Errorf("%v %s", res.Verdict, res.Detail)
	}
}

func TestCutBodyGivesHalf(t *testing.T) {
	f := &Fault{}
	f.arm(cut, 2)
	for _, want := range []string{"0123456789", "01234", "0123456789"} {
		got, err := io.ReadAll(f.Body(strings.NewReader("0123456789")))
		if whole := want == "0123456789"; string(got) != want || whole != (err == nil) {
			t.Errorf("read %q, error %v, want %q", got, err, want)
		}
	}
}
