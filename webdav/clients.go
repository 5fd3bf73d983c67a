package webdav

import (
	"net/http"
	"strings"
)

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

// forClient gives an error the form in which a client understands it.
//
// Finder (webdavfs) takes every 5xx but 507 to mean that there is no such file,
// and drops it, with all below it, from its cache: a passing trouble of the
// store would empty a window (apple-oss-distributions/webdavfs). 423 it
// takes for busy. So a read that fails for it is 423; a write, which may have
// been done, stays what it is.
func forClient(req *http.Request, err error) error {
	code, _ := statusOf(err)
	isRead := req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == "PROPFIND"
	if isRead && code >= 500 && code != http.StatusInsufficientStorage && strings.HasPrefix(req.UserAgent(), "WebDAVFS/") {
		return &refusal{status: http.StatusLocked, reason: "the store cannot be reached at the moment", cause: err}
	}
	return err
}
