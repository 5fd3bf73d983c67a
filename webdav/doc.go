// Package webdav serves any afero.Fs, and any FileSystem of
// golang.org/x/net/webdav, over WebDAV (RFC 4918, classes 1 and 2) so that it
// behaves like a local disk in file managers and in programs with WebDAV
// support.
//
//	handler, err := webdav.NewHandler(fs, webdav.WithState(dir)) // or New
//	if err != nil { … }
//	defer handler.Close()
//	http.ListenAndServe("127.0.0.1:8080", handler)
//
// The handler implements the protocol alone. Users, limits, deadlines, the
// access check and the access log are in the package webdav/server, which wraps
// this or any other handler, and the page for browsers is in webdav/page. A
// share that others can reach needs the former: the handler alone serves every
// client.
//
// A handler must be the root handler of its server: an [http.ServeMux] in front
// of it redirects between /x and /x/, which breaks every mount. Set
// DisableGeneralOptionsHandler of the server to let it answer OPTIONS * as
// well, which net/http answers without DAV otherwise.
//
// # What a response means
//
// 2xx: done and stored. 4xx: refused, nothing changed. 5xx or no response: the
// old or the new content is there, whole, never a mixture. A 207 of DELETE,
// COPY or MOVE names the resources in the way; nothing was changed then either.
//
// # The file system
//
// Every afero.Fs is served. Names are absolute, slash-separated and clean. A
// write goes to a temporary sibling and is renamed over the target, so the old
// content stays until the new one is complete. A file system that can do better
// declares it by optional methods, its abilities ([ContextBinder], [Confiner],
// [Putter], [Mover], [Copier], [Deleter], [Usager], [FolderUsager],
// [Propertier]): it may be bound to the context of a request, write atomically,
// copy and move in one step, report its space, and keep properties; its
// fs.FileInfo may have an entity tag ([ETager]), a content type, a creation
// date, checksums and properties, its errors an HTTP status. The signatures use
// only types of the standard library and of afero.
//
// # Replacing golang.org/x/net/webdav
//
// [New] takes a FileSystem of that package, and honors its ETager,
// ContentTyper and DeadPropsHolder. x/net has no call that sets a modification
// time, so those requested by clients are not kept; and none that keeps a user
// with a root folder from following a link out of it, as Dir does. [FromAfero]
// and [NewLockSystem] are for programs that stay with x/net's handler. A
// LockSystem is not accepted: it cannot list its locks. Deliberate differences:
//
//	                                   x/net          here
//	PUT over a file                    201            204
//	PUT to the root or a folder        404            405
//	PUT to a name that LOCK made       201            204
//	PUT whose body breaks off          stores a part  keeps the old content
//	the displayname of the root        empty          none (404)
//	MOVE without Overwrite             as if F        as if T (RFC 4918)
//	MOVE, COPY over something          deletes first  replaces in one step
//	If-Match, If-None-Match on writes  not judged     judged
//	PROPFIND with Depth infinity       answered       403, or WithDepthInfinity
//	shared locks, lockdiscovery        none           as in RFC 4918
//	LOCK of a free name                makes a file   stores nothing until a PUT
//	locks                              in memory      WithState; an hour at most
//	DELETE of the root                 as the fs has  403
//	GET of a folder                    405            its entries, or WithPage
//	a query in an address that changes ignored        400
//
// # A request
//
// A request passes, each in a file of its own, the path and the Destination,
// conditions and locks, and then its method; errors become statuses in one
// place (status.go).
package webdav
