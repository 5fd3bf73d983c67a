package davxml

import (
	"encoding/xml"
	"fmt"
	"slices"
)

// once rejects a repeated element.
func (d *decoder) once(before bool) error {
	if before {
		return d.invalid("an element is there twice")
	}
	return nil
}

// children calls f for every child of the element whose start was read last,
// up to that element's end. f must read or skip the child.
func (d *decoder) children(f func(start) error) error {
	for depth := len(d.open); len(d.open) >= depth; {
		token, err := d.next()
		if err != nil {
			return err
		}
		if s, ok := token.(start); ok {
			if err := f(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// names returns the names of an element's children, each once.
func (d *decoder) names() ([]xml.Name, error) {
	var names []xml.Name
	err := d.children(func(s start) error {
		if !slices.Contains(names, s.name) {
			if len(names) == MaxProps {
				return fmt.Errorf("%w: more than %d properties", ErrTooLarge, MaxProps)
			}
			names = append(names, s.name)
		}
		return d.skip()
	})
	return names, err
}
