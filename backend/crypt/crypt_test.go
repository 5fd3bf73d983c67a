package crypt_test

import (
	"sync"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/crypt"
	"github.com/davdisk/davdisk/backend/local"
	"github.com/davdisk/davdisk/backend/memory"
)

const password = "correct horse"

// layouts are the ways to write names.
var layouts = map[string]crypt.Options{
	"base32":                   {},
	"base64":                   {FilenameEncoding: "base64"},
	"base32768":                {FilenameEncoding: "base32768"},
	"plain folders":            {PlainFolders: true},
	"plain folders, base32768": {PlainFolders: true, FilenameEncoding: "base32768"},
	"plain names":              {FilenameEncryption: "off"},
}

// testKeys are derived once.
var testKeys = sync.OnceValue(func() crypt.Keys {
	k, err := crypt.DeriveKeys(password, "")
	if err != nil {
		panic(err)
	}
	return k
})

// open opens an encrypted store in another one.
func open(tb backendtest.TB, inner backend.Backend, opts crypt.Options) backend.Backend {
	tb.Helper()
	b, err := crypt.NewWithKeys(tb.Context(), inner, testKeys(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// roomy is a store that holds long names, and says how long.
type roomy struct{ *memory.Backend }

func (roomy) Capabilities() backend.Capabilities {
	return backend.Capabilities{Names: backend.Names{MaxBytes: 512, Why: "the test says so"}}
}

func TestContract(t *testing.T) {
	for name, opts := range layouts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, func(tb backendtest.TB) backend.Backend { return open(tb, roomy{memory.New(memory.Options{})}, opts) })
		})
	}
}

// TestContractOnThisMachine runs it where nothing is cached.
func TestContractOnThisMachine(t *testing.T) {
	for name, opts := range layouts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backendtest.Run(t, func(tb backendtest.TB) backend.Backend {
				inner, err := local.New(tb.TempDir(), local.Options{})
				if err != nil {
					tb.Fatal(err)
				}
				b := open(tb, inner, opts)
				if !backend.IsDirect(b) {
					tb.Error("it is not told to be on this machine")
				}
				return b
			}, backendtest.Unseen("NoConditionalPut", "the version is compared again just before the renaming"))
		})
	}
}
