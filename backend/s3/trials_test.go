package s3

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// TestTrialsThatWereKilled: what they left is not listed, and removed by another
// trial when it is old; what only looks like it stays.
func TestTrialsThatWereKilled(t *testing.T) {
	const left = "~davdisk-0123456789abcdef.tmp"
	objects := map[string]string{
		left: "conditions", "~davdisk-fedcba9876543210.tmp": strings.Repeat("x", trialSize+1),
		"~davdisk-0123456789abcdeg.tmp": "1", "~davdisk-0123456789abcdef.txt": "2", "~davdisk-.tmp": "3", "d/" + left: "4",
	}
	f := newServer(t, objects)
	for _, age := range []time.Duration{23 * time.Hour, 25 * time.Hour} {
		s := f.open(t, Config{Now: func() time.Time { return time.Now().Add(age) }}, all)
		children, err := s.list(t.Context(), ".")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, child := range children {
			names = append(names, child.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != "d ~davdisk-.tmp ~davdisk-0123456789abcdef.txt ~davdisk-0123456789abcdeg.tmp ~davdisk-fedcba9876543210.tmp" {
			t.Errorf("listed are %s", got)
		}
		if _, err := s.Put(t.Context(), left, strings.NewReader("mine"), backend.PutOptions{Size: 4}); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("put under such a name: %v", err)
		}
		if _, err := s.tryOut(t.Context()); err != nil {
			t.Fatal(err)
		}
		if age > trialLife {
			delete(objects, left)
		}
		f.holds(t, objects)
	}
}

// TestAFolderOfKilledTrials is empty, because what they left is not shown, and is
// removed with it; what only looks like it is not.
func TestAFolderOfKilledTrials(t *testing.T) {
	const left = "~davdisk-0123456789abcdef.tmp"
	for name, test := range map[string]struct {
		objects map[string]string
		err     error
	}{
		"only that":         {map[string]string{"d/" + left: "conditions"}, nil},
		"with a marker":     {map[string]string{"d/": "", "d/" + left: "conditions"}, nil},
		"two":               {map[string]string{"d/~davdisk-fedcba9876543210.tmp": "1", "d/" + left: "2"}, nil},
		"and a file":        {map[string]string{"d/f": "", "d/" + left: "conditions"}, backend.ErrNotEmpty},
		"in another folder": {map[string]string{"d/e/" + left: "conditions"}, backend.ErrNotEmpty},
		"too large":         {map[string]string{"d/" + left: strings.Repeat("x", trialSize+1)}, backend.ErrNotEmpty},
		"a like name":       {map[string]string{"d/" + left + "x": "conditions"}, backend.ErrNotEmpty},
		"a folder":          {map[string]string{"d/" + left + "/f": "conditions"}, backend.ErrNotEmpty},
		"its marker":        {map[string]string{"d/" + left + "/": ""}, backend.ErrNotEmpty},
	} {
		f := newServer(t, test.objects)
		err := f.open(t, Config{}, all).Remove(t.Context(), "d", backend.RemoveOptions{IfEmpty: true})
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.err)
		}
		if err == nil {
			test.objects = nil
		}
		f.holds(t, test.objects)
	}
}
