package page

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

// zip streams a folder, or selected entries of it, as an archive. Nothing is
// compressed, since large files usually are already. The request is a form (path,
// and name repeated), because a browser saves the response of a form.
func (p *Page) zip(c *call) error {
	c.Body = http.MaxBytesReader(c.w, c.Body, maxBody)
	if err := c.ParseForm(); err != nil {
		return refuse(http.StatusBadRequest, "malformed or too large form")
	}
	folder, err := c.existing(c.PostForm.Get("path"))
	if err != nil {
		return err
	}
	names := []string{folder}
	base := folder // what names in the archive begin below
	if selected := c.PostForm["name"]; len(selected) > 0 {
		names = nil
		for _, name := range selected {
			if strings.Contains(name, "/") || !fs.ValidPath(name) || name == "." {
				return refuse(http.StatusBadRequest, "name must be that of an entry of the folder")
			}
			names = append(names, path.Join(folder, name))
		}
	}
	for _, name := range names {
		if _, err := fs.Stat(c.share.FS, name); err != nil {
			return err
		}
	}
	title := path.Base(folder)
	if len(names) == 1 && names[0] != "." {
		title = path.Base(names[0])
	}
	if title == "." {
		title = "files"
	}
	header := c.w.Header()
	header.Set("Content-Type", "application/zip")
	header.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": title + ".zip"}))
	out := &begun{w: c.w}
	if err := archive(out, c.share.FS, base, names); err != nil {
		if !out.yes {
			header.Del("Content-Disposition")
			return err
		}
		panic(http.ErrAbortHandler) // a part must not look like the whole
	}
	return nil
}

// begun records whether anything has been written.
type begun struct {
	w   io.Writer
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.w.Write(p)
}

// archive writes files, and folders with their contents. Names in the archive
// are relative to base.
func archive(w io.Writer, fsys fs.FS, base string, names []string) error {
	buffered := bufio.NewWriterSize(w, 64<<10)
	out := zip.NewWriter(buffered)
	for _, root := range names {
		err := fs.WalkDir(fsys, root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			inside := name
			if base != "." {
				inside = strings.TrimPrefix(strings.TrimPrefix(name, base), "/")
			}
			if inside == "" || inside == "." {
				return nil
			}
			return addToArchive(out, fsys, name, inside, entry)
		})
		if err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return err
	}
	return buffered.Flush()
}

func addToArchive(out *zip.Writer, fsys fs.FS, name, inside string, entry fs.DirEntry) error {
	info, err := entry.Info()
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: inside, Modified: info.ModTime()}
	if info.IsDir() {
		header.Name += "/"
		header.SetMode(fs.ModeDir | 0o755)
		_, err := out.CreateHeader(header)
		return err
	}
	header.SetMode(0o644)
	to, err := out.CreateHeader(header)
	if err != nil || info.Size() == 0 {
		return err
	}
	file, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := io.Copy(to, file)
	if err == nil && n != info.Size() {
		err = fmt.Errorf("%s: %d bytes were read, not %d: it has changed meanwhile", name, n, info.Size())
	}
	return err
}
