package yandex

import "net/http"

// A call is one request of the API, with what may be repeated of it.
type call struct {
	method string
	path   string
	repeat repeat
}

// repeat says after which failures a call may be sent again.
type repeat int

const (
	// refused: only if the service surely did not carry it out. A second
	// request could do something else than the first: who gets another
	// failure has to look what is there.
	refused repeat = iota
	// always: a second request has no effect beyond that of the first. It may
	// be answered otherwise, though: "not found" to what the first deleted.
	always
)

// The calls of the API, https://yandex.com/dev/disk-api/doc/en/.
var (
	getDisk       = call{http.MethodGet, "/v1/disk", always}
	getResource   = call{http.MethodGet, "/v1/disk/resources", always}
	makeFolder    = call{http.MethodPut, "/v1/disk/resources", always}
	patchResource = call{http.MethodPatch, "/v1/disk/resources", always}
	deleteItem    = call{http.MethodDelete, "/v1/disk/resources", always}
	copyResource  = call{http.MethodPost, "/v1/disk/resources/copy", refused}
	moveResource  = call{http.MethodPost, "/v1/disk/resources/move", refused}
	uploadLink    = call{http.MethodGet, "/v1/disk/resources/upload", always}
	uploadFromURL = call{http.MethodPost, "/v1/disk/resources/upload", refused}
	downloadLink  = call{http.MethodGet, "/v1/disk/resources/download", always}
	getOperation  = call{http.MethodGet, "/v1/disk/operations", always}
	listFiles     = call{http.MethodGet, "/v1/disk/resources/files", always}
	listRecent    = call{http.MethodGet, "/v1/disk/resources/last-uploaded", always}
	listShared    = call{http.MethodGet, "/v1/disk/resources/public", always}
	publish       = call{http.MethodPut, "/v1/disk/resources/publish", always}
	unpublish     = call{http.MethodPut, "/v1/disk/resources/unpublish", always}
	getTrash      = call{http.MethodGet, "/v1/disk/trash/resources", always}
	deleteTrash   = call{http.MethodDelete, "/v1/disk/trash/resources", always}
	restoreTrash  = call{http.MethodPut, "/v1/disk/trash/resources/restore", refused}
	getPublic     = call{http.MethodGet, "/v1/disk/public/resources", always}
	publicLink    = call{http.MethodGet, "/v1/disk/public/resources/download", always}
	savePublic    = call{http.MethodPost, "/v1/disk/public/resources/save-to-disk", refused}
)
