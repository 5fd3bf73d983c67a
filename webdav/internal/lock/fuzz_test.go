package lock

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/davdisk/davdisk/webdav/internal/gatewaytest"
)

// FuzzApply looks for entries, one a line, of whoever can write to the log that break a
// gateway, or by which two come apart of which one has started from a snapshot. A line
// that begins with - is the name of a gateway that is expelled.
func FuzzApply(f *testing.F) {
	const (
		hold    = `{"op":"reserve","reserved":{"hold":{"ticket":{"gateway":"a","epoch":2,"number":1},"names":[{"Path":"/f","Shared":true,"Member":true,"Lingers":60000000000}]}}}`
		beside  = `{"op":"reserve","reserved":{"hold":{"ticket":{"gateway":"b","epoch":3,"number":1},"names":[{"Path":"/f","Shared":true,"Member":true}]}}}`
		again   = `{"op":"reserve","reserved":{"hold":{"ticket":{"gateway":"a","epoch":2,"number":2},"names":[{"Path":"/f","again":"x"}]}}}`
		same    = `{"op":"reserve","reserved":{"hold":{"ticket":{"gateway":"a","epoch":2,"number":1},"names":[{"Path":"/f","again":"x","Lingers":60000000000}]}}}`
		done    = `{"op":"release","reserved":{"release":{"gateway":"b","epoch":3,"number":1},"done":true,"created":"/f","changed":[{"path":"/f","etag":"\"x\""}]}}`
		unsure  = `{"op":"unsettle","reserved":{"release":{"gateway":"a","epoch":2,"number":1}}}`
		settle  = `{"op":"settle","reserved":{"settled":[{"gateway":"a","epoch":2,"number":1,"renewed":1}]}}`
		create  = `{"op":"create","lock":{"Token":"t","Root":"/d","Infinite":true,"Timeout":60000000000,"Expires":"2030-01-01T00:00:00Z"},"placeholder":{"Principal":"anna"}}`
		moved   = `{"op":"move","path":"/d","to":"/e","until":"2030-01-01T00:00:00Z"}`
		unlock  = `{"op":"unlock","token":"t","reserved":{"names":[{"Path":"/d","Tree":true}]}}`
		expires = `{"op":"expire","ended":[{"path":"/e","at":"2030-01-01T00:00:00Z"},{"token":"t","at":"2030-01-01T00:00:00Z"}]}`
	)
	for _, lines := range [][]string{
		{hold, beside, "-a", done}, {hold, unsure, settle, beside}, {same, unsure, again, settle}, {same, "-a", again}, {hold, beside, unsure, done, unsure, "-a", "-b", "-\xff"},
		{create, unlock}, {create, moved, expires}, {create, hold, `{"op":"remove-tree","path":"/"}`}, {`{"op":"held"}`, `null`, `{"op":"reserve","reserved":{}}`},
		{`{"op":"ended","reserved":{"release":{"gateway":"a","epoch":9}}}`, hold, `{"op":"still","reserved":{"release":{"gateway":"a","epoch":2,"number":1}}}`, `{"op":"begin","reserved":{"release":{}}}`},
	} {
		var data []byte
		for _, line := range lines {
			data = append(append(data, line...), '\n')
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, gateways := gatewaytest.New(t, 3)
		all := tables(t, gateways, Options{})
		one, two, three := machine{all[0]}, machine{all[1]}, machine{all[2]}
		for line := range bytes.Lines(data) {
			line = bytes.TrimSuffix(line, []byte("\n"))
			if name, ok := bytes.CutPrefix(line, []byte("-")); ok {
				gateway := string(bytes.ToValidUTF8(name, []byte("?"))) // engines have it out of an entry
				one.Expelled(gateway, 5)
				two.Expelled(gateway, 5)
				continue
			}
			var c, same change
			if json.Unmarshal(line, &c) != nil || json.Unmarshal(line, &same) != nil {
				continue
			}
			if c.Lock != nil && c.Lock.Expires.IsZero() { // no gateway makes one, and it has no expiry that all know
				continue
			}
			if a, b := one.Apply(c), two.Apply(same); (a == nil) != (b == nil) {
				t.Errorf("%q is %v here and %v there", line, a, b)
			}
		}
		for c := range one.Snapshot() {
			again, err := json.Marshal(c) // as it is written
			if err != nil {
				t.Skip("a time that cannot be written") // no gateway can have made it
			}
			var read change
			if err := json.Unmarshal(again, &read); err != nil {
				t.Fatal(err)
			}
			if err := three.Apply(read); err != nil {
				t.Errorf("of a snapshot is refused %s: %v", again, err)
			}
		}
		want := snapshot(t, all[0])
		for i, table := range all[1:] {
			if got := snapshot(t, table); got != want || len(table.reserved.held) != len(all[0].reserved.held) || table.Len() != all[0].Len() {
				t.Errorf("a table is\n%s\nand %s\n%s", want, []string{"another", "out of its snapshot"}[i], got)
			}
		}
	})
}
