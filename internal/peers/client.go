package main

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// A client makes requests to a server. An answer that is not what it has to be is
// an error.
type client struct {
	base string // ends in a slash
	http *http.Client
}

func newClient(base string) *client {
	return &client{base: base, http: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 256, WriteBufferSize: 256 << 10, ReadBufferSize: 256 << 10,
		DisableCompression: true, // which not every server has
	}}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// do makes a request whose answer has one of the statuses. The caller closes the
// body.
func (c *client) do(ctx context.Context, method, name string, body io.Reader, size int64, header http.Header, want ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+escape(name), body)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	req.ContentLength = size
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(want, res.StatusCode) {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 500))
		res.Body.Close()
		return nil, fmt.Errorf("%s %s is answered %s\n%s", method, name, res.Status, text)
	}
	return res, nil
}

// simple makes a request of which only the status matters.
func (c *client) simple(ctx context.Context, method, name string, header http.Header, want ...int) error {
	res, err := c.do(ctx, method, name, nil, 0, header, want...)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// get reads a file and compares it.
func (c *client) get(ctx context.Context, name string, want content) error {
	res, err := c.do(ctx, http.MethodGet, name, nil, 0, nil, http.StatusOK)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := want.compare(res.Body); err != nil {
		return fmt.Errorf("GET %s: %w", name, err)
	}
	return nil
}

// getRange reads a part of a file and compares it.
func (c *client) getRange(ctx context.Context, name string, whole content, offset, length int64) error {
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", offset, offset+length-1)}}
	res, err := c.do(ctx, http.MethodGet, name, nil, 0, header, http.StatusPartialContent)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := whole.section(offset, length).compare(res.Body); err != nil {
		return fmt.Errorf("GET %s from %d on: %w", name, offset, err)
	}
	return nil
}

// put stores a file.
func (c *client) put(ctx context.Context, name string, what content) error {
	res, err := c.do(ctx, http.MethodPut, name, what.reader(), what.size, nil, http.StatusCreated, http.StatusNoContent)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// A listing is an answer to PROPFIND as it came, which is looked at later: its
// bytes are what a server is measured by.
type listing []byte

const (
	allProperties  = `<?xml version="1.0"?><propfind xmlns="DAV:"><allprop/></propfind>`
	fiveProperties = `<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/>` +
		`<getlastmodified/><getetag/><creationdate/></prop></propfind>`
)

// list reads the description of a folder and of what it holds.
func (c *client) list(ctx context.Context, name, body string) (listing, error) {
	res, err := c.do(ctx, "PROPFIND", name, strings.NewReader(body), int64(len(body)),
		http.Header{"Depth": {"1"}, "Content-Type": {"application/xml"}}, http.StatusMultiStatus)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	return io.ReadAll(res.Body)
}

// holds reports whether the listing describes a folder and n files and folders in
// it, each with properties.
func (l listing) holds(n int) error {
	var answer struct {
		Responses []struct {
			Href      string `xml:"DAV: href"`
			Propstats []struct {
				Status string `xml:"DAV: status"`
				Prop   struct {
					Modified string `xml:"DAV: getlastmodified"`
				} `xml:"DAV: prop"`
			} `xml:"DAV: propstat"`
		} `xml:"DAV: response"`
	}
	if err := xml.Unmarshal(l, &answer); err != nil {
		return fmt.Errorf("PROPFIND: %w", err)
	}
	seen := map[string]bool{}
	for _, r := range answer.Responses {
		for _, p := range r.Propstats {
			if strings.Contains(p.Status, " 200") && p.Prop.Modified != "" {
				seen[r.Href] = true
			}
		}
	}
	if len(seen) != n+1 {
		return fmt.Errorf("PROPFIND describes %d files and folders in place of %d", len(seen), n+1)
	}
	return nil
}

const lockBody = `<?xml version="1.0"?><lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype>` +
	`<owner><href>peers</href></owner></lockinfo>`

// lockAndUnlock locks a file and takes the lock back.
func (c *client) lockAndUnlock(ctx context.Context, name string) error {
	res, err := c.do(ctx, "LOCK", name, strings.NewReader(lockBody), int64(len(lockBody)),
		http.Header{"Depth": {"0"}, "Timeout": {"Second-600"}, "Content-Type": {"application/xml"}}, http.StatusOK)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if err != nil {
		return err
	}
	token := res.Header.Get("Lock-Token")
	if token == "" {
		return errors.New("LOCK is answered without a token")
	}
	return c.simple(ctx, "UNLOCK", name, http.Header{"Lock-Token": {token}}, http.StatusNoContent)
}

// parallel does n pieces of work, at most clients at the same time.
func parallel(ctx context.Context, clients, n int, work func(ctx context.Context, i int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error { return work(ctx, i) })
	}
	return group.Wait()
}
