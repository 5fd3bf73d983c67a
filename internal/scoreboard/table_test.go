package scoreboard

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page in docs must say what is on record.
func TestTableIsFresh(t *testing.T) {
	want, err := Table("scores")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("docs/conformance.md is stale; record any score with %s=update to print it anew", update)
	}
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := Summary(readme, "scores")
	if err != nil {
		t.Fatal(err)
	}
	if string(readme) != string(fresh) {
		t.Errorf("the scores in the README are stale; record any score with %s=update to print them anew", update)
	}
}

func TestTable(t *testing.T) {
	dir := t.TempDir()
	for name, s := range map[string]Score{
		"a.json": {Name: "worse Fs", Cases: 3, Passed: 1, Known: map[string]string{"x/2": "it cannot", "x/1": "it cannot"}},
		"b.json": {Name: "better (Fs)", Cases: 3, Passed: 3, Took: "1.5 s"},
	} {
		if err := s.write(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	table, err := Table(dir)
	if err != nil {
		t.Fatal(err)
	}
	text := string(table)
	for _, want := range []string{
		"| [better (Fs)](#better-fs) |  | 3 | 3 | 0 | 0 | 0 | 1.5 s |\n| [worse Fs]",
		"## better (Fs)\n\nEvery case that applies passes.\n",
		"* it cannot: `x/1`, `x/2`\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

func TestSameScore(t *testing.T) {
	was := Score{Name: "a", Cases: 3, Passed: 2, NotRun: 1, Known: map[string]string{"x": "y"}}
	asRoot := was
	asRoot.Passed, asRoot.NotRun, asRoot.Took = 1, 2, "9 s"
	if !asRoot.same(was) {
		t.Error("what depends on the machine is compared")
	}
	for _, change := range []func(s *Score){
		func(s *Score) { s.Cases++ },
		func(s *Score) { s.Passed-- },
		func(s *Score) { s.Known = nil },
		func(s *Score) { s.Unstable = map[string]string{"x": "y"} },
		func(s *Score) { s.Lacks = []string{"refused Chmod"} },
	} {
		other := was
		if change(&other); other.same(was) {
			t.Errorf("%+v counts as the same as %+v", other, was)
		}
	}
}
