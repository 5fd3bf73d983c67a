package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Tools that are run and not linked. They are no dependencies of the module.
const (
	// Later versions of nfpm want a module whose domain serves it from time to time only.
	nfpm    = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"
	cyclone = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"
)

// A bundle gathers what is released.
type bundle struct {
	source  tree
	made    string    // folder of what is released
	shared  string    // folder of what is the same on all targets: manual, completion
	version string    // v1.2.3
	time    time.Time // of the commit; that of every file
}

// prepare makes what is the same on all targets, by davdisk itself.
func (b *bundle) prepare(ctx context.Context, shared string) error {
	b.shared = shared
	host := b.host()
	if err := b.source.build(ctx, target{os: runtime.GOOS, arch: runtime.GOARCH}, host); err != nil {
		return err
	}
	if err := os.MkdirAll(b.made, 0o755); err != nil {
		return err
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		script, err := run(ctx, shared, nil, host, "completion", shell)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(shared, "davdisk."+shell), script, 0o644); err != nil {
			return err
		}
	}
	if _, err := run(ctx, shared, nil, host, "man", filepath.Join(shared, "man")); err != nil {
		return err
	}
	return compressAll(filepath.Join(shared, "man"), filepath.Join(shared, "man.gz"))
}

// host is davdisk for the machine that makes the release.
func (b *bundle) host() string {
	return filepath.Join(b.shared, target{os: runtime.GOOS}.program())
}

// name is that of a released file.
func (b *bundle) name(t target, ending string) string {
	return filepath.Join(b.made, fmt.Sprintf("davdisk_%s_%s_%s%s", strings.TrimPrefix(b.version, "v"), t.os, t.processor(), ending))
}

// add makes all that is released for a target.
func (b *bundle) add(ctx context.Context, t target, binary string) error {
	version, _, err := identity(binary)
	if err != nil {
		return err
	}
	if version != b.version {
		return fmt.Errorf("%s has the version %s, not %s", binary, version, b.version)
	}
	if err := b.archive(t, binary); err != nil {
		return err
	}
	if _, err := run(ctx, b.source.dir, b.epoch(), "go", "run", cyclone, "bin", "-json", "-noserial", "-notimestamp", "-std",
		"-version", b.version, "-output", b.name(t, ".cdx.json"), binary); err != nil {
		return err
	}
	if t.os != "linux" {
		return nil
	}
	for _, packager := range []string{"deb", "rpm"} {
		if err := b.pack(ctx, t, binary, packager, b.version, b.made); err != nil {
			return err
		}
	}
	return nil
}

func (b *bundle) epoch() []string {
	return []string{"SOURCE_DATE_EPOCH=" + strconv.FormatInt(b.time.Unix(), 10)}
}

// pack makes a package of a Linux distribution by nfpm.
func (b *bundle) pack(ctx context.Context, t target, binary, packager, version, into string) error {
	env := append(b.epoch(),
		"VERSION="+version, "NFPM_ARCH="+t.arch+t.arm, "BINARY="+binary, "SHARED="+b.shared)
	_, err := run(ctx, b.source.dir, env, "go", "run", nfpm, "package", "--config", "packaging/nfpm.yaml", "--packager", packager, "--target", into)
	return err
}

// archive packs the binary with what a person wants beside it.
func (b *bundle) archive(t target, binary string) error {
	type entry struct {
		name, from string
		mode       os.FileMode
	}
	entries := []entry{
		{t.program(), binary, 0o755},
		{"LICENSE", filepath.Join(b.source.dir, "LICENSE"), 0o644},
		{"licenses.txt", filepath.Join(b.source.dir, "cmd", "licenses.txt"), 0o644},
		{"README.md", filepath.Join(b.source.dir, "README.md"), 0o644},
	}
	if t.os != "windows" {
		pages, err := filepath.Glob(filepath.Join(b.shared, "man", "*"))
		if err != nil {
			return err
		}
		for _, page := range pages {
			entries = append(entries, entry{"man/" + filepath.Base(page), page, 0o644})
		}
		for _, shell := range []string{"bash", "zsh", "fish"} {
			entries = append(entries, entry{"completion/davdisk." + shell, filepath.Join(b.shared, "davdisk."+shell), 0o644})
		}
	}
	var packed bytes.Buffer
	add, end := tarGz(&packed, b.time)
	ending := ".tar.gz"
	if t.os == "windows" {
		add, end = zipped(&packed, b.time)
		ending = ".zip"
	}
	for _, e := range entries {
		data, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		if err := add(e.name, e.mode, data); err != nil {
			return err
		}
	}
	if err := end(); err != nil {
		return err
	}
	return os.WriteFile(b.name(t, ending), packed.Bytes(), 0o644)
}

// An adder adds a file to an archive. Owner and time are those of nobody and of
// the commit, so that the same files make the same archive.
type adder func(name string, mode os.FileMode, data []byte) error

func tarGz(w io.Writer, at time.Time) (adder, func() error) {
	compressed, _ := gzip.NewWriterLevel(w, gzip.BestCompression)
	archive := tar.NewWriter(compressed)
	add := func(name string, mode os.FileMode, data []byte) error {
		if err := archive.WriteHeader(&tar.Header{Name: "davdisk/" + name, Mode: int64(mode), Size: int64(len(data)), ModTime: at, Format: tar.FormatUSTAR}); err != nil {
			return err
		}
		_, err := archive.Write(data)
		return err
	}
	return add, func() error { return errors.Join(archive.Close(), compressed.Close()) }
}

func zipped(w io.Writer, at time.Time) (adder, func() error) {
	archive := zip.NewWriter(w)
	add := func(name string, mode os.FileMode, data []byte) error {
		h := &zip.FileHeader{Name: "davdisk/" + name, Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(mode)
		f, err := archive.CreateHeader(h)
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return err
	}
	return add, archive.Close
}

// compressAll writes each file of a folder with gzip into another one, as
// packages hold manual pages.
func compressAll(from, to string) error {
	files, err := filepath.Glob(filepath.Join(from, "*"))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		var packed bytes.Buffer
		w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if _, err := w.Write(data); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)+".gz"), packed.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// writeSums writes SHA256SUMS of a folder, which sha256sum -c reads.
func writeSums(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), e.Name())
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644)
}
