package conformance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/afero"
)

func newOs(TB) afero.Fs { return afero.NewOsFs() }

func inTempDir() Option { return Under(func(tb TB) string { return quick{tb}.TempDir() }) }

// The kernel is what the model must agree with: this is what makes the model
// an oracle for others.
func TestModelAgreesWithOsFs(t *testing.T) {
	sequences := 5000
	if testing.Short() {
		sequences = 500
	}
	r := Run(t, newOs, inTempDir(), Only("model/sequences"), Effort(sequences, 40))
	if r.Count(Passed) != 1 {
		t.Error("the case did not run")
	}
}

// What a disagreement prints must compile, use afero alone, and fail on the
// file system that it was found on.
func TestReproIsATestThatFails(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a test binary")
	}
	for _, seed := range []uint64{1, 2, 3} {
		s := newSuite("", func(TB) afero.Fs { return afero.NewMemMapFs() }, []Option{Seed(seed), Effort(20, 40)})
		var repro string
		for _, e := range modelCases()[:1] {
			o := s.isolate(e)
			repro = o.repro
			t.Log(o.detail)
		}
		file := filepath.Join(t.TempDir(), "repro_test.go")
		if err := os.WriteFile(file, []byte("package repro\n\n"+repro), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("go", "test", file).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "--- FAIL: TestRepro") {
			t.Errorf("go test says %v, want a failing TestRepro:\n%s\n%s", err, out, repro)
		}
	}
}

// A disagreement that is known by its signature does not hide another one, and
// must be taken off the list once it is gone.
func TestKnownSignatures(t *testing.T) {
	noSync := func(tb TB) afero.Fs { return brokenSync{afero.NewOsFs()} }
	run := func(fresh Maker, known string) Result {
		r := Check(t.Context(), fresh, inTempDir(), Only("model/sequences"), Seed(7), Effort(200, 40), Known(known, "for a reason"))
		return r.Results[0]
	}
	if r := run(noSync, "model/sequences#Sync:ok/error"); r.Verdict != WasKnown {
		t.Errorf("known: %v %s", r.Verdict, r.Detail)
	}
	if r := run(noSync, "model/sequences#Mkdir:ok/error"); r.Verdict != Failed || !strings.Contains(r.Detail, "Sync:ok/error") {
		t.Errorf("another one is known: %v %s", r.Verdict, r.Detail)
	}
	if r := run(newOs, "model/sequences#Sync:ok/error"); r.Verdict != Cured {
		t.Errorf("cured: %v %s", r.Verdict, r.Detail)
	}
}

// brokenSync refuses to Sync.
type brokenSync struct{ afero.Fs }

func (b brokenSync) Create(name string) (afero.File, error) {
	f, err := b.Fs.Create(name)
	return noSyncFile{f}, err
}

func (b brokenSync) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	f, err := b.Fs.OpenFile(name, flag, perm)
	return noSyncFile{f}, err
}

type noSyncFile struct{ afero.File }

func (f noSyncFile) Sync() error { return errors.Join(f.File.Sync(), os.ErrPermission) }

func FuzzOsFs(f *testing.F) { FuzzBytes(f, newOs, inTempDir()) }
