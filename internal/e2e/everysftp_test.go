package e2e

import (
	"bytes"
	wire "encoding/binary"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/sftp"
	"github.com/davdisk/davdisk/internal/sshtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// sftpFailures are the ways in which an SFTP server, or the way to it, fails. What
// it answers is believed: a failure means that the call had no effect.
var sftpFailures = map[string]failure{
	"cut":                  {},
	"cut in the call":      {before: inCall},
	"cut after a while":    {before: late},
	"cut after the effect": {after: true},
	"half an answer":       {before: inAnswer, after: true},
	"denied":               {status: 403},
	"failure":              {status: 500},
}

// TestEveryFaultOverSFTP is TestEveryFault over an SFTP server.
func TestEveryFaultOverSFTP(t *testing.T) {
	testlevel.NeedMore(t)
	start := func(t *testing.T, files map[string]string) *faultyServer {
		keeps := &folder{dir: t.TempDir()}
		f := newFaultyServer(t, keeps, files)
		f.partly = true
		host := sshtest.Start(t, func(s *sshtest.Server) {
			serve := s.Serve
			s.Serve = func(channel io.ReadWriteCloser) {
				c := newBreakingChannel(f, channel)
				defer c.end()
				serve(c)
			}
		})
		f.connect = func() (backend.Backend, error) {
			return sftp.New(t.Context(), sftp.Options{
				Host: "127.0.0.1", Port: host.Addr.Port, User: sshtest.User, Password: sshtest.Password,
				KnownHosts: host.KnownHosts(), Folder: keeps.dir,
				Now: func() time.Time {
					if f.tired.Load() {
						return time.Now().Add(25 * time.Hour)
					}
					return time.Now()
				},
			})
		}
		return f
	}
	everyFault(t, scenarios, start, 149, sftpFailures)
}

// A breakingChannel lets calls of SFTP fail as the faultyServer says: what the
// server reads from it are whole packets of which some are left out, or are the
// last ones; and so are those that it writes.
type breakingChannel struct {
	f       *faultyServer
	channel io.ReadWriteCloser
	calls   bytes.Buffer // to be read by the server

	mu      sync.Mutex // guards what follows, and writing
	answers bytes.Buffer
	fail    map[uint32]failure // of the answers to calls
	done    map[uint32]func()  // ends the work at a call
}

func newBreakingChannel(f *faultyServer, channel io.ReadWriteCloser) *breakingChannel {
	return &breakingChannel{f: f, channel: channel, fail: map[uint32]failure{}, done: map[uint32]func(){}}
}

// sftpCalls are the types of the calls by which they are counted.
var sftpCalls = map[byte]string{
	3: "open", 4: "close", 5: "read", 6: "write", 7: "lstat", 8: "fstat", 9: "setstat", 10: "fsetstat", 11: "opendir", 12: "readdir",
	13: "remove", 14: "mkdir", 15: "rmdir", 16: "realpath", 17: "stat", 18: "rename", 200: "extended",
}

// Read hands on the next call that does not fail before it has its effect.
func (c *breakingChannel) Read(p []byte) (int, error) {
	for c.calls.Len() == 0 {
		packet, err := readPacket(c.channel)
		if err != nil {
			return 0, err
		}
		how := c.call(packet)
		switch {
		case how == nil, how.after:
			c.begin(packet)
			c.calls.Write(packet)
		case how.status != 0:
			if err := c.answer(packet, how.status); err != nil {
				return 0, err
			}
		default:
			if how.before == late {
				time.Sleep(20 * time.Millisecond)
			}
			c.channel.Close()
			if how.before == inCall {
				c.calls.Write(packet[:len(packet)/2])
				break
			}
			return 0, io.ErrUnexpectedEOF
		}
	}
	return c.calls.Read(p)
}

// call counts a call, and returns how it fails.
func (c *breakingChannel) call(packet []byte) *failure {
	kind, known := sftpCalls[packet[4]]
	if !known || len(packet) < 9 {
		return nil
	}
	how := c.f.hit(kind)
	if how != nil && how.after {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.fail[wire.BigEndian.Uint32(packet[5:])] = *how
	}
	return how
}

// begin marks the server as at work at a call, until it answers or ends.
func (c *breakingChannel) begin(packet []byte) {
	if len(packet) < 9 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done[wire.BigEndian.Uint32(packet[5:])] = c.f.works()
}

// end is called when the server is done.
func (c *breakingChannel) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, done := range c.done {
		done()
	}
	clear(c.done)
}

// answer answers a call with a status.
func (c *breakingChannel) answer(packet []byte, status int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.channel.Write(statusPacket(packet[5:9], status))
	return err
}

// statusPacket is SFTP's for an HTTP status.
func statusPacket(id []byte, status int) []byte {
	message := fmt.Sprint("failure ", status)
	status = map[int]int{403: 3, 500: 4}[status]
	body := append([]byte{101}, id...)
	body = wire.BigEndian.AppendUint32(body, uint32(status))
	body = wire.BigEndian.AppendUint32(body, uint32(len(message)))
	body = append(body, message...)
	body = wire.BigEndian.AppendUint32(body, 0) // no language
	return append(wire.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// Write hands on whole answers.
func (c *breakingChannel) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers.Write(p)
	for {
		have := c.answers.Bytes()
		if len(have) < 4 || len(have) < 4+int(wire.BigEndian.Uint32(have)) {
			return len(p), nil
		}
		packet := bytes.Clone(c.answers.Next(4 + int(wire.BigEndian.Uint32(have))))
		how, fails := failure{}, false
		if len(packet) >= 9 {
			id := wire.BigEndian.Uint32(packet[5:])
			how, fails = c.fail[id]
			if done := c.done[id]; done != nil {
				delete(c.done, id)
				defer done()
			}
		}
		if fails {
			if how.before == inAnswer {
				_, _ = c.channel.Write(packet[:len(packet)/2])
			}
			c.channel.Close()
			return 0, io.ErrClosedPipe
		}
		if _, err := c.channel.Write(packet); err != nil {
			return 0, err
		}
	}
}

func (c *breakingChannel) Close() error { return c.channel.Close() }

// readPacket reads a packet with its length.
func readPacket(r io.Reader) ([]byte, error) {
	packet := make([]byte, 4)
	if _, err := io.ReadFull(r, packet); err != nil {
		return nil, err
	}
	packet = append(packet, make([]byte, wire.BigEndian.Uint32(packet))...)
	_, err := io.ReadFull(r, packet[4:])
	return packet, err
}
