// Package s3 keeps files in a bucket of an S3 server: Amazon S3, Cloudflare R2,
// MinIO, Ceph, versitygw.
//
// S3 knows keys and no folders. A folder is a prefix that ends in a slash: it
// is there if a key begins with it. Mkdir stores an empty object of that very
// key, its marker, so that a folder without files exists; folders that other
// programs made without markers are seen, and get one when the last of their
// content goes.
//
// Content is stored in one step, by one PUT or by completing an upload in
// parts. What else a server does, it says nowhere: whether it checks conditions,
// whether an upload that breaks off spares the old content, whether entity tags
// are hashes. So a server is tried out when a bucket is opened for the first time
// (probe.go), with one small object that is removed again; the result is
// declared (see [backend.Capabilities]) and kept for a week.
//
// A move is copies and deletions. It is in a journal, as the copy and the removal
// of a folder are: one that was cut short is finished or taken back, before its
// names are seen again or by the next process.
//
// Files are in one of these:
//
//   - config.go, features.go, probe.go: opening, and what the server can do
//   - client.go, errors.go: requests and their errors
//   - s3.go, entry.go, content.go, put.go, parts.go, remove.go: files and folders
//   - copy.go, move.go: copies and moves
//   - journal.go, recover.go: what was cut short
package s3
