package reading

import "io"

// Measure returns src as a Seeker and where it stands, if it can seek, and the
// number of bytes that are left of it, if size is not known yet (-1). It stands
// there still. seek is nil for what cannot seek.
func Measure(src io.Reader, size int64) (seek io.Seeker, start, measured int64, err error) {
	seeker, ok := src.(io.Seeker)
	if !ok {
		return nil, 0, size, nil
	}
	start, err = seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0, size, nil //nolint:nilerr // it has the method and cannot seek
	}
	if size >= 0 {
		return seeker, start, size, nil
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = seeker.Seek(start, io.SeekStart)
	}
	return seeker, start, max(0, end-start), err
}
