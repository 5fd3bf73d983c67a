package davxml

import (
	"encoding/xml"
	"errors"
	"io"
)

// A Propfind is the query of a PROPFIND (section 14.20). If neither AllProp
// nor PropName is set it requests Props by name.
type Propfind struct {
	AllProp  bool
	PropName bool       // names without values
	Include  []xml.Name // wanted beside AllProp
	Props    []xml.Name // each once, in the order asked
}

// ReadPropfind parses the body of a PROPFIND. An empty one means allprop.
func ReadPropfind(r io.Reader) (Propfind, error) {
	var p Propfind
	d := newDecoder(r)
	root, err := d.root()
	if errors.Is(err, errEmpty) {
		return Propfind{AllProp: true}, nil
	}
	if err != nil {
		return p, err
	}
	if root.name != Name("propfind") {
		return p, d.invalid("the root is not DAV:propfind")
	}
	var named, included bool
	err = d.children(func(s start) (err error) {
		switch s.name {
		case Name("allprop"):
			p.AllProp, err = true, d.once(p.AllProp)
		case Name("propname"):
			p.PropName, err = true, d.once(p.PropName)
		case Name("prop"):
			if err = d.once(named); err == nil {
				named = true
				p.Props, err = d.names()
				return err
			}
		case Name("include"):
			if err = d.once(included); err == nil {
				included = true
				p.Include, err = d.names()
				return err
			}
		}
		return errors.Join(err, d.skip())
	})
	if err != nil {
		return Propfind{}, err
	}
	kinds := 0
	for _, kind := range []bool{p.AllProp, p.PropName, named} {
		if kind {
			kinds++
		}
	}
	if kinds != 1 || included && !p.AllProp {
		return Propfind{}, d.invalid("one of allprop, propname and prop is wanted, and include with allprop only")
	}
	return p, d.finish()
}
