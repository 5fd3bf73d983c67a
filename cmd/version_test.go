package cmd

import (
	"runtime/debug"
	"testing"
)

func TestTheVersionIsThatOfDavdisk(t *testing.T) {
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}
	own := debug.Module{Path: modulePath, Version: "v1.2.3"}
	other := debug.Module{Path: "example.com/mine", Version: "v9.9.9"}
	tests := []struct {
		name              string
		info              debug.BuildInfo
		version, revision string
	}{
		{"its own program", debug.BuildInfo{Main: own, Settings: revision}, "v1.2.3", "abc"},
		{"a checkout", debug.BuildInfo{Main: debug.Module{Path: modulePath}, Settings: revision}, "(devel)", "abc"},
		{"a program on it", debug.BuildInfo{Main: other, Deps: []*debug.Module{&own}, Settings: revision}, "v1.2.3", ""},
		{"a program on a checkout", debug.BuildInfo{Main: other, Deps: []*debug.Module{{Path: modulePath, Version: "v0.0.0", Replace: &debug.Module{Path: "../.."}}}}, "(devel)", ""},
	}
	for _, test := range tests {
		if v := versionOf(&test.info); v.Version != test.version || v.Revision != test.revision {
			t.Errorf("%s: version %q, revision %q; want %q, %q", test.name, v.Version, v.Revision, test.version, test.revision)
		}
	}
}
