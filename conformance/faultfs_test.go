package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/afero"
)

// A faultFs is an Fs on which every call can break, to stand under a wrapper
// that has no hook of its own.
type faultFs struct {
	afero.Fs
	fault *Fault
}

func (f faultFs) call(op string, do func() error) error {
	if err := f.fault.Call(context.Background(), op); err != nil {
		return err
	}
	return f.fault.After(context.Background(), op, do())
}

func (f faultFs) open(op string, do func() (afero.File, error)) (afero.File, error) {
	var file afero.File
	err := f.call(op, func() (err error) { file, err = do(); return err })
	if err != nil {
		if file != nil {
			err = errors.Join(err, file.Close())
		}
		return nil, err
	}
	return &faultFile{File: file, fs: f, body: f.fault.Body(file)}, nil
}

func (f faultFs) Create(name string) (afero.File, error) {
	return f.open("create", func() (afero.File, error) { return f.Fs.Create(name) })
}

func (f faultFs) Open(name string) (afero.File, error) {
	return f.open("open", func() (afero.File, error) { return f.Fs.Open(name) })
}

func (f faultFs) OpenFile(name string, flag int, perm os.FileMode) (afero.File, error) {
	return f.open("openfile", func() (afero.File, error) { return f.Fs.OpenFile(name, flag, perm) })
}

func (f faultFs) Mkdir(name string, perm os.FileMode) error {
	return f.call("mkdir", func() error { return f.Fs.Mkdir(name, perm) })
}

func (f faultFs) MkdirAll(name string, perm os.FileMode) error {
	return f.call("mkdirall", func() error { return f.Fs.MkdirAll(name, perm) })
}

func (f faultFs) Remove(name string) error {
	return f.call("remove", func() error { return f.Fs.Remove(name) })
}

func (f faultFs) RemoveAll(name string) error {
	return f.call("removeall", func() error { return f.Fs.RemoveAll(name) })
}

func (f faultFs) Rename(from, to string) error {
	return f.call("rename", func() error { return f.Fs.Rename(from, to) })
}

func (f faultFs) Chtimes(name string, atime, mtime time.Time) error {
	return f.call("chtimes", func() error { return f.Fs.Chtimes(name, atime, mtime) })
}

func (f faultFs) Stat(name string) (fi fs.FileInfo, err error) {
	err = f.call("stat", func() error { fi, err = f.Fs.Stat(name); return err })
	if err != nil {
		return nil, err
	}
	return fi, nil
}

// A faultFile is a file on such an Fs.
type faultFile struct {
	afero.File
	fs   faultFs
	body io.Reader
}

func (f *faultFile) Read(p []byte) (n int, err error) {
	err = f.fs.call("read", func() error { n, err = f.body.Read(p); return err })
	return n, err
}

func (f *faultFile) Write(p []byte) (n int, err error) {
	err = f.fs.call("write", func() error {
		data, cut := io.ReadAll(f.fs.fault.Body(bytes.NewReader(p)))
		n, err = f.File.Write(data)
		return errors.Join(err, cut)
	})
	return n, err
}

func (f *faultFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.fs.call("writeat", func() error {
		data, cut := io.ReadAll(f.fs.fault.Body(bytes.NewReader(p)))
		n, err = f.File.WriteAt(data, off)
		return errors.Join(err, cut)
	})
	return n, err
}

func (f *faultFile) WriteString(s string) (int, error) { return f.Write([]byte(s)) }

func (f *faultFile) Readdir(n int) (infos []fs.FileInfo, err error) {
	err = f.fs.call("readdir", func() error { infos, err = f.File.Readdir(n); return err })
	return infos, err
}

func (f *faultFile) Readdirnames(n int) (names []string, err error) {
	err = f.fs.call("readdirnames", func() error { names, err = f.File.Readdirnames(n); return err })
	return names, err
}

func (f *faultFile) Close() error { return f.fs.call("close", f.File.Close) }
