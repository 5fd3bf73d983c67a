// Package page is the disk in a browser: a list of each folder that a server
// without scripts would write, and on top of it a file manager. It is handed to
// the handler:
//
//	shown, err := page.New()
//	if err != nil { … }
//	handler, err := webdav.NewHandler(fs, webdav.WithPage(shown))
//
// # How it is built
//
// The address of a folder is its path, with a script or without. The handler
// calls ServeFolder, which writes list.html: at most 500 names a page, plain
// links, readable without a script. The script in static (ES modules and one
// style sheet, embedded as they are, no build step) takes the list over and
// asks the rest of the JSON interface.
//
// Files go by WebDAV to the handler itself: GET, PUT with If-None-Match or
// If-Match, MKCOL, MOVE, COPY, DELETE. So the page works on any file system,
// and obeys the same locks, rights and conditions as other clients. What WebDAV
// cannot say goes by the interface below "/.davdisk/api/" (docs/page-api.md):
// the listing in one request, search, ZIP, and what a [Store] can do beyond a
// file system. What it cannot do does not show.
//
// # How it is safe
//
// Names are other people's. On the server they pass html/template, in the
// browser they are only ever the text of a node. A Content-Security-Policy with
// a nonce for each answer allows the page's own module and what that imports,
// no inline script and nothing from elsewhere; files of the share are served by
// the handler under a policy that runs no script, so that none of them can act
// with the viewer's rights. A change by the JSON interface needs a proof that a
// page of this origin has sent it: the header X-Davdisk, which no form can send
// and no foreign page without being allowed to, and Sec-Fetch-Site or Origin.
package page
