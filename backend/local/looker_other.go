//go:build !linux && !darwin

package local

// looker returns a function that describes the files and folders in a folder, and
// reports false for anything else, and what cannot be described. The caller calls end.
func (v *view) looker(dir string) (look func(base string) (attributes, bool), end func(), err error) {
	in, err := v.inside(dir)
	if err != nil {
		return nil, nil, err
	}
	return func(base string) (attributes, bool) {
		fi, err := in.root.Lstat(base)
		if err != nil || !isPlain(fi) {
			return attributes{}, false
		}
		return attributesOf(fi), true
	}, in.close, nil
}
