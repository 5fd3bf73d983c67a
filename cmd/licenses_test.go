package cmd

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var updateLicenses = flag.Bool("update-licenses", false, "write licenses.txt anew")

// licenses of all that is linked into the binary on the systems it is built
// for must be in the binary. After a change of dependencies:
//
//	go test ./cmd -run Licenses -update-licenses
func TestLicensesOfAllDependenciesAreBuiltIn(t *testing.T) {
	modules := map[string]string{} // path and version, to folder
	for _, system := range []string{"linux", "darwin", "windows"} {
		list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}{{end}}", ".")
		list.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := list.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for line := range strings.Lines(string(out)) {
			if module, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
				modules[module] = dir
			}
		}
	}
	if len(modules) == 0 {
		t.Fatal("go list knows of no dependency")
	}
	want := gather(t, modules)
	if *updateLicenses {
		if err := os.WriteFile("licenses.txt", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if licenses != string(want) {
		t.Error("licenses.txt is stale; run go test ./cmd -run Licenses -update-licenses")
	}
}

func gather(t *testing.T, modules map[string]string) []byte {
	t.Helper()
	var all bytes.Buffer
	own, err := os.ReadFile("../LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	golang, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&all, "davdisk\n\n%s\n%s\nThe standard library of Go\nhttps://go.dev\n\n%s", own, strings.Repeat("=", 78), golang)
	var names []string
	for module := range modules {
		names = append(names, module)
	}
	slices.Sort(names)
	for _, module := range names {
		var texts []string
		for _, pattern := range []string{"LICEN[CS]E*", "COPYING*", "NOTICE*", "PATENTS*"} {
			found, err := filepath.Glob(filepath.Join(modules[module], pattern))
			if err != nil {
				t.Fatal(err)
			}
			texts = append(texts, found...)
		}
		if len(texts) == 0 {
			t.Errorf("%s has no license", module)
		}
		name, version, _ := strings.Cut(module, " ")
		fmt.Fprintf(&all, "\n%s\n%s %s\nhttps://pkg.go.dev/%s@%s\n", strings.Repeat("=", 78), name, version, name, version)
		for _, file := range texts {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&all, "\n%s", text)
		}
	}
	return all.Bytes()
}
