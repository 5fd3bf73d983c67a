package emulator

import (
	"net/http"
	"strings"
)

// An Endpoint is one kind of request, as "METHOD /path" for API and OAuth and
// as "METHOD host" for the hosts that links lead to.
type Endpoint string

// The endpoints of the REST API.
const (
	DiskInfo          Endpoint = "GET /v1/disk"
	GetResource       Endpoint = "GET /v1/disk/resources"
	MakeFolder        Endpoint = "PUT /v1/disk/resources"
	PatchResource     Endpoint = "PATCH /v1/disk/resources"
	DeleteResource    Endpoint = "DELETE /v1/disk/resources"
	CopyResource      Endpoint = "POST /v1/disk/resources/copy"
	MoveResource      Endpoint = "POST /v1/disk/resources/move"
	UploadLink        Endpoint = "GET /v1/disk/resources/upload"
	UploadFromURL     Endpoint = "POST /v1/disk/resources/upload"
	InstantUpload     Endpoint = "PUT /v1/disk/resources/upload"
	DownloadLink      Endpoint = "GET /v1/disk/resources/download"
	ListFiles         Endpoint = "GET /v1/disk/resources/files"
	LastUploaded      Endpoint = "GET /v1/disk/resources/last-uploaded"
	ListPublished     Endpoint = "GET /v1/disk/resources/public"
	Publish           Endpoint = "PUT /v1/disk/resources/publish"
	Unpublish         Endpoint = "PUT /v1/disk/resources/unpublish"
	GetPublic         Endpoint = "GET /v1/disk/public/resources"
	PublicDownload    Endpoint = "GET /v1/disk/public/resources/download"
	SaveToDisk        Endpoint = "POST /v1/disk/public/resources/save-to-disk"
	GetPublicSettings Endpoint = "GET /v1/disk/public/resources/public-settings"
	SetPublicSettings Endpoint = "PATCH /v1/disk/public/resources/public-settings"
	AvailableSettings Endpoint = "GET /v1/disk/public/resources/public-settings/available-settings"
	GetTrash          Endpoint = "GET /v1/disk/trash/resources"
	DeleteTrash       Endpoint = "DELETE /v1/disk/trash/resources"
	RestoreTrash      Endpoint = "PUT /v1/disk/trash/resources/restore"
	GetOperation      Endpoint = "GET /v1/disk/operations/{id}"
	ListOperations    Endpoint = "GET /v1/disk/operations"
	APIVersion        Endpoint = "GET /"
)

// The requests to the hosts that links lead to.
const (
	UploadContent Endpoint = "PUT uploader"
	ResumeUpload  Endpoint = "HEAD uploader"
	Download      Endpoint = "GET downloader"
	Preview       Endpoint = "GET preview"
	Storage       Endpoint = "GET storage"
)

// The endpoints of the OAuth server and of the account service.
const (
	DeviceCode  Endpoint = "POST /device/code"
	DevicePage  Endpoint = "GET /device"
	DeviceEntry Endpoint = "POST /device"
	Authorize   Endpoint = "GET /authorize"
	CodePage    Endpoint = "GET /verification_code"
	Token       Endpoint = "POST /token"
	RevokeToken Endpoint = "POST /revoke_token"
	UserInfo    Endpoint = "GET /info"
)

// Unknown is counted for requests to no known endpoint.
const Unknown Endpoint = "unknown"

func (p Endpoint) isAPI() bool {
	_, path, _ := strings.Cut(string(p), " ")
	return strings.HasPrefix(path, "/v1/disk") || p == APIVersion
}

// A right is what a token must allow for a request.
type right string

const (
	noToken   right = ""
	anyRight  right = "any"
	readRight right = "cloud_api:disk.read"
	editRight right = "cloud_api:disk.write"
	infoRight right = "cloud_api:disk.info"
)

// A route is how an endpoint of the API is served.
type route struct {
	endpoint Endpoint
	right    right
	answer   func(*Emulator, *call) (reply, *failure)
}

// apiRoutes is every endpoint of the REST API.
func apiRoutes() []route {
	return []route{
		{APIVersion, noToken, (*Emulator).apiVersion},
		{DiskInfo, infoRight, (*Emulator).diskInfo},
		{GetResource, readRight, (*Emulator).getResource},
		{MakeFolder, editRight, (*Emulator).makeFolder},
		{PatchResource, editRight, (*Emulator).patchResource},
		{DeleteResource, editRight, (*Emulator).deleteResource},
		{CopyResource, editRight, (*Emulator).copyResource},
		{MoveResource, editRight, (*Emulator).moveResource},
		{UploadLink, editRight, (*Emulator).uploadLink},
		{DownloadLink, readRight, (*Emulator).downloadLink},
		{UploadFromURL, editRight, (*Emulator).uploadFromURL},
		{InstantUpload, editRight, (*Emulator).instantUpload},
		{ListFiles, readRight, (*Emulator).listFiles},
		{LastUploaded, readRight, (*Emulator).lastUploaded},
		{ListPublished, readRight, (*Emulator).listPublished},
		{Publish, editRight, (*Emulator).publish},
		{Unpublish, editRight, (*Emulator).unpublishResource},
		{GetPublic, noToken, (*Emulator).getPublic},
		{PublicDownload, noToken, (*Emulator).publicDownload},
		{SaveToDisk, editRight, (*Emulator).saveToDisk},
		{GetPublicSettings, readRight, (*Emulator).getPublicSettings},
		{SetPublicSettings, editRight, (*Emulator).setPublicSettings},
		{AvailableSettings, readRight, (*Emulator).availableSettings},
		{GetTrash, readRight, (*Emulator).getTrash},
		{DeleteTrash, editRight, (*Emulator).deleteTrash},
		{RestoreTrash, editRight, (*Emulator).restoreTrash},
		{GetOperation, anyRight, (*Emulator).getOperation},
		{ListOperations, anyRight, (*Emulator).listOperations},
	}
}

// lookup returns the route of an API request; known reports whether the path
// has any, to distinguish a wrong method from a wrong path.
func lookup(r *http.Request) (found route, known bool) {
	path := strings.TrimSuffix(r.URL.Path, "/")
	if path == "" {
		path = "/"
	}
	if rest, ok := strings.CutPrefix(path, "/v1/disk/operations/"); ok && rest != "" {
		path = "/v1/disk/operations/{id}"
	} else if path == "/v1/disk/operations" && r.URL.Query().Get("id") != "" {
		path = "/v1/disk/operations/{id}"
	}
	for _, candidate := range apiRoutes() {
		method, at, _ := strings.Cut(string(candidate.endpoint), " ")
		if at != path {
			continue
		}
		known = true
		if method == r.Method {
			return candidate, true
		}
	}
	return route{}, known
}

// routeOf names the endpoint of a request for counters and faults.
func routeOf(role role, r *http.Request) Endpoint {
	switch role {
	case roleUploader:
		if r.Method == http.MethodHead {
			return ResumeUpload
		}
		return UploadContent
	case roleDownloader:
		if strings.HasPrefix(r.URL.Path, "/preview/") {
			return Preview
		}
		return Download
	case roleStorage:
		return Storage
	case roleOAuth:
		return oauthEndpoint(r)
	}
	if found, _ := lookup(r); found.endpoint != "" {
		return found.endpoint
	}
	return Unknown
}
