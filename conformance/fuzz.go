package conformance

import "testing"

// FuzzBytes lets Go's fuzzer test a file system: bytes are decoded to
// operations, whose results must be those of the model. It uses the same engine
// as the random part of Run, but guided by coverage.
//
//	func FuzzMine(f *testing.F) { conformance.FuzzBytes(f, fresh) }
func FuzzBytes(f *testing.F, fresh Maker, opts ...Option) {
	for _, seed := range []string{"", "rename", "\x02\x00\x01\x0d\x00\x03", "the quick brown fox jumps over the lazy dog"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := newSuite(t.Name(), fresh, opts)
		o := s.isolate(entry{id: "model/sequences", run: func(t *rig) {
			t.agreesOn(1, style{}, func(*rig) {}, func(int) []op { return decode(data) })
		}})
		if o.verdict.Bad() {
			t.Errorf("%s\n%s", o.detail, o.repro)
		}
	})
}

// decode reads operations out of any bytes, one after the other until they
// are used up, but not too many.
func decode(data []byte) []op {
	var ops []op
	pick := func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := int(data[0])
		data = data[1:]
		return b % n
	}
	for len(data) > 0 && len(ops) < 100 {
		ops = append(ops, drawOne(pick))
	}
	return closing(ops)
}
