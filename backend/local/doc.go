// Package local is a store made of a folder of this machine.
//
//	b, err := local.New("/srv/data", local.Options{})
//	if err != nil { … }
//	defer b.Close()
//
// # Confinement
//
// All access goes through an [os.Root]: no name, and no symbolic link, leads
// out of the folder. A link to something within it is followed. A link that
// leads out, or nowhere, and what is neither file nor folder (a socket, a
// device) is not listed and cannot be opened (fs.ErrPermission, or
// fs.ErrNotExist for a link to nothing). A link to a folder that it lies in
// itself is not listed, because a walk would never end.
//
// # Whole or not at all
//
// A file is written beside its target under a hidden name, brought to the
// disk (fsync), and renamed; then the folder is brought to the disk. A tree
// is removed and copied under such a name too, so that at no moment a part of
// it is seen. Names that begin with ".~davdisk-" are never listed and cannot
// be asked for; what a killed process has left of them is
// removed by the next one that opens the folder, and by listings. A lock (flock)
// reports whether a process is still at work; where there is none, as on Windows,
// an age of a day does.
//
// Until it has its name a file can be read by nobody else. Then it has the
// permission bits of the one it replaces, and its owner if this process runs as
// root; access control lists and extended attributes are not kept.
//
// # Versions
//
// A hash of every file would cost reading it, so the version of a file is
// made of its identity (inode), its size, its modification time and the time
// of its last change of any kind, which no program can set back. It survives
// Move and SetModTime, as long as the Backend is open; after another program
// has renamed or touched the file it is another version though the bytes may
// be the same. What escapes it is a second write of the same length within
// one tick of the file system's clock. Windows tells only size and
// modification time without opening the file, so there a program that writes
// in place and puts the time back is missed too.
//
// # What it has not
//
// There is no trash: what is removed is gone. Conditions (IfAbsent, IfVersion,
// a Move that must not overwrite) are kept among all users of one Backend;
// another program may slip in between, except for IfAbsent where the file
// system has hard links.
//
// A name that is not valid UTF-8 is not listed. A folder with something in it,
// or deeper, that is not listed cannot be removed (backend.ErrNotEmpty): who
// asks for that has not seen it. It can be moved. A link that is removed by its
// own name is gone, what it leads to stays.
package local
