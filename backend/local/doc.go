// Package local is a store made of a folder of this machine.
//
//	b, err := local.New("/srv/data", local.Options{})
//	if err != nil { … }
//	defer b.Close()
//
// # Confinement
//
// All access goes through an [os.Root], except that Linux itself confines the
// opening of a file by its whole path (openat2): no name, and no symbolic link,
// leads out of the folder. A link to a target inside is followed. A link that
// leads out, a broken link, and what is neither file nor folder (a socket, a
// device) are not listed and cannot be opened (fs.ErrPermission, or
// fs.ErrNotExist for a broken link). A link to a folder that contains it is not
// listed, because a walk would never end.
//
// # Whole or not at all
//
// A file is written beside its target under a hidden name, synced, and renamed;
// then the folder is synced. A tree is removed and copied under such a name
// too, so that a part of it is never visible. Names that begin with
// ".~davdisk-" are never listed and cannot be used; those left by a killed
// process are removed by the next one that opens the folder, and by listings. A
// lock (flock) shows whether a process still uses one; without locks, as on
// Windows, one is stale after a day. One that PutResumable keeps is stale after a
// week.
//
// Until it is renamed a file is private. Then it gets the permission bits of
// the one it replaces, and its owner if this process runs as root; access
// control lists and extended attributes are not kept.
//
// # Versions
//
// A hash of every file would cost reading it, so the version of a file is made
// of its identity (inode), its size, its modification time and the time of its
// last change of any kind, which no program can set back. It survives Move and
// SetModTime, as long as the Backend is open; after another program has renamed
// or touched the file it is another version though the bytes may be the same.
// It misses a second write of the same length within one tick of the file
// system's clock. Windows reports only size and modification time without
// opening the file, so there a program that writes in place and resets the time
// is missed too.
//
// # What it has not
//
// There is no trash: what is removed is gone. Conditions (IfAbsent, IfVersion,
// a Move that must not overwrite) are kept among all users of one Backend;
// another program may slip in between, except for IfAbsent where the file
// system has hard links.
//
// A name that is not valid UTF-8 is not listed. A folder that contains, at any
// depth, something that is not listed cannot be removed (backend.ErrNotEmpty),
// because the caller has not seen it. It can be moved. Removing a link keeps
// its target.
package local
