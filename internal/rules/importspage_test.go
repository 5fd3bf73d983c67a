package rules

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// architecture is the page with the table of imports, between its marks.
const (
	architecture = root + "/docs/architecture.md"
	importsBegin = "<!-- imports: go test ./internal/rules -run TestImportsPage -update -->\n"
	importsEnd   = "<!-- end of imports -->"
)

// TestImportsPage compares the table of docs/architecture.md with what each
// package imports of this module. It is updated by
// go test ./internal/rules -run TestImportsPage -update.
func TestImportsPage(t *testing.T) {
	page, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), importsBegin)
	got, after, ended := strings.Cut(rest, importsEnd)
	if !ok || !ended {
		t.Fatalf("%s has no table of imports", architecture)
	}
	want := importsTable(packages(t))
	if *update {
		if err := os.WriteFile(architecture, []byte(before+importsBegin+want+importsEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got == want {
		return
	}
	old := strings.Split(got, "\n")
	for line := range strings.SplitSeq(want, "\n") {
		if !slices.Contains(old, line) {
			t.Errorf("not in docs/architecture.md: %s", line)
		}
	}
	t.Error("run go test ./internal/rules -run TestImportsPage -update")
}

// importsTable has a row for each package that imports others of this module,
// except those that only tests use.
func importsTable(all []goPackage) string {
	var b strings.Builder
	b.WriteString("| package | imports |\n|---|---|\n")
	for _, p := range all {
		var names []string
		for _, path := range p.Imports {
			if name, ours := strings.CutPrefix(path, module); ours {
				names = append(names, "`"+name+"`")
			}
		}
		if len(names) > 0 && !strings.Contains(p.short(), "testdata") && !within(p.short(), "internal/scoreboard") {
			fmt.Fprintf(&b, "| `%s` | %s |\n", p.short(), strings.Join(names, ", "))
		}
	}
	return b.String()
}
