// Package sftp is a store on an SFTP server (SSH File Transfer Protocol,
// version 3, as OpenSSH has it).
//
//	b, err := sftp.New(ctx, sftp.Options{Host: "nas.example.org", User: "me", Folder: "Documents"})
//	if err != nil { … }
//	defer b.Close()
//
// # Whole or not at all
//
// A file is written under a hidden name beside its target, brought to the disk
// (fsync@openssh.com), measured, and renamed over the target in one step
// (posix-rename@openssh.com). A server without posix-rename cannot do the last:
// the old file steps aside first, and NoAtomicOverwrite is declared. A server
// without fsync loses in a power cut what it has not yet written by itself.
// Folders cannot be synced over SFTP: after a power cut of the server a rename
// may be undone, which leaves the old content.
//
// A tree is removed under a hidden name too, so that a part of it is never
// visible. Names that begin with ".~davdisk-" are never listed and cannot be
// used; those left by a killed process are removed by a later listing, a day
// after their last change.
//
// # A lost connection
//
// The next call connects anew. A call that only looks is made again. A change
// whose answer was lost is judged: the driver looks whether it was carried out,
// and only if not, issues it again. What cannot be found out is
// backend.ErrUncertain.
//
// # Versions
//
// The protocol reports sizes, and modification times in whole seconds, and
// nothing that identifies a file. The version of a file is made of its name,
// its size and its time. What one Backend changes keeps versions apart all the
// same: a file that replaces one of the same size and time becomes a second
// younger. A write of the same length within the same second by another program
// is missed. After a restart a file that was moved, or whose time was set, has
// another version.
//
// # Conditions
//
// IfVersion and a Move that must not overwrite are checked just before the
// rename, among all users of one Backend; another program may slip in between.
// IfAbsent is atomic where the server makes hard links (hardlink@openssh.com).
//
// # Links
//
// Symbolic links are not followed, so that nothing leads out of the root; they
// are not listed. Neither is what is neither a file nor a folder, nor a name
// that is not UTF-8. A folder that contains such a thing, at any depth, cannot
// be removed (backend.ErrNotEmpty), because the caller has not seen it. The
// kind of a folder is remembered for ten seconds, in which another program may
// replace it by a link.
package sftp
