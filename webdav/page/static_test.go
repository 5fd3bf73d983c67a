package page

import (
	"errors"
	"net/http/httptest"
	"testing"
)

// TestWhatCannotBeCompressedIsNoAnswerForever: the error that follows must not be kept.
func TestWhatCannotBeCompressedIsNoAnswerForever(t *testing.T) {
	broken := errors.New("broken")
	s := &static{hash: "h", files: map[string]staticFile{"a.js": {[]byte("a"), func() ([]byte, error) { return nil, broken }}}}
	req := httptest.NewRequest("GET", "/", nil)
	req.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	if err := s.serve(w, req, s.base()+"a.js"); !errors.Is(err, broken) || len(w.Header()) != 0 {
		t.Errorf("%v, after the header %v", err, w.Header())
	}
}
