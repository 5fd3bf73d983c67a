package rules

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/davdisk/davdisk/"

// A goPackage is what go list says of a package, tests left out.
type goPackage struct {
	ImportPath, Name, Dir string
	Imports, Deps         []string
}

// short is the import path within the module.
func (p goPackage) short() string { return strings.TrimPrefix(p.ImportPath, module) }

// packages lists the packages of the module.
func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Name,Dir,Imports,Deps", "./...")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// isInternal reports whether a package is hidden from other modules.
func isInternal(importPath string) bool {
	return slices.Contains(strings.Split(importPath, "/"), "internal")
}

// A rule says what the packages of a folder may not depend on, themselves or
// through others.
type rule struct {
	folder string   // "webdav" means the folder and all below it
	except []string // folders below it that have rules of their own
	never  []string // import paths; one that ends in a slash is a folder, of this module or another
	why    string
}

// rules are the directions of docs/architecture.md.
func rules() []rule {
	const metrics, crypto, templates = "github.com/prometheus/", "golang.org/x/crypto/", "html/template"
	const etcd, gateways = "go.etcd.io/", "internal/cluster/etcd/"
	return []rule{
		{folder: "backend", never: []string{"vfs/", "webdav/", "cmd/", "conformance/", metrics, etcd, gateways},
			why: "a store knows the contract alone"},
		{folder: "backend/yandex/emulator", never: []string{"backend/", "internal/"},
			why: "types shared with the driver would hide mistakes made in both"},
		{folder: "vfs", except: []string{"vfs/vfstest"}, never: []string{"webdav/", "cmd/", "conformance/", metrics, crypto, templates, etcd, gateways},
			why: "a file system knows stores, not who serves it"},
		{folder: "vfs/vfstest", never: []string{"webdav/", "cmd/", metrics, crypto, templates},
			why: "it says what a store's declarations mean to the suite, and knows no more"},
		{folder: "conformance", never: []string{"backend/", "vfs/", "webdav/", "cmd/", metrics, crypto, templates, etcd, gateways},
			why: "the suite is for any afero.Fs"},
		{folder: "webdav", except: []string{"webdav/server", "webdav/page"},
			never: []string{"backend/", "vfs/", "cmd/", "conformance/", "webdav/server/", "webdav/page/", metrics, crypto, templates, etcd, gateways},
			why:   "the protocol serves any file system, and a program on it links no users, metrics or page"},
		{folder: "webdav/server", never: []string{"backend/", "vfs/", "cmd/", "conformance/", "webdav/page/", metrics, templates, etcd, gateways},
			why: "it stands around any http.Handler"},
		{folder: "webdav/page", never: []string{"backend/", "vfs/", "cmd/", "conformance/", "webdav/server/", metrics, crypto, etcd, gateways},
			why: "the page works on any share"},
		{folder: "internal", except: []string{"internal/e2e", "internal/rules", "internal/scoreboard/stores"}, never: []string{"vfs/", "webdav/", "cmd/"},
			why: "what all may use depends on none of them"},
		{folder: "internal/cluster", except: []string{"internal/cluster/etcd"}, never: []string{etcd, "google.golang.org/grpc/"},
			why: "what keeps the log can be replaced, and whoever does without it does not link it"},
		{folder: "internal/scoreboard/stores", never: []string{"webdav/", "cmd/"},
			why: "it tries file systems over stores, and knows no more"},
	}
}

// TestImports holds the directions in which packages may depend on each other.
func TestImports(t *testing.T) {
	all := packages(t)
	for _, r := range rules() {
		matched := 0
		for _, p := range all {
			if !within(p.short(), r.folder) || slices.ContainsFunc(r.except, func(folder string) bool { return within(p.short(), folder) }) {
				continue
			}
			matched++
			for _, dep := range p.Deps {
				if forbidden(dep, p.short(), r) {
					t.Errorf("%s depends on %s: %s", p.short(), strings.TrimPrefix(dep, module), r.why)
				}
			}
		}
		if matched == 0 {
			t.Errorf("no package is in %s", r.folder)
		}
	}
}

// within reports whether a package is in a folder or below it.
func within(name, folder string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// forbidden reports whether r keeps the package importer from depending on dep.
func forbidden(dep, importer string, r rule) bool {
	return slices.ContainsFunc(r.never, func(never string) bool {
		folder, isFolder := strings.CutSuffix(never, "/")
		if !isFolder {
			return dep == never
		}
		name, ours := strings.CutPrefix(dep, module)
		if outside := strings.Contains(folder, "."); ours == outside {
			return false
		}
		// A folder may use what is below itself.
		return within(name, folder) && !within(name, r.folder)
	})
}

// TestForbidden shows that a rule can be broken.
func TestForbidden(t *testing.T) {
	r := rule{folder: "webdav", never: []string{"vfs/", "html/template", "golang.org/x/crypto/"}}
	for dep, want := range map[string]bool{
		module + "vfs":                    true,
		module + "vfs/internal/spool":     true,
		module + "vfstest":                false,
		module + "webdav/internal/davxml": false,
		"html/template":                   true,
		"html":                            false,
		"golang.org/x/crypto/bcrypt":      true,
		"golang.org/x/net/webdav":         false,
	} {
		if got := forbidden(dep, "webdav", r); got != want {
			t.Errorf("forbidden(%s) is %v", dep, got)
		}
	}
}
