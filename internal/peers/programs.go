package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// rcloneVersion is the rclone that davdisk is measured beside, besides that of
// the distribution.
const rcloneVersion = "v1.76.0"

// Where Debian keeps what servers load.
const (
	nginxDavExt   = "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"
	apacheModules = "/usr/lib/apache2/modules"
	lighttpdDav   = "/usr/lib/lighttpd/mod_webdav.so"
)

// findPrograms finds the programs that peers are made of, builds those that are
// built from source, and says which are not there.
func findPrograms(ctx context.Context, o options, work string) (programs, error) {
	var found programs
	self, err := os.Executable()
	if err != nil {
		return found, err
	}
	xnet, err := moduleVersion(ctx, "golang.org/x/net")
	if err != nil {
		return found, err
	}
	found.self = program{self, xnet}
	if found.davdisk.path = o.davdisk; o.davdisk == "" {
		found.davdisk.path = filepath.Join(work, "davdisk")
		build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", found.davdisk.path, "github.com/davdisk/davdisk/cmd/davdisk")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			return found, fmt.Errorf("build davdisk: %w\n%s", err, out)
		}
	}
	if found.davdisk.version, err = davdiskVersion(ctx, found.davdisk.path); err != nil {
		return found, err
	}
	if found.rclone, err = newRclone(ctx, o.quick); err != nil {
		return found, err
	}
	for _, one := range []struct {
		into    *program
		name    string
		version []string
		needs   string // a module that it loads
	}{
		{&found.debianRclone, "rclone", []string{"version"}, ""},
		{&found.nginx, "nginx", []string{"-v"}, nginxDavExt},
		{&found.apache, "apache2", []string{"-v"}, apacheModules + "/mod_dav.so"},
		{&found.lighttpd, "lighttpd", []string{"-v"}, lighttpdDav},
		{&found.curl, "curl", []string{"--version"}, ""},
	} {
		path, lacking := lookUp(one.name), one.name
		if path != "" && one.needs != "" {
			if _, err := os.Stat(one.needs); err != nil {
				path, lacking = "", one.needs
			}
		}
		if path == "" {
			found.missing = append(found.missing, lacking+" is not installed, scripts/test-tools peers does that")
			continue
		}
		version, err := versionOf(ctx, path, one.version...)
		if err != nil {
			return found, err
		}
		*one.into = program{path, version}
	}
	if found.rclone.path == "" {
		found.missing = append(found.missing, "rclone "+rcloneVersion+" is not built, a run without -quick does that")
	}
	if found.rclone.version == found.debianRclone.version {
		found.debianRclone = program{}
	}
	for _, what := range found.missing {
		fmt.Fprintln(os.Stderr, "left out:", what)
	}
	return found, nil
}

// lookUp returns the path of a program, empty if there is none.
func lookUp(name string) string {
	for _, dir := range []string{"", "/usr/sbin", "/sbin"} { // which are not in everybody's PATH
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}

// versionOf returns the version in what a program says of itself.
func versionOf(ctx context.Context, path string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", path, strings.Join(args, " "), err, out)
	}
	return versionIn(string(out)), nil
}

// versionIn returns the first number of the form 1.2.3 of a text, else its first
// line.
func versionIn(text string) string {
	if number := regexp.MustCompile(`\d+(\.\d+)+`).FindString(text); number != "" {
		return number
	}
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// davdiskVersion returns the version of davdisk; of one without, the commit of the
// source.
func davdiskVersion(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, path, "version", "--json").Output()
	if err != nil {
		return "", fmt.Errorf("%s version: %w", path, err)
	}
	var says struct{ Version string }
	if err := json.Unmarshal(out, &says); err != nil {
		return "", fmt.Errorf("%s version: %w", path, err)
	}
	if says.Version == "(devel)" {
		if commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output(); err == nil {
			return strings.TrimSpace(string(commit)), nil
		}
	}
	return says.Version, nil
}

// moduleVersion returns the version of a module that this one needs.
func moduleVersion(ctx context.Context, path string) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}}", path).Output()
	if err != nil {
		return "", fmt.Errorf("version of %s: %w", path, err)
	}
	return strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), nil
}

// newRclone returns rclone at rcloneVersion from the cache folder of the user. It
// is built there unless that is unwanted, which takes minutes.
func newRclone(ctx context.Context, onlyIfBuilt bool) (program, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return program{}, err
	}
	dir := filepath.Join(cache, "davdisk-test", "rclone@"+rcloneVersion)
	built := program{filepath.Join(dir, "rclone"), strings.TrimPrefix(rcloneVersion, "v")}
	if _, err := os.Stat(built.path); err == nil {
		return built, nil
	}
	if onlyIfBuilt {
		return program{}, nil
	}
	fmt.Fprintf(os.Stderr, "building rclone %s in %s, which takes minutes\n", rcloneVersion, dir)
	build := exec.CommandContext(ctx, "go", "install", "github.com/rclone/rclone@"+rcloneVersion)
	build.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		return program{}, fmt.Errorf("build rclone: %w\n%s", err, out)
	}
	return built, nil
}
