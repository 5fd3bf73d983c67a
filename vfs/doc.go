// Package vfs makes a file system ([github.com/spf13/afero.Fs]) of a store
// ([github.com/davdisk/davdisk/backend.Backend]).
//
//	f, err := vfs.New(store, vfs.WithStateDir(dir))
//	if err != nil { … }
//	defer f.Close()
//	err = afero.WriteFile(f, "/notes/todo.txt", []byte("ship it"), 0o644)
//
// A store keeps whole files under names. This package adds what programs
// expect beyond that: random access to open files, relative and unclean names,
// cached listings, and operations that a store cannot do in one step. An [FS]
// has more methods than afero asks for: [FS.Put] stores a whole file,
// [FS.Move], [FS.Copy] and [FS.Delete] work on trees, [FS.WithContext] binds
// all of it to a context.
//
// # Guarantees
//
// Nothing is destroyed or truncated. A file that is opened for writing, even
// with O_TRUNC, stays in the store as it was until Close has stored the whole
// new content; if that fails, or Abort is called, the old content stays. A nil
// error from Close, Put, Move, Copy or Delete means done and stored. A failure
// of the store is never reported as fs.ErrNotExist.
//
// # Open files
//
// All handles on one file of one FS share it: the others see at once what one
// has written, even before it is stored. Handles follow a rename. A file that
// is removed while it is open can be used until it is closed, and does not
// come back. A file that is only read shows the version that was there when it
// was opened, from start to end, or fails with backend.ErrChanged. A partial
// change of a file is stored only if no other client has stored another
// version meanwhile (backend.ErrChanged).
//
// Read streams: it requests all of the rest of the file at once. ReadAt
// requests ranges that grow while access is sequential. Writes go to memory, up
// to 8 MiB, then to a temporary file; Put streams a larger body of known size
// to the store while it arrives.
//
// # Caching
//
// Listings are cached and answer what exists and what does not. A listing is
// fresh for one poll interval, and for another as long as the revision of the
// store, requested at most once an interval while the FS is in use, has not
// changed. Changes made through the FS are applied to the listings at once.
// Changes made elsewhere are seen after one poll interval at the latest, or
// after the time of [WithDirCache] with a store that has no revision.
// [WithCacheDir] caches content, too.
//
// # Write-back
//
// With [WithWriteBack] a nil error from Close and Put means that the content is
// on the local disk, from where it is stored in the background, after a crash
// by the next FS with that state folder. It is visible at once, with its final
// entity tag. Any other operation on a queued file, except removing it, waits
// until it is stored. If another client has changed the file in the store
// meanwhile, ours is stored beside it: "NAME (davdisk conflict TIME).ext".
//
// # Limitations
//
// Stores have no permissions and no owners: Chmod and Chown fail with
// [errors.ErrUnsupported]. Only modification times can be set. Names are UTF-8
// of at most 255 characters between slashes.
//
// # Implementation
//
// One file for each concern: open.go interprets the flags of OpenFile; node.go
// is an open file, which the handles in file.go and dir.go share; read.go reads
// stored content; put.go, move.go and remove.go change the tree; replace.go,
// with journal.go, replaces a folder without deleting it first, and leftovers.go
// retries what could not be completed; swap.go does that beside other gateways, which
// know of it by gateways.go and replacements.go, and giveback.go puts right what one of
// them has left, takenalong.go where its folder is moved or copied; lookup.go merges what is stored with what
// is still being written. Write-back is a store in front of the store, which
// queue.go puts there. Locks are taken in this order: names (pathlock),
// node.change, core.mu.
package vfs
