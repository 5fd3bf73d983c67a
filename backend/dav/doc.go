// Package dav keeps files on a WebDAV server (RFC 4918): Nextcloud, Koofr, a
// NAS, davdisk itself.
//
// Servers differ in what they do with an upload that breaks off, and in when
// they check conditions, and none of them says so. So a server is tried out when
// it is opened for the first time (probe.go), with two small files that are
// removed again, and the result is declared (see [backend.Capabilities]) and
// kept for a week.
//
// The entity tag of a file is its version, or else size and time are. Where the
// tag is weak or missing, conditions are checked by a request just before. A
// request that may have taken effect although there was no response is
// looked at before it is repeated.
//
// Files are in one of these:
//
//   - config.go, probe.go, features.go: opening, and what the server can do
//   - client.go, errors.go, address.go, multistatus.go: HTTP and its errors, names, XML
//   - dav.go, content.go, put.go, temp.go, move.go, copy.go, remove.go: the seven
//     methods and copies
//   - times.go, usage.go: what only some servers can do
package dav
