package yandex

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// TestUnique keeps each entry once, the first of those with a name, and all without
// one.
func TestUnique(t *testing.T) {
	l := lister{id: byName}
	for names, want := range map[string]string{
		"":            "",
		"a0":          "a0",
		"a0 b1 c2":    "a0 b1 c2",
		"a0 a1":       "a0",
		"a0 b1 b2 c3": "a0 b1 c3",
		"b0 a1 b2 c3": "b0 a1 c3",
		"_0 _1 a2":    "_0 _1 a2",
		"a0 _1 a2 _3": "a0 _1 _3",
	} {
		var items []api.Resource
		for _, one := range strings.Fields(names) {
			items = append(items, api.Resource{Name: api.Text(strings.TrimPrefix(one[:1], "_")), ID: api.Text(one)})
		}
		var got []string
		for _, r := range l.unique(items) {
			got = append(got, string(r.ID))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("of %q it keeps %q, want %q", names, got, want)
		}
		for i, r := range items[len(got):] {
			if fmt.Sprint(r) != fmt.Sprint(api.Resource{}) {
				t.Errorf("of %q it holds on to %d", names, len(got)+i)
			}
		}
	}
}
