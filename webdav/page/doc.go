// Package page shows a file system in a browser: a plain list of each folder, and
// on top of it a file manager that needs scripts. It is passed to the handler:
//
//	shown, err := page.New()
//	if err != nil { … }
//	handler, err := webdav.NewHandler(fs, webdav.WithPage(shown))
//
// # Design
//
// The URL of a folder is its path, with or without scripts. The handler
// calls ServeFolder, which writes list.html: at most 500 names a page, plain
// links, readable without a script. The script in static (ES modules and one
// style sheet, embedded as they are, no build step) replaces the list and
// uses the JSON interface.
//
// Files go by WebDAV to the handler itself: GET, PUT with If-None-Match or
// If-Match, MKCOL, MOVE, COPY, DELETE. So the page works on any file system,
// and obeys the same locks, rights and conditions as other clients. What WebDAV
// cannot express uses the interface below "/.davdisk/api/" (docs/page-api.md):
// the listing in one request, search, ZIP, and what a [Store] can do beyond a
// file system. Abilities that a store lacks are not offered.
//
// # Security
//
// Names are untrusted. On the server they pass html/template, in the browser they
// are only ever the text of a node. A Content-Security-Policy with
// a nonce for each answer allows the page's own module and what that imports,
// no inline script and nothing from elsewhere; files of the share are served by
// the handler under a policy that runs no script, so that none of them can act
// with the viewer's rights. A change by the JSON interface must prove that it
// was sent by a page of this origin: by the header X-Davdisk, which neither a form
// nor a page of another origin can send, and by Sec-Fetch-Site or Origin.
package page
