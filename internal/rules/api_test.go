package rules

import (
	"bytes"
	"flag"
	"go/ast"
	"go/build"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/api.txt and the table of docs/architecture.md")

const (
	root   = "../.."
	apiTxt = root + "/docs/api.txt"
)

// TestAPI compares the exported names of all public packages with
// docs/api.txt. A change made on purpose is written there, in the same commit,
// by go test ./internal/rules -run TestAPI -update.
func TestAPI(t *testing.T) {
	var lines []string
	for _, p := range packages(t) {
		if p.Name == "main" || isInternal(p.ImportPath) {
			continue
		}
		lines = append(lines, exported(t, p)...)
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(apiTxt, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(apiTxt)
	if err != nil {
		t.Fatal(err)
	}
	kept := strings.Split(strings.TrimSuffix(string(want), "\n"), "\n")
	for _, line := range lines {
		if !slices.Contains(kept, line) {
			t.Errorf("not in docs/api.txt: %s", line)
		}
	}
	for _, line := range kept {
		if !slices.Contains(lines, line) {
			t.Errorf("gone, but in docs/api.txt: %s", line)
		}
	}
	if t.Failed() {
		t.Log("if that is meant: go test ./internal/rules -run TestAPI -update")
	}
}

// exported lists the exported names of a package, a line each.
func exported(t *testing.T, p goPackage) []string {
	t.Helper()
	fset := token.NewFileSet()
	// What differs between systems is listed for Linux, so that the list is
	// the same wherever the test runs.
	target := build.Default
	target.GOOS, target.GOARCH = "linux", "amd64"
	var lines []string
	add := func(prefix string, node any) {
		lines = append(lines, p.short()+": "+prefix+oneLine(t, fset, node))
	}
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if ok, err := target.MatchFile(p.Dir, name); err != nil || !ok {
			continue
		}
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.FileExports(file)
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv != nil && !ast.IsExported(receiver(d.Recv.List[0].Type)) {
					continue
				}
				add("", &ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type})
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					addSpec(d.Tok, spec, add)
				}
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// receiver is the name of the type that a method is of.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr: // with a type parameter
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

// addSpec adds the names of one type, constant or variable; a struct and an
// interface with a line for each member.
func addSpec(tok token.Token, spec ast.Spec, add func(prefix string, node any)) {
	switch s := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range s.Names {
			if name.IsExported() {
				add("", &ast.GenDecl{Tok: tok, Specs: []ast.Spec{&ast.ValueSpec{Names: []*ast.Ident{name}, Type: s.Type}}})
			}
		}
	case *ast.TypeSpec:
		var members *ast.FieldList
		short := *s
		switch kind := s.Type.(type) {
		case *ast.StructType:
			members, short.Type = kind.Fields, ast.NewIdent("struct")
		case *ast.InterfaceType:
			members, short.Type = kind.Methods, ast.NewIdent("interface")
		}
		add("", &ast.GenDecl{Tok: tok, Specs: []ast.Spec{&short}})
		if members == nil {
			return
		}
		for _, m := range members.List {
			for _, name := range m.Names {
				add("type "+s.Name.Name+", ", &ast.ValueSpec{Names: []*ast.Ident{name}, Type: m.Type})
			}
			if len(m.Names) == 0 {
				add("type "+s.Name.Name+", ", m.Type)
			}
		}
	}
}

// oneLine prints a declaration without its comments.
func oneLine(t *testing.T, fset *token.FileSet, node any) string {
	t.Helper()
	var text bytes.Buffer
	if err := printer.Fprint(&text, fset, node); err != nil {
		t.Fatal(err)
	}
	return strings.Join(strings.Fields(text.String()), " ")
}
