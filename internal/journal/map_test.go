package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func openMap(t *testing.T, path string, c MapConfig[int]) *Map[int] {
	t.Helper()
	c.Format = "numbers 1"
	m, err := OpenMap(path, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestMap keeps values over restarts, and lets others read them meanwhile.
func TestMap(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "map")
	if got, err := ReadMap[int](path, "numbers 1"); err != nil || len(got) != 0 {
		t.Errorf("without a file there is %v, %v", got, err)
	}
	m := openMap(t, path, MapConfig[int]{})
	for key, value := range map[string]int{"a": 1, "Ж \n\"": 0, "c": 3, "": 5} {
		if err := m.Set(t.Context(), key, value, Options{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		m.Set(t.Context(), "a", 4, Options{Volatile: true}),
		m.Delete(t.Context(), "c", Options{}),
		m.Delete(t.Context(), "never there", Options{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]int{"a": 4, "Ж \n\"": 0, "": 5}
	if got := m.All(); !maps.Equal(got, want) {
		t.Errorf("it has %v, want %v", got, want)
	}
	if got, err := ReadMap[int](path, "numbers 1"); err != nil || !maps.Equal(got, want) {
		t.Errorf("while it is open one reads %v, %v, want %v", got, err, want)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	again := openMap(t, path, MapConfig[int]{})
	if got := again.All(); !maps.Equal(got, want) {
		t.Errorf("after a restart it has %v, want %v", got, want)
	}
	if _, ok := again.Get("c"); ok {
		t.Error("what was deleted is there again")
	}
	for key := range want {
		if err := again.Delete(t.Context(), key, Options{Volatile: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty map leaves a file: %v", err)
	}
}

// TestSingleValue is one value in a file, of which every damage is found.
func TestSingleValue(t *testing.T) {
	path := filepath.Join(t.TempDir(), "value")
	want := set{"Ж \n", "1"}
	if err := WriteFile(path, "test 1", want); err != nil {
		t.Fatal(err)
	}
	var got set
	if err := ReadFile(path, "test 1", &got); err != nil || got != want {
		t.Fatalf("there is %v, %v", got, err)
	}
	if err := ReadFile(path, "test 2", &got); err == nil {
		t.Error("it was read as another format")
	}
	if err := ReadFile(path+"x", "test 1", &got); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := func(what string, content []byte) {
		t.Helper()
		replace(t, path, content)
		var damage *DamageError
		if err := ReadFile(path, "test 1", &got); !errors.As(err, &damage) || damage.Path != path {
			t.Errorf("%s: %v, want damage of %s", what, err, path)
		}
	}
	for i := range whole {
		spoilt(fmt.Sprint("cut at ", i), whole[:i])
		for _, to := range []byte{whole[i] ^ 1, ^whole[i], 0, '\n'} {
			if to != whole[i] {
				content := append([]byte(nil), whole...)
				content[i] = to
				spoilt(fmt.Sprintf("byte %d changed to %q", i, to), content)
			}
		}
	}
	spoilt("something after it", append(append([]byte(nil), whole...), 'x'))
}
