package local

import "testing"

func TestReportsErrors(t *testing.T) {
	for release, want := range map[string]bool{
		"5.17.0": true, "5.16.19-generic": false, "4.18.0-553.el8": false, "5.10.0-28-amd64": false, "6.1.0": true, "10.0": true, "": false, "x": false,
	} {
		if reportsErrors(release) != want {
			t.Errorf("%q: want %t", release, want)
		}
	}
}
