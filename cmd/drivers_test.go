package cmd

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/memory"
)

// extraDriver is a store in memory that says how it was opened:
// testdata/script/extra.txtar uses it.
func extraDriver() backend.Driver {
	return backend.Driver{
		Name: "extra",
		Options: []backend.Option{
			{Name: "greeting", Help: "what it says", Default: "hello"},
			{Name: "loud", Help: "say it in capitals", Bool: true},
			{Name: "key", Help: "what it must not say", Secret: true},
		},
		Open: func(ctx context.Context, root string, opts map[string]string, env backend.Env) (backend.Backend, error) {
			says := opts["greeting"]
			if opts["loud"] == "true" {
				says = strings.ToUpper(says)
			}
			b, err := memory.Driver().Open(ctx, "", nil, env)
			if err != nil {
				return nil, err
			}
			for name, text := range map[string]string{"says": says, "key-length": strings.Repeat("*", len(opts["key"]))} {
				if _, err := b.Put(ctx, name, strings.NewReader(text), backend.PutOptions{Size: int64(len(text))}); err != nil {
					return nil, err
				}
			}
			return b, nil
		},
	}
}

func TestAnExtraDriverThatDoesNotFitIsMisuse(t *testing.T) {
	option := func(driver, name string) backend.Driver {
		return backend.Driver{Name: driver, Options: []backend.Option{{Name: name}}}
	}
	tests := []struct {
		drivers []backend.Driver
		says    string // empty: they fit
	}{
		{nil, ""},
		{[]backend.Driver{extraDriver(), option("more", "dir")}, ""},
		{[]backend.Driver{{Name: "yandex"}}, `driver "yandex"`},
		{[]backend.Driver{extraDriver(), extraDriver()}, `driver "extra"`},
		{[]backend.Driver{{Name: "x"}}, `driver "x"`},
		{[]backend.Driver{{Name: ""}}, `driver ""`},
		{[]backend.Driver{{Name: "a:b"}}, `driver "a:b"`},
		{[]backend.Driver{{Name: "a/b"}}, `driver "a/b"`},
		{[]backend.Driver{option("state", "dir")}, "--state-dir"},
		{[]backend.Driver{option("base", "url")}, "--base-url"},
		{[]backend.Driver{option("my", "store-url"), option("my-store", "url")}, "--my-store-url"},
	}
	for _, test := range tests {
		_, err := newProgram(test.drivers...)
		var wrong misused
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%v: %v", test.drivers, err)
		case test.says != "" && (!errors.As(err, &wrong) || !strings.Contains(err.Error(), test.says)):
			t.Errorf("drivers %v: %v; want misuse that names %s", test.drivers, err, test.says)
		}
	}
}
