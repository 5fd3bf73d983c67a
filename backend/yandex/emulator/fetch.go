package emulator

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// AddFake registers the content that uploads from an address receive. Of
// other addresses only those of this machine are ever contacted.
func (e *Emulator) AddFake(address string, data []byte) error {
	sink, err := e.contents.newSink()
	if err != nil {
		return err
	}
	if _, err := sink.Write(data); err != nil {
		sink.abort()
		return err
	}
	content, err := sink.commit()
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fakes[address] = content
	return nil
}

// uploadFromURL starts an upload from an address. Its errors are only visible
// in the status of the operation.
func (e *Emulator) uploadFromURL(c *call) (reply, *failure) {
	address, fail := c.required("url")
	if fail != nil {
		return reply{}, fail
	}
	p, fail := c.path("path")
	if fail != nil {
		return reply{}, fail
	}
	stay, fail := c.flag("disable_redirects")
	if fail != nil {
		return reply{}, fail
	}
	if fail := e.mayUpload(c, p, false); fail != nil {
		return reply{}, fail
	}
	op := e.newOperation(c, task{})
	op.upload = true
	u := &upload{target: p, op: op, knobs: c.knobs}
	u.knobs.Upload202 = true
	if content, known := e.known(address); known {
		e.fetched(u, content)
	} else {
		e.work.Go(func() {
			content, err := e.fetch(address, !stay, u.knobs.maxFileSize())
			if err != nil {
				e.log.Debug("upload from an address", "error", err)
			}
			e.mu.Lock()
			defer e.mu.Unlock()
			e.fetched(u, content)
		})
	}
	return reply{status: http.StatusAccepted, body: link(e.operationHref(c, op))}, nil
}

// fetched stores what was fetched, if anything was. It is called under the lock.
func (e *Emulator) fetched(u *upload, content *content) {
	if content == nil {
		u.op.status, u.op.upload = failed, false
		return
	}
	e.store(u, content)
}

// known returns the content of an address that needs no connection: a registered
// one, or a link to a host of Yandex, which is this emulator.
func (e *Emulator) known(address string) (c *content, known bool) {
	if fake := e.fakes[address]; fake != nil {
		return fake, true
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, true
	}
	role, ours := yandexRole(u.Host)
	if !ours {
		return nil, false
	}
	if id, v := e.verify("/disk/", u.Path); role == roleDownloader && v == linkGood {
		return e.contents.get(id), true
	}
	return nil, true
}

// The reasons why an address is not fetched.
var (
	errNotLocal = errors.New("only addresses of this machine and registered ones are fetched")
	errRefused  = errors.New("the address does not answer with content")
)

// fetch gets an address of this machine. Others are refused, so that no test
// reaches the network.
func (e *Emulator) fetch(address string, follow bool, limit int64) (*content, error) {
	req, err := http.NewRequestWithContext(e.stop, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := localClient(follow).Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errRefused
	}
	sink, err := e.contents.newSink()
	if err != nil {
		return nil, err
	}
	if n, err := io.Copy(sink, io.LimitReader(resp.Body, limit+1)); err != nil || n > limit {
		sink.abort()
		return nil, errors.Join(errRefused, err)
	}
	return sink.commit()
}

// localClient connects to this machine only, even after redirects, and uses
// no proxy.
func localClient(follow bool) *http.Client {
	dialer := &net.Dialer{Timeout: 10 * time.Second, ControlContext: onlyLoopback}
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}}
	if !follow {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return client
}
