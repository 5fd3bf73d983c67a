package cmd

import (
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// What a command needs of its surroundings.
type needs int

const (
	login  needs = 1 << iota // the service, with a login
	calls                    // the service
	stores                   // room in the store
	keeps                    // room on this machine
	prints                   // an output
	asks                     // an answer of a person
	folder                   // a home
)

// surrounded is a command line without a mistake.
type surrounded struct {
	line  string
	needs needs
	first string         // what is run before
	code  int            // what it ends with where nothing is missing
	codes map[string]int // other codes, by surrounding
}

// surroundedOf is the second table. Every command of the program has a row, but
// for those that do not end; the words after a command are of its second row.
var surroundedOf = map[string]surrounded{
	"about":     {line: "about yandex:", needs: login | prints},
	"ls":        {line: "ls yandex:d", needs: login | prints},
	"tree":      {line: "tree yandex:d", needs: login | prints},
	"stat":      {line: "stat yandex:f.txt", needs: login | prints},
	"cat":       {line: "cat yandex:f.txt", needs: login | prints},
	"du":        {line: "du yandex:d", needs: login | prints},
	"cp":        {line: "cp ~/file yandex:new", needs: login | stores, codes: unremembered},
	"cp down":   {line: "cp yandex:f.txt ~/new", needs: login | keeps},
	"mv":        {line: "mv ~/file yandex:new", needs: login | stores, codes: unremembered},
	"mv down":   {line: "mv yandex:f.txt ~/new", needs: login | keeps},
	"mv within": {line: "mv yandex:f.txt yandex:new", needs: login},
	"sync":      {line: "sync ~/file yandex:f.txt", needs: login | stores | prints, codes: unremembered},
	"sync down": {line: "sync yandex:f.txt ~/file", needs: login | keeps | prints},
	"compare":   {line: "compare yandex:d yandex:e", needs: login | prints},
	"rm":        {line: "rm yandex:f.txt", needs: login},
	"mkdir":     {line: "mkdir yandex:new", needs: login},
	"link":      {line: "link yandex:t.txt", needs: login | prints},
	"props":     {line: "props yandex:f.txt", needs: login | prints, first: "props yandex:f.txt a=b"},
	"props set": {line: "props yandex:f.txt a=b", needs: login},
	"files":     {line: "files yandex:d", needs: login | prints},
	"share":     {line: "share yandex:f.txt", needs: login | prints},
	"unshare":   {line: "unshare yandex:t.txt", needs: login},
	"shared":    {line: "shared", needs: login | prints},
	"save-url":  {line: "save-url http://127.0.0.1:1/x yandex:new", needs: login, code: exitFailed},

	"public stat": {line: "public stat PUBLIC", needs: calls | prints},
	"public ls":   {line: "public ls PUBLIC", needs: calls | prints},
	"public link": {line: "public link PUBLIC", needs: calls | prints},
	"public get":  {line: "public get PUBLIC ~/new", needs: calls | keeps},
	"public save": {line: "public save PUBLIC yandex:new", needs: login | stores},

	"trash ls":      {line: "trash ls", needs: login | prints, first: "rm yandex:t.txt"},
	"trash restore": {line: "trash restore yandex:t.txt", needs: login | prints, first: "rm yandex:t.txt"},
	"trash rm":      {line: "trash rm yandex:t.txt", needs: login, first: "rm yandex:t.txt"},
	"trash empty":   {line: "trash empty", needs: asks},

	"remotes add":  {line: "remotes add new memory", needs: folder},
	"remotes ls":   {line: "remotes ls", needs: prints, first: "remotes add new memory", codes: map[string]int{"no home": exitDone}},
	"remotes show": {line: "remotes show new", needs: prints, first: "remotes add new memory", codes: map[string]int{"no home": exitNotFound}},
	"remotes rm":   {line: "remotes rm new", first: "remotes add new memory", codes: map[string]int{"no home": exitNotFound}},
	"drivers":      {line: "drivers", needs: prints},
	"queue":        {line: "queue"},
	"config path":  {line: "config path", needs: prints},
	"config check": {line: "config check", needs: prints},
	"config init":  {line: "config init", needs: prints | folder},
	"config show":  {line: "config show", needs: prints},
	"completion":   {line: "completion bash", needs: prints},
	"version":      {line: "version", needs: prints},
	"man":          {line: "man ~/new", needs: keeps},

	"login":          {line: "login", needs: asks | folder},
	"logout":         {line: "logout", code: exitNotLoggedIn},
	"token code":     {line: "token code --client-id good-id", needs: calls | prints},
	"token exchange": {line: "token exchange c", code: exitMisuse},
	"token refresh":  {line: "token refresh", code: exitNotLoggedIn},
	"check":          {line: "check yandex:e", needs: login | asks},
	"doctor":         {line: "doctor yandex:", needs: login | stores | prints},
	"cluster forget": {line: "cluster forget nowhere here", code: exitMisuse},
	"cluster init":   {line: "cluster init nowhere", code: exitMisuse},
	"cluster status": {line: "cluster status nowhere", code: exitMisuse},
	"health":         {line: "health --admin-addr 127.0.0.1:1", code: exitFailed},
	"serve":          {line: "serve yandex:none --addr 127.0.0.1:0", needs: login, code: exitNotFound},
}

// unremembered is that something is done, and what is to be remembered of it cannot
// be stored. If the service is quick, nothing is to be remembered.
var unremembered = map[string]int{"a full disk of this machine": exitFailed}

// A surrounding is what is missing, and for whom.
type surrounding struct {
	needed needs
	code   int
	change func(b *badInput)
}

var surroundings = map[string]surrounding{
	"nothing": {},
	"a store without room": {stores, exitFailed, func(b *badInput) {
		b.disk.SetKnobs(func(k *emulator.Knobs) { k.TotalSpace = 1 })
	}},
	"a full disk for the output": {prints, exitFailed, func(b *badInput) { b.out = fullDisk{} }},
	"revoked rights":             {login, exitNotLoggedIn, func(b *badInput) { b.Setenv("DAVDISK_TOKEN", "revoked") }},
	"no home": {folder, exitFailed, func(b *badInput) {
		for _, name := range []string{"HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "AppData", "LocalAppData", "USERPROFILE"} {
			b.Setenv(name, "")
		}
	}},
	"a full disk of this machine": {keeps, exitFailed, nil}, // see TestFullDiskOfThisMachine
	"a locale without UTF-8":      {0, 0, func(b *badInput) { b.Setenv("LC_ALL", "C") }},
}

// fullDisk is an output without room.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// want is the code that a command is to end with. Nobody can be asked: the input
// is closed, and no terminal.
func want(what, name string) int {
	row, s := surroundedOf[name], surroundings[what]
	code, special := row.codes[what]
	switch {
	case special:
		return code
	case row.needs&s.needed != 0:
		return s.code
	case row.needs&asks != 0:
		return exitMisuse
	}
	return row.code
}

// prepare makes a world of its own for a command.
func (b *badInput) prepare(name string) {
	b.Helper()
	b.out = io.Discard
	for _, variable := range []string{"CONFIG", "STATE", "CACHE"} {
		b.Setenv("XDG_"+variable+"_HOME", b.TempDir())
	}
	b.Setenv("DAVDISK_TOKEN", b.disk.Token)
	b.disk.SetKnobs(func(k *emulator.Knobs) { *k = emulator.Knobs{} })
	b.fill()
	if first := surroundedOf[name].first; first != "" {
		b.wants("before", first, exitDone)
	}
}

// surround runs a command where something is missing.
func (b *badInput) surround(what, name string) {
	b.Helper()
	row, s := surroundedOf[name], surroundings[what]
	before := b.holds()
	if s.change != nil {
		s.change(b)
	}
	if name == "doctor" && s.code != exitDone { // its findings are its output
		if code, said := b.run(row.line); code != want(what, name) {
			b.Errorf("%s: davdisk %s ended with %d: %s", what, row.line, code, said)
		}
	} else {
		b.wants(what, row.line, want(what, name))
	}
	if after := b.holds(); name != "man" && row.needs&s.needed&^prints != 0 && after != before {
		b.Errorf("%s: davdisk %s made\n%sof\n%s", what, row.line, after, before)
	}
}

// TestEveryCommandIsSurrounded: a new command needs a row.
func TestEveryCommandIsSurrounded(t *testing.T) {
	all := leaves(appOfDavdisk(nil, io.Discard, io.Discard).Commands, "")
	for _, name := range all {
		if _, ok := surroundedOf[name]; !ok && !slices.Contains([]string{"emulator", "service install", "service uninstall"}, name) {
			t.Errorf("%s is not in the table of surroundings", name)
		}
	}
}

// TestSurroundings runs commands where something is missing that they may need.
// Each ends with its code and one line, and changes nothing if it cannot.
func TestSurroundings(t *testing.T) {
	names := []string{"cat", "cp", "cp down", "config init", "trash empty"}
	if testlevel.Long() {
		names = slices.Sorted(maps.Keys(surroundedOf))
	}
	for _, what := range slices.Sorted(maps.Keys(surroundings)) {
		if what == "a full disk of this machine" {
			continue
		}
		t.Run(what, func(t *testing.T) {
			b := newBadInput(t)
			for _, name := range names {
				b.prepare(name)
				b.surround(what, name)
			}
		})
	}
}

// TestNoNetwork runs commands without a network, but for serve, which waits for one.
// Each tries several times, and they cannot run at a time: package cli keeps its flag
// for help in a variable.
func TestNoNetwork(t *testing.T) {
	testlevel.NeedMore(t)
	b := newBadInput(t)
	before := b.holds()
	for _, variable := range []string{"DAVDISK_YANDEX_API_URL", "DAVDISK_YANDEX_OAUTH_URL"} {
		t.Setenv(variable, "http://127.0.0.1:1")
	}
	for name, row := range surroundedOf {
		switch {
		case row.needs&(login|calls) == 0 || name == "serve":
		case !testlevel.Long() && !slices.Contains([]string{"cat", "cp", "doctor"}, name):
		case strings.HasPrefix(row.line, "doctor"): // its findings are its output
			if code, said := b.run(row.line); code != exitFailed {
				b.Errorf("%s ended with %d: %s", row.line, code, said)
			}
		default:
			b.wants("no network", row.line, exitFailed)
		}
	}
	if after := b.holds(); after != before {
		t.Errorf("they made\n%sof\n%s", after, before)
	}
}
