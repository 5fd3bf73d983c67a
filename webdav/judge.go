package webdav

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"reflect"
	"strings"
	"sync"

	"github.com/spf13/afero"
	xdav "golang.org/x/net/webdav"
)

// An ability is the name of a method, and the interfaces with its accepted
// signatures.
type ability struct {
	// find is reflect.Type.MethodByName with the name. Each has the name as a
	// constant, or the linker would keep every exported method of the program.
	find  func(reflect.Type) (reflect.Method, bool)
	forms []reflect.Type
}

func fsAbilities() []ability {
	return []ability{
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("WithContext") }, []reflect.Type{reflect.TypeFor[ContextBinder]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Confine") }, []reflect.Type{reflect.TypeFor[Confiner]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Put") }, []reflect.Type{reflect.TypeFor[Putter]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Move") }, []reflect.Type{reflect.TypeFor[Mover]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Copy") }, []reflect.Type{reflect.TypeFor[Copier]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Delete") }, []reflect.Type{reflect.TypeFor[Deleter]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Usage") }, []reflect.Type{reflect.TypeFor[Usager]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("UsageIn") }, []reflect.Type{reflect.TypeFor[FolderUsager]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Properties") }, []reflect.Type{reflect.TypeFor[Propertier]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("SetProperties") }, []reflect.Type{reflect.TypeFor[Propertier]()}},
	}
}

func infoAbilities() []ability {
	return []ability{
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("ETag") }, []reflect.Type{reflect.TypeFor[ETager](), reflect.TypeFor[xdav.ETager]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Err") }, []reflect.Type{reflect.TypeFor[Undescribed]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("ContentType") }, []reflect.Type{reflect.TypeFor[ContentTyper](), reflect.TypeFor[xdav.ContentTyper]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Created") }, []reflect.Type{reflect.TypeFor[CreationTimer]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Hash") }, []reflect.Type{reflect.TypeFor[Hasher]()}},
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("Properties") }, []reflect.Type{reflect.TypeFor[PropertyHolder]()}},
	}
}

func fileAbilities() []ability {
	return []ability{
		{func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("OSFile") }, []reflect.Type{reflect.TypeFor[OSFiler]()}},
	}
}

// unused returns an error if t has a method with the ability's name and none of
// its signatures.
func (a ability) unused(t reflect.Type) error {
	method, ok := a.find(t)
	if !ok {
		return nil
	}
	var wanted []string
	for _, form := range a.forms {
		if t.Implements(form) {
			return nil
		}
		want, _ := a.find(form)
		wanted = append(wanted, signature(want.Type, ""))
	}
	got := signature(method.Type, t.String())
	if want, _ := a.find(a.forms[0]); got == wanted[0] {
		return fmt.Errorf("%s.%s is not used without the other methods of %s", t, want.Name, a.forms[0])
	}
	return fmt.Errorf("%s.%s is not used: it is %s, want %s", t, method.Name, got, strings.Join(wanted, " or "))
}

// signature formats the type of a method without its receiver.
func signature(method reflect.Type, receiver string) string {
	rest := strings.TrimPrefix(method.String(), "func("+receiver)
	return "func(" + strings.TrimPrefix(rest, ", ")
}

// A judge finds methods that have the name of an ability but not its signature.
// Each type is checked once.
type judge struct {
	log    *slog.Logger
	strict bool
	seen   sync.Map // reflect.Type to error, nil without fault or if not strict
}

// fs checks a file system, file a file and info an info of it. They return an
// error only if strict is set.
func (j *judge) fs(fs afero.Fs) error        { return j.look(reflect.TypeOf(fs), fsAbilities) }
func (j *judge) file(file afero.File) error  { return j.look(reflect.TypeOf(file), fileAbilities) }
func (j *judge) info(info fs.FileInfo) error { return j.look(reflect.TypeOf(info), infoAbilities) }

func (j *judge) look(t reflect.Type, abilities func() []ability) error {
	if t == nil {
		return nil
	}
	if verdict, ok := j.seen.Load(t); ok {
		err, _ := verdict.(error)
		return err
	}
	var faults []error
	for _, a := range abilities() {
		faults = append(faults, a.unused(t))
	}
	fault := errors.Join(faults...)
	var verdict error
	if j.strict {
		verdict = fault
	}
	if _, judged := j.seen.LoadOrStore(t, verdict); !judged && fault != nil {
		j.log.Warn("method ignored", "error", fault)
	}
	return verdict
}
