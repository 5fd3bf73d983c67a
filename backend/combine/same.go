package combine

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend"
)

// Two folders of the root may show the same files: two remotes of one bucket, or
// a folder of this machine that is also reached over SFTP. Their addresses do not
// always tell. Then
//
//   - a file moved or copied over another is perhaps moved over itself: it is
//     written while it is read, and removing the source removes the only copy;
//   - a folder moved or copied to a free name is perhaps put below itself: what
//     is made there would be copied too, without end.
//
// A file at a free name is another file, and a folder is never replaced here.

// checkOther refuses to put a file over another unless they are two files.
func (t *transfer) checkOther(ctx context.Context, info, old backend.Info) error {
	source, err := t.b.find(ctx, t.op, t.from)
	if err != nil {
		return err
	}
	target, err := t.b.find(ctx, t.op, t.to)
	if err != nil {
		return err
	}
	switch {
	case same(info, old):
		return t.refuse(fs.ErrInvalid, "both names are of one file, which two folders of the root show")
	case source.folder == target.folder, differ(source, target, info, old):
		return nil
	}
	equal, err := t.equal(ctx)
	if err != nil {
		return err
	}
	if equal {
		return t.refuse(fs.ErrInvalid, "both names may be of one file, which two folders of the root show: it is there with the same content; give it another name, or make sure that there are two and remove one")
	}
	return nil
}

// same reports whether two folders of the root show one file or folder.
func same(a, b backend.Info) bool {
	return identifier(a) != "" && identifier(a) == identifier(b) && a.Dir == b.Dir && a.Size == b.Size && a.Version == b.Version &&
		a.ModTime.Equal(b.ModTime) && a.Created.Equal(b.Created)
}

// identifier is the store's own.
func identifier(info backend.Info) string {
	_, id, _ := strings.Cut(info.ID, ":")
	return id
}

// differ reports whether what stores tell of two files shows that they are not
// one. Identifiers and times are comparable in stores of one kind alone, and
// versions not even there: the same file has others by way of another server.
func differ(source, target place, a, b backend.Info) bool {
	if a.Size != b.Size || unlike(a.MD5, b.MD5) || unlike(a.SHA256, b.SHA256) {
		return true
	}
	if kind(source.store) != kind(target.store) {
		return false
	}
	if unlike(identifier(a), identifier(b)) {
		return true
	}
	return !a.ModTime.IsZero() && !b.ModTime.IsZero() && !a.ModTime.Truncate(time.Second).Equal(b.ModTime.Truncate(time.Second))
}

// unlike reports whether two texts are known and differ.
func unlike(a, b string) bool { return a != "" && b != "" && a != b }

// kind is the type of the innermost store.
func kind(b backend.Backend) reflect.Type {
	for {
		u, ok := b.(interface{ Unwrap() backend.Backend })
		if !ok || u.Unwrap() == nil {
			return reflect.TypeOf(b)
		}
		b = u.Unwrap()
	}
}

// equal reports whether the source and the target, files of one size, have the
// same content.
func (t *transfer) equal(ctx context.Context) (bool, error) {
	var bodies [2]*bufio.Reader
	for i, name := range []string{t.from, t.to} {
		content, err := t.b.Open(ctx, name, "")
		if err != nil {
			return false, err
		}
		defer content.Close()
		body, err := content.Range(ctx, 0, -1)
		if err != nil {
			return false, err
		}
		defer body.Close()
		bodies[i] = bufio.NewReaderSize(body, 64<<10)
	}
	for {
		a, errA := bodies[0].ReadByte()
		b, errB := bodies[1].ReadByte()
		endA, endB := errors.Is(errA, io.EOF), errors.Is(errB, io.EOF)
		switch {
		case endA && endB:
			return true, nil
		case errA != nil && !endA:
			return false, errA
		case errB != nil && !endB:
			return false, errB
		case endA != endB || a != b:
			return false, nil
		}
	}
}

// checkBelow refuses a target below the source. The target, a folder, has just
// been made: it must be in none of the folders of the source.
func (t *transfer) checkBelow(ctx context.Context, folders []listed) error {
	base := path.Base(t.to)
	for _, folder := range folders {
		if _, before := folder.entries[base]; before {
			continue
		}
		_, err := t.b.Stat(ctx, path.Join(t.from, folder.name, base))
		switch {
		case err == nil:
			return t.refuse(fs.ErrInvalid, "a folder cannot be put below itself, which another folder of the root shows")
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid): // a name that the store does not hold
			return err
		}
	}
	return nil
}
