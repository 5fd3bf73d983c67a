package e2e

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A world is what a share may hold: the MD5 of each file and isFolder for each
// folder, by path. The root is always there.
type world map[string]string

const isFolder = "folder"

// key identifies a world.
func (w world) key() string {
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(w)) {
		fmt.Fprintf(&out, "%s=%.8s ", name, w[name])
	}
	return out.String()
}

func (w world) folder(name string) bool { return name == "/" || w[name] == isFolder }

// A deed is a request.
type deed struct {
	method, path string
	to           string // of MOVE and COPY
	keep         bool   // Overwrite: F
	content      string // of PUT
}

func (d deed) String() string {
	out := d.method + " " + d.path
	if d.to != "" {
		out += " " + d.to
	}
	if d.keep {
		out += " Overwrite: F"
	}
	if d.method == http.MethodPut {
		out += fmt.Sprintf(" (%d bytes, %.8s)", len(d.content), sum([]byte(d.content)))
	}
	return out
}

// changes reports whether a success of the deed changes the share.
func (d deed) changes() bool { return d.method != http.MethodGet && d.method != "PROPFIND" }

// meets reports whether two deeds concern the same names, or what is below them.
func (d deed) meets(other deed) bool {
	for _, one := range []string{d.path, d.to} {
		for _, name := range []string{other.path, other.to} {
			if one != "" && name != "" && (within(one, name) || within(name, one)) {
				return true
			}
		}
	}
	return false
}

// result is the world after a deed, and what a look shows. A deed that must be
// refused has none.
func (d deed) result(w world) (next world, shows string, done bool) {
	next = maps.Clone(w)
	is, there := w[d.path]
	parent := w.folder(path.Dir(d.path))
	switch d.method {
	case http.MethodGet:
		return w, is, there
	case "PROPFIND":
		var names []string
		for name := range w {
			if path.Dir(name) == d.path {
				names = append(names, path.Base(name))
			}
		}
		slices.Sort(names)
		return w, strings.Join(names, " "), there || d.path == "/"
	case http.MethodPut:
		next[d.path] = sum([]byte(d.content))
		return next, "", parent && is != isFolder
	case "MKCOL":
		next[d.path] = isFolder
		return next, "", parent && !there
	case http.MethodDelete:
		next.remove(d.path)
		return next, "", there
	}
	_, taken := w[d.to]
	apart := !within(d.path, d.to) && !within(d.to, d.path)
	if !there || !apart || !w.folder(path.Dir(d.to)) || taken && d.keep {
		return w, "", false
	}
	next.remove(d.to)
	for name, content := range w {
		if within(name, d.path) {
			next[d.to+name[len(d.path):]] = content
			if d.method == "MOVE" {
				delete(next, name)
			}
		}
	}
	return next, "", true
}

// empty reports whether a name is that of a folder with nothing in it.
func (w world) empty(name string) bool {
	for other := range w {
		if path.Dir(other) == name {
			return false
		}
	}
	return w[name] == isFolder
}

func (w world) remove(name string) {
	maps.DeleteFunc(w, func(at, _ string) bool { return within(at, name) })
}

func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}

// An answer is what came back; no code if the connection broke.
type answer struct {
	code int
	body string
}

// after are the worlds that an answer leaves possible: success means done, a
// refusal that nothing has changed and that there was a reason, and all else
// either.
func (d deed) after(w world, a answer) []world {
	next, shows, done := d.result(w)
	switch {
	case a.code/100 == 2 && done && d.shown(a) == shows:
		return []world{next}
	case a.code == http.StatusCreated && d.method == "MKCOL" && w.empty(d.path):
		// After an answer was lost an empty folder is taken for the one asked for.
		return []world{w}
	case a.code/100 == 4 && !done:
		return []world{w}
	case a.code == 0, a.code/100 == 5:
		if done {
			return []world{w, next}
		}
		return []world{w}
	}
	return nil
}

var hrefs = regexp.MustCompile(`<D:href>([^<]*)</D:href>`)

// shown is what the answer to a look says, in the words of result.
func (d deed) shown(a answer) string {
	switch d.method {
	case http.MethodGet:
		if strings.HasPrefix(a.body, "<!DOCTYPE html>") {
			return isFolder
		}
		return sum([]byte(a.body))
	case "PROPFIND":
		names := []string{}
		for _, found := range hrefs.FindAllStringSubmatch(a.body, -1) {
			name, err := url.PathUnescape(strings.TrimSuffix(found[1], "/"))
			if err != nil {
				return err.Error()
			}
			if name != strings.TrimSuffix(d.path, "/") {
				names = append(names, path.Base(name))
			}
		}
		slices.Sort(names)
		return strings.Join(names, " ")
	}
	return ""
}

// worlds are those that may be, each once.
type worlds []world

func (all worlds) after(d deed, a answer) worlds {
	var next worlds
	known := map[string]bool{}
	for _, w := range all {
		for _, then := range d.after(w, a) {
			if key := then.key(); !known[key] {
				known[key] = true
				next = append(next, then)
			}
		}
	}
	return next
}

// with adds the worlds in which late deeds have had their effect. What a davdisk
// that was killed has asked for is done when the service gets to it.
func (all worlds) with(late []deed) worlds {
	known := map[string]bool{}
	for _, w := range all {
		known[w.key()] = true
	}
	for _, d := range late {
		for _, w := range all {
			next, _, done := d.result(w)
			if key := next.key(); done && !known[key] {
				known[key] = true
				all = append(all, next)
			}
		}
	}
	return all
}

func (all worlds) String() string {
	var out strings.Builder
	for _, w := range all {
		out.WriteString("\n\t" + w.key())
	}
	return out.String()
}

// anyDeed draws a request on one of a few names below dir, of which some are
// below others.
func anyDeed(r *rand.Rand, dir string, serial int) deed {
	names := []string{"/a", "/b", "/f.txt", "/a/x", "/a/f.txt", "/b/x", "/b/f.txt", "/a/x/f.txt"}
	name := func() string { return dir + names[r.IntN(len(names))] }
	d := deed{path: name()}
	switch n := r.IntN(20); {
	case n < 6:
		d.method = http.MethodPut
		d.content = fmt.Sprintf("%s %d %s", d.path, serial, strings.Repeat("Ж", r.IntN(3000)))
	case n < 9:
		d.method = "MKCOL"
	case n < 11:
		d.method = http.MethodDelete
	case n < 15:
		d.method, d.to, d.keep = "MOVE", name(), r.IntN(4) == 0
	case n < 17:
		d.method, d.to, d.keep = "COPY", name(), r.IntN(4) == 0
	case n < 19:
		d.method = http.MethodGet
	default:
		d.method, d.path = "PROPFIND", dir+[]string{"", "/a", "/b"}[r.IntN(3)]
	}
	return d
}
