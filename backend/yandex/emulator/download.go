package emulator

import (
	"archive/zip"
	"context"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

// downloadLink returns a link to a file's content, or to an archive of a folder.
func (e *Emulator) downloadLink(c *call) (reply, *failure) {
	n, _, fail := e.existing(c)
	if fail != nil {
		return reply{}, fail
	}
	return reply{status: http.StatusOK, body: e.downloadLinkTo(c, n, linkOwner{uid: uid, ownerUID: uid, withETag: true})}, nil
}

func (e *Emulator) downloadLinkTo(c *call, n *node, owner linkOwner) object {
	if n.isDir() {
		expiry := c.now.Add(orDefault(c.knobs.DownloadLinkLife, downloadLinkLife))
		return link(e.zipHref(c.hosts, n, expiry))
	}
	return link(e.fileLink(c, n, owner)().(string))
}

// serveDownloader checks a link and redirects the client to a storage host.
func (e *Emulator) serveDownloader(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		nginxError(w, http.StatusMethodNotAllowed)
		return
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/preview/"):
		e.servePreview(w, r)
		return
	case strings.HasPrefix(r.URL.Path, "/zip/"):
		e.serveZip(w, r)
		return
	}
	id, v := e.verify("/disk/", r.URL.Path)
	knobs := e.Knobs()
	if v != linkGood {
		nginxError(w, linkStatus(v, knobs))
		return
	}
	if knobs.NoRedirect {
		e.serveContent(w, r, id)
		return
	}
	e.counters.update(func(c *Counters) { c.Hops++ })
	expiry := strings.Split(r.URL.Path, "/")[3]
	w.Header().Set("Location", e.hostsOf(r).base(roleStorage)+e.signed("/rdisk/", expiry, id)+"?"+r.URL.RawQuery+"&ts="+e.hex(12)+"&s="+e.hex(64)+"&pb="+e.hex(40))
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(http.StatusFound)
}

func linkStatus(v verdict, k Knobs) int {
	if v == linkForged {
		return http.StatusInternalServerError
	}
	if k.LapsedStatus != 0 {
		return k.LapsedStatus
	}
	return http.StatusGone
}

// serveStorage serves content by a link from the downloader.
func (e *Emulator) serveStorage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	knobs := e.Knobs()
	if knobs.TokenRefused && r.Header.Get("Authorization") != "" {
		nginxError(w, http.StatusBadRequest)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		nginxError(w, http.StatusMethodNotAllowed)
		return
	}
	id, v := e.verify("/rdisk/", r.URL.Path)
	if v != linkGood {
		nginxError(w, linkStatus(v, knobs))
		return
	}
	e.serveContent(w, r, id)
}

// serveContent sends a version, or the requested ranges of it.
func (e *Emulator) serveContent(w http.ResponseWriter, r *http.Request, id string) {
	content := e.contents.get(id)
	if content == nil {
		nginxError(w, http.StatusGone)
		return
	}
	body, err := content.open()
	if err != nil {
		nginxError(w, http.StatusInternalServerError)
		return
	}
	defer body.Close()
	query := r.URL.Query()
	w.Header().Set("Content-Type", query.Get("content_type"))
	shown := e.served(w, content, body, query.Get("filename"))
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": query.Get("filename")}))
	w = e.countDown(w)
	if rate := e.Knobs().DownloadRate; rate > 0 {
		w = &slowWriter{ResponseWriter: w, e: e, ctx: r.Context(), rate: rate, begin: time.Now()}
	}
	http.ServeContent(w, r, "", time.Time{}, shown)
}

// countDown counts the bytes of a body as they are sent.
func (e *Emulator) countDown(w http.ResponseWriter) http.ResponseWriter {
	return &countingWriter{ResponseWriter: w, counters: &e.counters}
}

type countingWriter struct {
	http.ResponseWriter
	counters *counters
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.counters.update(func(c *Counters) { c.BytesDown += int64(n) })
	return n, err
}

func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// ReadFrom keeps the fast path of io.ReaderFrom, by which the kernel sends files.
func (w *countingWriter) ReadFrom(src io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, src)
	w.counters.update(func(c *Counters) { c.BytesDown += n })
	return n, err
}

// slowWriter limits the rate of a download.
type slowWriter struct {
	http.ResponseWriter
	e     *Emulator
	ctx   context.Context // of the request
	rate  int64           // bytes a second
	begin time.Time
	sent  int64
}

func (w *slowWriter) Write(p []byte) (written int, err error) {
	for written < len(p) && err == nil {
		step := p[written:min(len(p), written+int(max(1, w.rate/20)))]
		due := time.Duration(float64(w.sent+int64(len(step))) / float64(w.rate) * float64(time.Second))
		if !w.e.wait(w.ctx, due-time.Since(w.begin)) {
			return written, errStopped
		}
		var n int
		n, err = w.ResponseWriter.Write(step)
		written += n
		w.sent += int64(n)
	}
	return written, err
}

func (e *Emulator) zipHref(h hosts, n *node, expiry time.Time) string {
	base := h.base(roleDownloader)
	if h.yandex {
		base = "https://zipper-external.disk.yandex.net"
	}
	return base + e.signed("/zip/", unixHex(expiry), n.id)
}

// serveZip sends a folder as an archive made while it is sent: its length is
// not known and it cannot be resumed.
func (e *Emulator) serveZip(w http.ResponseWriter, r *http.Request) {
	id, v := e.verify("/zip/", r.URL.Path)
	if v != linkGood {
		nginxError(w, linkStatus(v, e.Knobs()))
		return
	}
	name, entries := e.zipEntries(id)
	if entries == nil {
		nginxError(w, http.StatusGone)
		return
	}
	w.Header().Set("Content-Type", "application/zip")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name + ".zip"}))
	archive := zip.NewWriter(e.countDown(w))
	for _, entry := range entries {
		part, err := archive.Create(entry.name)
		if err == nil && entry.content != nil {
			err = copyContent(part, entry.content)
		}
		if err != nil {
			abort()
		}
	}
	archive.Close()
}

type zipEntry struct {
	name    string
	content *content // nil for a folder
}

// zipEntries returns everything below the folder with the id, by names relative
// to it.
func (e *Emulator) zipEntries(id string) (name string, entries []zipEntry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.disk.root.walk(func(folder *node) {
		if folder.id != id {
			return
		}
		name = folder.name
		entries = []zipEntry{}
		prefix := strings.TrimSuffix(e.disk.path(folder), "/")
		folder.walk(func(n *node) {
			inside := folder.name + strings.TrimPrefix(strings.TrimSuffix(e.disk.path(n), "/"), prefix)
			if n.isDir() {
				inside += "/"
			}
			entries = append(entries, zipEntry{inside, n.content})
		})
	})
	return name, entries
}

func copyContent(w io.Writer, c *content) error {
	body, err := c.open()
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = io.Copy(w, body)
	return err
}
