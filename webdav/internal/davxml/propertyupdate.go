package davxml

import (
	"fmt"
	"io"
)

// A PropertyUpdate is the changes of a PROPPATCH, in the order in which they
// must be applied (section 9.2).
type PropertyUpdate []PropertyChange

// A PropertyChange sets or removes one property.
type PropertyChange struct {
	Remove bool
	Element
}

// ReadPropertyUpdate parses the body of a PROPPATCH.
func ReadPropertyUpdate(r io.Reader) (PropertyUpdate, error) {
	d := newDecoder(r)
	root, err := d.root()
	if err != nil {
		return nil, err
	}
	if root.name != Name("propertyupdate") {
		return nil, d.invalid("the root is not DAV:propertyupdate")
	}
	var update PropertyUpdate
	add := func(remove bool) func(start) error {
		return func(s start) error {
			if len(update) == MaxProps {
				return fmt.Errorf("%w: more than %d properties", ErrTooLarge, MaxProps)
			}
			e, err := d.element(s)
			update = append(update, PropertyChange{Remove: remove, Element: e})
			return err
		}
	}
	err = d.children(func(s start) error {
		if s.name != Name("set") && s.name != Name("remove") {
			return d.skip()
		}
		remove := s.name == Name("remove")
		return d.children(func(s start) error {
			if s.name != Name("prop") {
				return d.skip()
			}
			return d.children(add(remove))
		})
	})
	if err != nil {
		return nil, err
	}
	if len(update) == 0 {
		return nil, d.invalid("no property is to be set or removed")
	}
	return update, d.finish()
}
