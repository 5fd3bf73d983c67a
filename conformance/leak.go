package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"
)

// leakCases look at the whole process, so they run alone.
func leakCases() []entry {
	const rounds = 8
	return []entry{{
		id: "leaks/goroutines", level: Data, alone: true,
		doc: "Completed operations leave no goroutines behind.",
		run: func(t *rig) {
			t.marked(func(count func() (int, string)) {
				t.busy("warm up")
				before, _ := count()
				for i := range rounds {
					t.busy(fmt.Sprint("round ", i))
				}
				t.soon(func() error {
					if now, which := count(); now >= before+rounds {
						return fmt.Errorf("%d goroutines after %d rounds of work, and %d before:\n%s", now, rounds, before, which)
					}
					return nil
				})
			})
		},
	}, {
		id: "leaks/descriptors", level: Data, alone: true,
		doc: "Completed operations leave no descriptors open.",
		skip: func(*config) string {
			if runtime.GOOS != "linux" {
				return "only Linux lists the descriptors of a process"
			}
			return ""
		},
		run: func(t *rig) {
			t.busy("warm up")
			before := t.descriptors()
			for i := range rounds {
				t.busy(fmt.Sprint("round ", i))
			}
			t.soon(func() error {
				if now := t.descriptors(); now >= before+rounds {
					return fmt.Errorf("%d open descriptors after %d rounds of work, and %d before", now, rounds, before)
				}
				return nil
			})
		},
	}, {
		id: "leaks/temporary-files", level: Data, alone: true,
		doc: "Completed operations leave nothing in the system's directory for temporary files.",
		run: func(t *rig) {
			t.ownTempDir()
			t.another(func(t *rig) {
				before := t.temporary()
				t.busy("work")
				t.soon(func() error {
					left := slices.DeleteFunc(t.temporary(), func(name string) bool { return slices.Contains(before, name) })
					if len(left) > 0 {
						return fmt.Errorf("%s holds %q, which was not there before", os.TempDir(), left)
					}
					return nil
				})
			})
		},
	}}
}

// busy makes one of each kind of call, also failing ones, in a directory of its
// own.
func (t *rig) busy(dir string) {
	if err := t.FS.Mkdir(t.Path(dir), 0o755); err != nil {
		t.Blockf("the fixture: %v", err)
	}
	name := dir + "/file"
	t.Put(name, strings.Repeat("content ", 1000))
	f := t.Open(name)
	t.Reads(f, "content")
	t.Close(f)
	t.Close(t.Open(name))
	d := t.Open(dir)
	if _, err := d.Readdirnames(1); err != nil {
		t.Errorf("list %q: %v", dir, err)
	}
	t.Close(d)
	if f, err := t.FS.Open(t.Path(dir + "/missing")); err == nil && !isNil(f) {
		t.Close(f) // the failure is reported elsewhere
	}
	if t.Has(Overwrite) {
		t.Put(name, "other content")
	}
	t.OK(t.FS.RemoveAll(t.Path(dir)))
}

// marked runs f in a goroutine whose label is inherited by those that it starts,
// and lets it count them, without other goroutines of the process.
func (t *rig) marked(f func(count func() (int, string))) {
	mark := pprof.Labels("conformance", t.Name())
	pprof.Do(context.Background(), mark, func(context.Context) {
		f(func() (n int, which string) { return goroutinesWith(t.Name()) })
	})
}

// goroutinesWith reads the profile of goroutines, which is in paragraphs, one
// for all that do the same: how many, their mark, and where they are.
func goroutinesWith(mark string) (n int, which string) {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		panic(err) // a bytes.Buffer takes everything
	}
	label := fmt.Sprintf("%q:%q", "conformance", mark)
	_, all, _ := strings.Cut(profile.String(), "\n") // the first line is about the profile
	for paragraph := range strings.SplitSeq(all, "\n\n") {
		if !strings.Contains(paragraph, label) {
			continue
		}
		var same int
		if _, err := fmt.Sscanf(paragraph, "%d @", &same); err == nil {
			n += same
			which += paragraph + "\n\n"
		}
	}
	return n, which
}

// soon fails the case unless the check succeeds within two seconds, the time for
// goroutines to end.
func (t *rig) soon(check func() error) {
	over := time.NewTimer(2 * time.Second)
	defer over.Stop()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-again.C:
		case <-over.C:
			t.Errorf("%v", err)
			return
		}
	}
}

// descriptors returns the number of open descriptors of the process.
func (t *rig) descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("the descriptors of the process cannot be listed: %v", err)
	}
	return len(entries)
}

// ownTempDir sets another directory for temporary files of the process until the
// case is over, because everyone on the machine uses the usual one.
func (t *rig) ownTempDir() {
	dir := t.TempDir()
	for _, name := range []string{"TMPDIR", "TMP", "TEMP"} {
		old, was := os.LookupEnv(name)
		if err := os.Setenv(name, dir); err != nil {
			t.Blockf("the fixture: %v", err)
		}
		t.Cleanup(func() {
			if err := os.Unsetenv(name); err != nil || !was {
				return
			}
			_ = os.Setenv(name, old) // it has been that before
		})
	}
}

// temporary lists the machine's folder for temporary files.
func (t *rig) temporary() []string {
	entries, err := os.ReadDir(os.TempDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Blockf("the folder for temporary files: %v", err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
