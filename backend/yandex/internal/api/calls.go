package api

import (
	"net/http"
	"strings"
)

// A Call is a request of the API: its method and its path.
type Call string

// The calls of the API, https://yandex.com/dev/disk-api/doc/en/.
const (
	GetDisk       Call = "GET /v1/disk"
	GetResource   Call = "GET /v1/disk/resources"
	MakeFolder    Call = "PUT /v1/disk/resources"
	PatchResource Call = "PATCH /v1/disk/resources"
	DeleteItem    Call = "DELETE /v1/disk/resources"
	CopyResource  Call = "POST /v1/disk/resources/copy"
	MoveResource  Call = "POST /v1/disk/resources/move"
	UploadLink    Call = "GET /v1/disk/resources/upload"
	UploadFromURL Call = "POST /v1/disk/resources/upload"
	DownloadLink  Call = "GET /v1/disk/resources/download"
	GetOperation  Call = "GET /v1/disk/operations"
	ListFiles     Call = "GET /v1/disk/resources/files"
	ListRecent    Call = "GET /v1/disk/resources/last-uploaded"
	ListShared    Call = "GET /v1/disk/resources/public"
	Publish       Call = "PUT /v1/disk/resources/publish"
	Unpublish     Call = "PUT /v1/disk/resources/unpublish"
	GetTrash      Call = "GET /v1/disk/trash/resources"
	DeleteTrash   Call = "DELETE /v1/disk/trash/resources"
	RestoreTrash  Call = "PUT /v1/disk/trash/resources/restore"
	GetPublic     Call = "GET /v1/disk/public/resources"
	PublicLink    Call = "GET /v1/disk/public/resources/download"
	SavePublic    Call = "POST /v1/disk/public/resources/save-to-disk"
)

// Path is the path of a call.
func (c Call) Path() string {
	_, path, _ := strings.Cut(string(c), " ")
	return path
}

func (c Call) method() string {
	method, _, _ := strings.Cut(string(c), " ")
	return method
}

// idempotent reports whether a second request has no effect beyond that of the
// first, so that it may be retried after any failure. It may be answered
// differently, though: "not found" if the first has deleted. Any other call is
// retried only if the service certainly did not carry it out: otherwise the
// caller has to check.
func (c Call) idempotent() bool {
	return c.method() != http.MethodPost && c != RestoreTrash
}
