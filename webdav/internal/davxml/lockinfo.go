package davxml

import (
	"errors"
	"fmt"
	"io"
)

// A LockInfo is the body of a LOCK (section 14.11).
type LockInfo struct {
	Shared bool   // else exclusive
	Owner  string // the whole owner element, or ""
}

// ReadLockInfo parses the body of a LOCK. It returns nil for an empty body,
// which refreshes a lock (section 9.10.2).
func ReadLockInfo(r io.Reader) (*LockInfo, error) {
	d := newDecoder(r)
	root, err := d.root()
	if errors.Is(err, errEmpty) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if root.name != Name("lockinfo") {
		return nil, d.invalid("the root is not DAV:lockinfo")
	}
	info := new(LockInfo)
	var exclusive, write bool
	err = d.children(func(s start) error {
		switch s.name {
		case Name("lockscope"):
			return d.children(func(s start) error {
				exclusive = exclusive || s.name == Name("exclusive")
				info.Shared = info.Shared || s.name == Name("shared")
				return d.skip()
			})
		case Name("locktype"):
			return d.children(func(s start) error {
				write = write || s.name == Name("write")
				return d.skip()
			})
		case Name("owner"):
			e, err := d.element(s)
			if len(e.XML) > MaxOwner {
				err = fmt.Errorf("%w: an owner of more than %d bytes", ErrTooLarge, MaxOwner)
			}
			info.Owner = e.XML
			return err
		}
		return d.skip()
	})
	if err != nil {
		return nil, err
	}
	if exclusive == info.Shared || !write {
		return nil, d.invalid("a write lock is wanted, exclusive or shared")
	}
	return info, d.finish()
}
