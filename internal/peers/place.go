package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// A place is what a server serves: a folder or an emulated disk. It is filled
// and looked at behind the server's back.
type place interface {
	mkdir(name string) error
	write(name string, c content) error
	open(name string) (io.ReadCloser, error)
	// files returns how many files and folders a folder holds.
	files(folder string) (int, error)
}

// stored reports whether a place holds a file.
func stored(p place, name string, c content) error {
	r, err := p.open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := c.compare(r); err != nil {
		return fmt.Errorf("%s is not stored as it was sent: %w", name, err)
	}
	return nil
}

// A folder is the place of servers that serve a folder of this machine. All
// users may change it, because some servers run as another one.
type folder string

func (f folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

func (f folder) mkdir(name string) error {
	if err := os.Mkdir(f.path(name), 0o777); err != nil {
		return err
	}
	return os.Chmod(f.path(name), 0o777)
}

func (f folder) write(name string, c content) error {
	file, err := os.OpenFile(f.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(file, c.reader()); err != nil {
		file.Close()
		return err
	}
	return file.Close()
}

func (f folder) open(name string) (io.ReadCloser, error) { return os.Open(f.path(name)) }

func (f folder) files(folder string) (int, error) {
	entries, err := os.ReadDir(f.path(folder))
	return len(entries), err
}

// emptyFiles empties all files below a folder, to have their room again. They are
// removed when all is measured: ext4 without a journal gives no inode away that was
// freed in the last minute, and looks for another by reading one after the other,
// so that a server which makes files would pay for what was removed before it.
func emptyFiles(dir string) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			err = os.Truncate(name, 0)
		}
		return err
	})
}

// A disk is an emulated Yandex Disk, which is reached by HTTPS through a proxy
// that stands for the hosts of the service.
type disk struct {
	*emulator.Server
	proxy, ca string         // address, and the file with the certificate to trust
	ends      []func() error // what ends with the disk
}

// newDisk starts a disk that keeps large files in dir, and small ones in memory:
// what it does with the file system costs time that the server is measured by.
func newDisk(dir string, large bool) (*disk, error) {
	opts := emulator.Options{Knobs: emulator.Knobs{TotalSpace: 16 << 30, MaxFileSize: 2 << 30}}
	if large {
		opts.Dir = dir
	}
	server, err := emulator.Start(opts)
	if err != nil {
		return nil, err
	}
	d := &disk{Server: server, ca: filepath.Join(dir, "ca.pem")}
	if d.proxy, err = server.StartProxy("127.0.0.1:0"); err == nil {
		var cert []byte
		if cert, err = server.CACert(); err == nil {
			err = os.WriteFile(d.ca, cert, 0o600)
		}
	}
	if err != nil {
		_ = server.Close()
		return nil, err
	}
	return d, nil
}

func (d *disk) mkdir(name string) error            { return d.Mkdir("disk:/" + name) }
func (d *disk) write(name string, c content) error { return d.WriteFrom("disk:/"+name, c.reader()) }

func (d *disk) open(name string) (io.ReadCloser, error) { return d.Open("disk:/" + name) }

func (d *disk) files(folder string) (int, error) {
	entries, err := d.List("disk:/" + folder)
	return len(entries), err
}

func (d *disk) close() error {
	err := d.Close()
	for _, end := range d.ends {
		err = errors.Join(err, end())
	}
	return err
}

// degrade makes the disk as far, as unwilling and as slow as a task wants it.
func (d *disk) degrade(latency time.Duration, refused float64, rate int64) {
	d.SetLatency(latency)
	d.SetKnobs(func(k *emulator.Knobs) { k.DownloadRate = rate })
	if refused > 0 {
		// The service limits requests to its API, which have a path of the disk, and not transfers.
		d.InjectRandom(emulator.RandomFaults{
			Rate: refused, Seed: 1, Kinds: []emulator.Fault{{Path: "disk:/", Status: 429, RetryAfter: time.Second}},
		})
	}
	d.ResetCounters()
}

// restore takes that back.
func (d *disk) restore() {
	d.SetLatency(0)
	d.SetKnobs(func(k *emulator.Knobs) { k.DownloadRate = 0 })
	d.ClearFaults()
}

// escape is a name in an address.
func escape(name string) string { return (&url.URL{Path: name}).EscapedPath() }
