package webdav

import "strings"

// fileManagers are the beginnings of the User-Agent of the programs that strew
// files of their own over every folder they show. Only theirs are kept aside
// by LitterLocal: a backup program that stores a desktop.ini means it.
//
// Finder mounts with webdavfs, and looks for "._NAME" beside every file;
// Windows Explorer mounts with the mini-redirector, and looks for desktop.ini
// and Thumbs.db in every folder.
var fileManagers = [...]string{"WebDAVFS/", "WebDAVLib/", "Microsoft-WebDAV-MiniRedir/"}

func isFileManager(userAgent string) bool {
	for _, prefix := range fileManagers {
		if strings.HasPrefix(userAgent, prefix) {
			return true
		}
	}
	return false
}
