package webdav

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// logBuffer is a log that may be written and read at the same time.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestLogTellsOfTheStoreAndNotOfWhoLeaves: an answer that breaks off by a fault
// of the store is told; a player that jumps, and leaves what it asked for, is
// not.
func TestLogTellsOfTheStoreAndNotOfWhoLeaves(t *testing.T) {
	var log logBuffer
	s := newShare(t, newCapableFs(), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	s.put("/film", strings.Repeat("x", 64<<20))
	ended := make(chan struct{}, 1)
	end := func() { ended <- struct{}{} }
	s.onEnd.Store(&end)
	conn := s.dial()
	if _, err := io.WriteString(conn, "GET /film HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-ended
	if log.String() != "" {
		t.Errorf("it tells %s", log.String())
	}
	reads := 0
	s.capable().setFail(func(op, name string) error {
		if op == "read" {
			if reads++; reads > 1 {
				return failing(op, name, 503)
			}
		}
		return nil
	})
	if a := s.do("GET", "/film", ""); a.err == nil {
		t.Errorf("a broken answer looks complete: %d, %d bytes", a.status, len(a.body))
	}
	<-ended
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "/film") {
		t.Errorf("a fault of the store is not told: %s", log.String())
	}
}
