package webdav

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// testNames are the tests of one package: the names of its functions, and the
// strings in them, among which are those of subtests.
type testNames struct {
	functions map[string]bool
	strings   map[string]map[string]bool // by function
}

// TestRFC4918Document keeps docs/rfc4918.md and the tests together: each test
// that the page names exists, and each requirement that has a test is listed.
func TestRFC4918Document(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "rfc4918.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, match := range regexp.MustCompile("`((?:[a-z]+\\.)?Test[^`]+)`").FindAllStringSubmatch(string(page), -1) {
		named[match[1]] = true
	}
	delete(named, "TestRFC4918Document")
	if len(named) < 100 {
		t.Fatalf("the page names %d tests only; has its form changed?", len(named))
	}
	packages := map[string]testNames{"": readTests(t, ".")}
	for name := range named {
		pkg, test, ok := strings.Cut(name, ".Test")
		if !ok {
			pkg, test = "", name
		} else {
			test = "Test" + test
		}
		if _, ok := packages[pkg]; !ok {
			dir := filepath.Join("internal", pkg)
			if pkg == "server" {
				dir = pkg
			}
			packages[pkg] = readTests(t, dir)
		}
		if !packages[pkg].has(test) {
			t.Errorf("the page names %s, which does not exist", name)
		}
	}
	for _, requirements := range []string{"TestRFC4918Users", "TestRFC4918Timeouts"} {
		for name := range packages[""].strings[requirements] {
			if regexp.MustCompile(`^\d[\d.]*-[a-z]`).MatchString(name) && !named[requirements+"/"+name] {
				t.Errorf("%s/%s is not on the page", requirements, name)
			}
		}
	}
	for function, list := range map[string][]requirement{"TestRFC4918": requirements(), "TestServerMust": serverMust()} {
		for _, r := range list {
			if !named[function+"/"+r.name] {
				t.Errorf("%s/%s is not on the page", function, r.name)
			}
		}
	}
	t.Logf("%d tests are named", len(named))
}

// has reports whether there is a test of that name. The subtests of TestRFC4918
// and TestServerMust are made elsewhere, from lists of requirements.
func (n testNames) has(name string) bool {
	function, subtest, ok := strings.Cut(name, "/")
	if !ok {
		return n.functions[function]
	}
	lists := map[string][]requirement{"TestRFC4918": requirements(), "TestServerMust": serverMust()}
	if list, ok := lists[function]; ok {
		return slices.ContainsFunc(list, func(r requirement) bool { return r.name == subtest })
	}
	return n.strings[function][subtest]
}

// readTests reads the tests of a package from their source.
func readTests(t *testing.T, dir string) testNames {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s (%v)", dir, err)
	}
	names := testNames{functions: map[string]bool{}, strings: map[string]map[string]bool{}}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range parsed.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok || !strings.HasPrefix(function.Name.Name, "Test") {
				continue
			}
			names.functions[function.Name.Name] = true
			literals := map[string]bool{}
			ast.Inspect(function, func(n ast.Node) bool {
				if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					if value, err := strconv.Unquote(literal.Value); err == nil {
						literals[value] = true
					}
				}
				return true
			})
			names.strings[function.Name.Name] = literals
		}
	}
	return names
}
