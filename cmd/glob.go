package cmd

import (
	"errors"
	"io/fs"
	"path"
	"strings"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/transfer"
)

// wildcards are what stands for parts of a name on a remote: * for any, ? for one
// character. Brackets do not: too many files have some in their names.
const wildcards = "*?"

// expand returns what the wildcards in addresses match on a remote, by name. A
// shell does that for paths of this machine. What is there under the very name,
// wildcards and all, is meant itself.
func (s *session) expand(addresses []string) (all []string, err error) {
	var errs []error
	for _, address := range addresses {
		matches := []string{address}
		if _, _, remote := backend.SplitAddress(address); remote && strings.ContainsAny(address, wildcards) {
			matches, err = s.match(address)
			errs = append(errs, err)
		}
		all = append(all, matches...)
	}
	return all, errors.Join(errs...)
}

func (s *session) match(address string) ([]string, error) {
	t, err := s.target(address)
	if err != nil {
		return nil, err
	}
	if _, err := t.Stat(s.ctx, t.name); err == nil {
		return []string{address}, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, named(err, t)
	}
	root := t
	root.name, root.address = ".", t.root
	found := []target{root}
	elements := strings.Split(t.name, "/")
	for i, element := range elements {
		if found, err = s.matchIn(found, element, t.folder || i < len(elements)-1); err != nil {
			return nil, err
		}
	}
	var all []string
	for _, m := range found {
		all = append(all, m.address)
	}
	if len(all) == 0 {
		return nil, backend.PathError("open", address, fs.ErrNotExist, "nothing has such a name")
	}
	return all, nil
}

// matchIn returns what an element of a path matches in folders. As in a shell, a
// name that begins with a dot is matched only by a dot.
func (s *session) matchIn(folders []target, element string, folder bool) (found []target, err error) {
	pattern := strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(element)
	for _, dir := range folders {
		if !strings.ContainsAny(element, wildcards) && dir.name == "." {
			found = append(found, dir.in(element)) // whether it is there shows further on
			continue
		}
		children, err := s.children(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, backend.ErrNotDir):
			continue
		case err != nil:
			return nil, named(err, dir)
		}
		for _, info := range children {
			hidden := strings.HasPrefix(info.Name, ".") && !strings.HasPrefix(element, ".")
			matches, err := path.Match(pattern, info.Name)
			if err == nil && matches && !hidden && (info.Dir || !folder) && transfer.CheckBase(info.Name) == nil {
				found = append(found, dir.in(info.Name))
			}
		}
	}
	return found, nil
}
