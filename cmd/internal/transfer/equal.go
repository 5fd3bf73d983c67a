package transfer

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"io"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/internal/reading"
)

// How is by what two files were found equal.
type How string

// The two ways to be equal. The empty How is that files differ, or that nothing
// shows that they do not.
const (
	ByHash       How = "hash"
	BySizeAndMod How = "size and time"
)

// equal compares two files. Where both stores know a hash it decides. Else the
// same size and time mean the same content, unless the options want more. Where
// one side knows a hash and the other is on this machine, or both are, what is
// here is read.
func equal(ctx context.Context, from, to Side, a, b backend.Info, o Options) (How, error) {
	if a.Size != b.Size {
		return "", nil
	}
	timed := !o.Strict && sameTime(a.ModTime, b.ModTime)
	if _, known := sameHash(a, b); !known {
		if timed && !o.Verify {
			return BySizeAndMod, nil
		}
		if err := fillHash(ctx, from, &a, b, backend.IsDirect(to.Backend)); err != nil {
			return "", err
		}
		if err := fillHash(ctx, to, &b, a, false); err != nil {
			return "", err
		}
	}
	switch same, known := sameHash(a, b); {
	case same:
		return ByHash, nil
	case timed && !known:
		return BySizeAndMod, nil
	}
	return "", nil
}

// sameHash compares the strongest hash that both stores know, if there is one.
func sameHash(a, b backend.Info) (same, known bool) {
	switch {
	case a.SHA256 != "" && b.SHA256 != "":
		return a.SHA256 == b.SHA256, true
	case a.MD5 != "" && b.MD5 != "":
		return a.MD5 == b.MD5, true
	}
	return false, false
}

// sameTime compares to the precision of the coarser of two times: stores keep
// nanoseconds, microseconds or seconds, rounded or cut.
func sameTime(a, b time.Time) bool {
	if a.IsZero() || b.IsZero() {
		return false
	}
	return a.Sub(b).Abs() < max(precision(a), precision(b))
}

func precision(t time.Time) time.Duration {
	for _, p := range []time.Duration{time.Second, time.Millisecond, time.Microsecond, 100} {
		if time.Duration(t.Nanosecond())%p == 0 {
			return p
		}
	}
	return 1
}

// fillHash reads a file of this machine for the hash that the other side knows,
// or for any hash if the other side will be read as well.
func fillHash(ctx context.Context, side Side, info *backend.Info, other backend.Info, both bool) error {
	if !backend.IsDirect(side.Backend) {
		return nil
	}
	var sum hash.Hash
	var into *string
	switch {
	case other.SHA256 != "" || both:
		sum, into = sha256.New(), &info.SHA256
	case other.MD5 != "":
		sum, into = md5.New(), &info.MD5
	default:
		return nil
	}
	content, err := side.Open(ctx, side.Name, info.Version)
	if err != nil {
		return side.named(err)
	}
	defer content.Close()
	r, err := content.Range(ctx, 0, -1)
	if err != nil {
		return side.named(err)
	}
	defer r.Close()
	if _, err := io.Copy(sum, reading.Until(ctx, r)); err != nil {
		return side.named(err)
	}
	*into = hex.EncodeToString(sum.Sum(nil))
	return nil
}
