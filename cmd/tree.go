package cmd

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) treeCommand() *cli.Command {
	return &cli.Command{
		Name:      "tree",
		Usage:     "print a folder as a tree",
		ArgsUsage: "[PATH]",
		Flags:     p.withStores(numberFlag("depth", 0, "descend at most `N` levels; 0 has no limit"), jsonFlag()),
		Action: p.withTarget(func(s *session, t target) error {
			if s.c.Int("depth") < 0 {
				return misuse("--depth must not be negative")
			}
			if s.c.Bool("json") {
				return s.treeJSON(t)
			}
			return s.drawTree(s.out(), t, "", 1)
		}),
	}
}

func (s *session) drawTree(w terminal.Writer, t target, indent string, depth int) error {
	if limit := s.c.Int("depth"); limit > 0 && depth > limit {
		return nil
	}
	children, err := s.children(t)
	if err != nil {
		return named(err, t)
	}
	if depth == 1 {
		fmt.Fprintln(w, w.Name(t.address))
	}
	for i, info := range children {
		branch, below := "├── ", "│   "
		if i == len(children)-1 {
			branch, below = "└── ", "    "
		}
		slash := ""
		if info.Dir {
			slash = "/"
		}
		fmt.Fprintf(w, "%s%s%s%s\n", indent, branch, w.Name(info.Name), slash)
		if info.Dir {
			if err := s.drawTree(w, t.in(info.Name), indent+below, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// nodeJSON is a folder with what is in it. A file, and a folder that lies too
// deep to be looked into, has no children; an empty folder has an empty list.
type nodeJSON struct {
	entryJSON
	Children *[]nodeJSON `json:"children,omitempty"`
}

func (s *session) treeJSON(t target) error {
	info, err := s.stat(t)
	if err != nil {
		return err
	}
	root := nodeJSON{entryJSON: newEntryJSON(t.address, info)}
	if err := s.fillTree(&root, t, 1); err != nil {
		return err
	}
	return writeJSON(s.out(), root)
}

func (s *session) fillTree(n *nodeJSON, t target, depth int) error {
	if limit := s.c.Int("depth"); limit > 0 && depth > limit {
		return nil
	}
	children, err := s.children(t)
	if err != nil {
		return named(err, t)
	}
	n.Children = &[]nodeJSON{}
	for _, info := range children {
		child := nodeJSON{entryJSON: newEntryJSON(t.in(info.Name).address, info)}
		if info.Dir {
			if err := s.fillTree(&child, t.in(info.Name), depth+1); err != nil {
				return err
			}
		}
		*n.Children = append(*n.Children, child)
	}
	return nil
}
