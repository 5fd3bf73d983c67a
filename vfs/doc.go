// Package vfs makes a file system ([github.com/spf13/afero.Fs]) of a store
// ([github.com/davdisk/davdisk/backend.Backend]).
//
//	f, err := vfs.New(store, vfs.WithStateDir(dir))
//	if err != nil { … }
//	defer f.Close()
//	err = afero.WriteFile(f, "/notes/todo.txt", []byte("ship it"), 0o644)
//
// A store keeps whole files under names. What programs expect beyond that is
// made here: open files that are read and written anywhere, names that may be
// relative and unclean, a memory of what is in which folder, and operations
// that a store cannot do in one step. An [FS] has more than afero asks for:
// [FS.Put] stores a file whole, [FS.Move], [FS.Copy] and [FS.Delete] work on
// trees, [FS.WithContext] binds all of it to a context.
//
// # What is promised
//
// Nothing is destroyed or cut short. A file that is opened for writing, and
// even truncated, stays in the store as it was until Close has stored the new
// content whole; if that fails, or Abort is called, the old content stays. Nil
// from Close, Put, Move, Copy or Delete means done and stored. A trouble of
// the store is never told as "not there".
//
// # Open files
//
// All handles on one file of one FS share it: what one has written the others
// see at once, also before it is stored. Handles follow a rename. A file that
// is removed while it is open can be used until it is closed, and does not
// come back. A file that is only read shows the version that was there when it
// was opened, from begin to end, or fails with backend.ErrChanged. A change of
// a part of a file is stored only if nobody else has stored another version
// meanwhile (backend.ErrChanged).
//
// Read streams: it asks the store for all the rest of the file at once. ReadAt
// asks for pieces that grow while it reads on. Writing goes to memory, up to 8
// MiB, then to a temporary file; Put of a larger body whose size is known goes
// to the store while it comes in.
//
// # What is remembered
//
// Listings are remembered and answer what is there and what is not. They are
// believed for one poll interval, and then for another as long as the
// revision of the store, asked for once an interval while there is use, has
// not moved. Our own changes are applied to them at once. Changes made
// elsewhere are seen after one poll interval at the latest, or after the time
// of [WithDirCache] with a store that has no revision. [WithCacheDir] keeps
// content, too.
//
// # Write-back
//
// With [WithWriteBack] nil from Close and Put means that the content is on the
// disk of this machine, from where it is stored in the background, after a
// crash by the next FS with that state folder. It is seen at once, with the
// entity tag that it keeps. What else is done to a file that waits, but for
// removing it, waits for it. If somebody else has changed it in the store
// meanwhile, it is stored beside it: "NAME (davdisk conflict TIME).ext".
//
// # What is not there
//
// Stores have no permissions and no owners: Chmod and Chown fail with
// [errors.ErrUnsupported]. Only modification times can be set. Names are UTF-8
// of at most 255 characters between slashes.
//
// # How it is built
//
// One file for each concern: open.go decides what opening means; node.go is
// an open file, which the handles in file.go and dir.go share; read.go reads
// what is stored; put.go, move.go and remove.go change the tree; replace.go,
// with journal.go, puts something in the place of a folder without deleting
// first; lookup.go joins what is stored with what is still being written.
// Write-back is a store in front of the store, which queue.go puts there.
// Locks are taken in this order: names (pathlock), node.change, core.mu.
package vfs
