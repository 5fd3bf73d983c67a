package webdav

import (
	"net/http"
	"strings"
)

// fileManagers are the prefixes of the User-Agent of the programs that leave
// files of their own in every folder they show. LitterLocal keeps only their
// files aside: a backup program that stores a desktop.ini means it.
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

// forClient maps an error to a status that the client understands.
//
// Finder (webdavfs) takes every 5xx but 507 to mean that there is no such file,
// and drops it, with everything below it, from its cache: a temporary fault of
// the store would empty a window (apple-oss-distributions/webdavfs). It takes
// 423 to mean busy. So a failed read is 423 for Finder; a write, which may have
// been carried out, keeps its status.
func forClient(req *http.Request, err error) error {
	code, _ := statusOf(err)
	isRead := req.Method == http.MethodGet || req.Method == http.MethodHead || req.Method == "PROPFIND"
	if isRead && code >= 500 && code != http.StatusInsufficientStorage && strings.HasPrefix(req.UserAgent(), "WebDAVFS/") {
		return &statusError{status: http.StatusLocked, reason: "the store cannot be reached at the moment", cause: err}
	}
	return err
}

// wantsLockNull reports whether a client is to see a name that is locked and not
// stored yet as RFC 2518 had it (section 7.4), and as Apache has it still: LOCK
// is answered 200, and nothing is there.
//
// davfs2 sets the executable bit of a new file by a PROPPATCH after its first
// PUT, which it leaves out if the answer to LOCK was 201: the file exists, then,
// and has no bit to be set (davfs2 1.6.1). Every script of a git clone would lose
// it. After 200 it sends the file with If-None-Match: *.
func wantsLockNull(req *http.Request) bool { return isDavfs2(req) }

// wantsExactNames reports whether a client takes names that differ in their
// Unicode normalization for different ones. davfs2 makes a file of each name
// that a program gives it, and sends names as they were listed.
func wantsExactNames(req *http.Request) bool { return isDavfs2(req) }

func isDavfs2(req *http.Request) bool { return strings.HasPrefix(req.UserAgent(), "davfs2/") }

// hidesPlaceholders reports whether nothing is to be seen where there is only a
// placeholder.
func (r *request) hidesPlaceholders() bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, "PROPFIND":
		return wantsLockNull(r.Request)
	}
	return false
}
