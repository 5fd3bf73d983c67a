// Package webdav serves any afero.Fs over WebDAV (RFC 4918, classes 1 and 2)
// so that it behaves like a local disk in file managers and in the programs
// that ask for a WebDAV address.
//
//	handler, err := webdav.NewHandler(fs, webdav.WithState(dir))
//	if err != nil { … }
//	defer handler.Close()
//	http.ListenAndServe("127.0.0.1:8080", handler)
//
// The handler is the protocol alone. Users, limits, deadlines, the access check
// and the access log are in the package webdav/server, which stands around this
// or any other handler, and the page for browsers in webdav/page. A share that
// others can reach needs the first: by itself the handler serves whoever asks.
//
// A handler must be the root of its server: an [http.ServeMux] in front of it
// redirects between /x and /x/, and that ends every mount. A server whose
// DisableGeneralOptionsHandler is set lets it answer OPTIONS * as well, which
// net/http answers without DAV otherwise.
//
// # What an answer means
//
// 2xx: done and stored. 4xx: refused, nothing changed. 5xx or no answer: the
// old content or the new is there, whole, never a mixture. A 207 of DELETE,
// COPY or MOVE names what stood in the way; then nothing was changed either.
//
// # The file system
//
// Every afero.Fs is served. Names are absolute, slash-separated and clean. A
// write goes to a temporary sibling and is renamed over the target, so the old
// content stays until the new one is whole. A file system that can do better
// says so by methods of its own, its abilities ([ContextBinder], [Putter],
// [Mover], [Copier], [Deleter], [Usager], [Propertier]): it may be bound to the
// context of a request, write all or nothing, copy and move in one step, know
// its space, and keep properties; its fs.FileInfo may have an entity tag
// ([ETager]), a content type, a creation date, checksums and properties, its
// errors an HTTP status. The signatures use only types of the standard library
// and of afero.
//
// # A request
//
// A request passes, each in a file of its own: the path and the Destination,
// conditions and locks, and then its method; errors become statuses in one
// place (status.go).
package webdav
