package emulator

import "time"

// Knobs choose how the service behaves where it is undocumented, doubtful or
// different from one account to the next. The zero value is the service as it
// was last seen. Knobs may be changed while requests are being served, see
// [Emulator.SetKnobs]; an operation or link keeps what held when it was issued.
type Knobs struct {
	// TotalSpace is the size of the disk in bytes; 0 is 45,097,156,608.
	TotalSpace int64
	// MaxFileSize is the largest file that may be uploaded; 0 is 1 GiB, or 50 GiB for a paid account.
	MaxFileSize int64
	// Paid makes the account a paid one.
	Paid bool
	// MonthlyUpload is the volume in bytes after which uploads are refused with 423; 0 is no limit.
	MonthlyUpload int64
	// ReadOnly refuses every change with 423, as during maintenance.
	ReadOnly bool
	// Overdraft refuses everything with 403, as for an account over its quota for long.
	Overdraft bool

	// Async selects which changes are operations: "" as the service does, "always" or "never".
	Async string
	// OperationPolls is how many polls report an operation as in progress before it ends.
	OperationPolls int
	// OperationDelay is the least time an operation takes.
	OperationDelay time.Duration
	// OperationFailure makes new operations end with this status: "failed" (documented) or "failure" (older documents).
	OperationFailure string
	// OperationGradual applies operations step by step instead of all at the end.
	OperationGradual bool
	// OperationQuery gives links of the older form operations?id=ID.
	OperationQuery bool
	// OperationHTTP gives operation links the scheme http, as seen until 2019.
	OperationHTTP bool
	// OperationNoEffect lets operations report success and change nothing.
	OperationNoEffect bool
	// OperationNoLock allows other writes where an operation runs; otherwise they get 423.
	OperationNoLock bool

	// MaxPage is the number of entries after which a page is silently cut; 0 is no limit.
	MaxPage int
	// EmbeddedAbsent omits _embedded of empty folders.
	EmbeddedAbsent bool
	// ShortFolder confines ListingLost, ItemsNull, ItemsLost and TotalLost to one folder, such as "disk:/d"; "" is every one.
	ShortFolder string
	// ListingLost omits _embedded, whether the folder is empty or not.
	ListingLost bool
	// ItemsNull gives null for the items of a folder, and with no ShortFolder for those of flat lists.
	ItemsNull bool
	// ItemsLost is how many entries, the last in the requested order, are missing from the pages of a folder; its total counts them.
	ItemsLost int
	// TotalLost omits the total of a folder.
	TotalLost bool
	// SizeNull gives null for the size of files, of those named WrongFor if that is set.
	SizeNull bool
	// EmptySizeAbsent omits the size of empty files, as in 2014.
	EmptySizeAbsent bool
	// OrderedKeys keeps the members of JSON objects in the order of 2024; otherwise it is shuffled by the seed.
	OrderedKeys bool
	// DotSegments resolves "." and ".." in paths; otherwise they are refused with 400.
	DotSegments bool
	// NameLimitBytes applies the limit of 255 for a name to bytes; otherwise to characters.
	NameLimitBytes bool
	// FoldNames finds names without regard to case; otherwise they must match byte for byte.
	FoldNames bool

	// FolderModified updates the modification time of a folder when its children change.
	FolderModified bool
	// PatchKeepsModified leaves the modification time as it was when properties change.
	PatchKeepsModified bool
	// Revision selects the revision of GET /v1/disk: "" is the last change in microseconds, "second" in seconds, "frozen" never changes, "absent" omits it.
	Revision string
	// OverwriteNew gives an overwritten file a new resource id and creation time.
	OverwriteNew bool
	// OverwriteDropsProperties drops custom properties when a file is overwritten.
	OverwriteDropsProperties bool
	// OverwriteMerges merges a folder that is copied or moved onto a folder; otherwise it replaces it.
	OverwriteMerges bool
	// CopyOverwriteRefused answers 409 to a copy with overwrite=true onto an existing resource.
	CopyOverwriteRefused bool
	// CopyDropsProperties copies no custom properties.
	CopyDropsProperties bool

	// Upload202 answers an upload with 202 and shows the file when its operation ends.
	Upload202 bool
	// FinalizeDelay and FinalizePerMiB are how long the uploader takes to respond after the last byte.
	FinalizeDelay, FinalizePerMiB time.Duration
	// StoresHalf makes the uploader keep only the first half of a file, and answer as if it were all.
	StoresHalf bool
	// StoresOther makes the uploader keep other bytes of the same length, or half as many with StoresHalf.
	StoresOther bool
	// UploadNoEffect makes the uploader keep nothing, and answer as if it did.
	UploadNoEffect bool
	// NoResume turns off HEAD and Content-Range at the uploader.
	NoResume bool
	// NoPieces allows resuming only with the whole remainder, not in pieces that are answered 202.
	NoPieces bool
	// InstantUpload answers PUT /resources/upload with known hashes by 201 and no transfer.
	InstantUpload bool
	// UploaderTrusts lets the uploader overwrite a file that appeared after a link with overwrite=false; otherwise 409.
	UploaderTrusts bool
	// QuotaAtEnd reports a full disk only after the last byte; otherwise also at the first.
	QuotaAtEnd bool
	// QuotaCode is the error code of 507: "" is DiskStorageQuotaExhaustedError, "DiskNotEnoughFreeSpaceError" was reported too.
	QuotaCode string
	// TrafficCode is the error code of the monthly limit: "" is DiskUploadTrafficLimitExceeded, DiskResourceUploadTrafficLimitExceededError was reported too.
	TrafficCode string
	// ThrottleRate in bytes a second slows down uploads of archives, videos and data; 0 is no limit. The service was reported at 128 KiB/s.
	ThrottleRate int64
	// ThrottleAll throttles clients whose User-Agent begins with Yandex.Disk as well.
	ThrottleAll bool
	// MetadataDelay hides a new file's metadata (404) for this long after its upload.
	MetadataDelay time.Duration
	// PatchLost drops a change of properties silently for this long after an upload.
	PatchLost time.Duration
	// PatchFails answers 500 to a change of properties for this long after an upload.
	PatchFails time.Duration
	// UploadLinkLife is how long an upload link is valid; 0 is 30 minutes.
	UploadLinkLife time.Duration
	// DownloadLinkLife is how long a download link is valid; 0 is 4 hours.
	DownloadLinkLife time.Duration

	// DownloadRate in bytes a second slows down each download, however many there are at a time; 0 is no limit.
	DownloadRate int64
	// ServesOther serves other bytes of the same length in place of a file's own, with the entity tag of its own.
	ServesOther bool
	// ServesMixed serves a file's own bytes up to the middle and those of another version from there on.
	ServesMixed bool
	// NoETag leaves the entity tag out of downloads.
	NoETag bool
	// WrongFor confines SizeNull, StoresHalf, StoresOther, UploadNoEffect, OperationNoEffect, ServesOther and ServesMixed to files and folders of one name; "" is every one.
	WrongFor string
	// WrongEvery confines those, but for SizeNull, to one in so many of the requests that they concern, beginning with the first; 0 is every one.
	WrongEvery int
	// LapsedStatus is the status of an expired download link: 0 is 410; 500, 403 and 404 were reported too.
	LapsedStatus int
	// NoRedirect serves content from the downloader itself, without the 302 to a storage host.
	NoRedirect bool
	// TokenRefused makes the storage host refuse requests with a token; they are always counted.
	TokenRefused bool
	// PreviewDelay is how long after an upload a preview appears; 0 is 3 s, negative is none.
	PreviewDelay time.Duration
	// PreviewPublic serves previews without a token; otherwise they need one.
	PreviewPublic bool
	// NoPreviews omits previews.
	NoPreviews bool

	// TrashSuffixless names entries of the trash without the 40 hex digits while that is unambiguous, as documents of 2015 show.
	TrashSuffixless bool
	// TrashKeepsModified keeps the modification time of a trashed item; otherwise it becomes the time of deletion.
	TrashKeepsModified bool
	// RestoreConflict answers 409 to a restore onto an existing name; otherwise the item becomes "name (1)".
	RestoreConflict bool

	// PublishDelay hides public_key and public_url for this long after publishing.
	PublishDelay time.Duration
	// FlatListDelay is how long flat lists lag behind changes.
	FlatListDelay time.Duration
	// PublicNotFoundCode is the error code of an unknown public key: "" is DiskNotFoundError, "NotFoundError" was reported too.
	PublicNotFoundCode string
	// NoPublicSettings answers 404 to public settings, as for plain accounts.
	NoPublicSettings bool
	// PublicDownloads is how often a public resource may be downloaded before 429; 0 is no limit.
	PublicDownloads int

	// AcceptBearer accepts the Bearer scheme too.
	AcceptBearer bool
	// RateLimit is how many API requests a second are served before 429; 0 is no limit. The terms say 40.
	RateLimit int
	// RetryAfter is sent with that 429; 0 sends none.
	RetryAfter time.Duration

	// DevicePolls approves a device code automatically after this many polls; 0 waits for [Emulator.ApproveDevice].
	DevicePolls int
	// DeviceCodeLife is how long a device code is valid; 0 is 300 s, the documentation states 10 minutes.
	DeviceCodeLife time.Duration
	// DeviceInterval is the poll interval returned to a device; 0 is 5 s. Faster polls are answered slow_down if SlowDown is set.
	DeviceInterval time.Duration
	// SlowDown answers slow_down to a device that polls faster than DeviceInterval.
	SlowDown bool
	// TokenLife is how long an access token is valid; 0 is a year.
	TokenLife time.Duration
	// RefreshKeepsOld keeps a refresh token valid after it was rotated; otherwise it becomes invalid.
	RefreshKeepsOld bool
	// RefreshNewAccess issues a new access token at each refresh and revokes the old one; otherwise it stays the same.
	RefreshNewAccess bool
	// DeviceRFC accepts the grant type of RFC 8628 too.
	DeviceRFC bool
	// DenyAuthorize makes the user refuse on the authorization page.
	DenyAuthorize bool
}

func (k Knobs) totalSpace() int64 {
	if k.TotalSpace > 0 {
		return k.TotalSpace
	}
	return 45097156608
}

func (k Knobs) maxFileSize() int64 {
	switch {
	case k.MaxFileSize > 0:
		return k.MaxFileSize
	case k.Paid:
		return paidMaxFileSize
	}
	return freeMaxFileSize
}

// The limits of the plans, as GET /v1/disk returns them.
const (
	freeMaxFileSize = 1 << 30
	paidMaxFileSize = 50 << 30
)

func orDefault(d, def time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return def
}

// Knobs returns the knobs in force.
func (e *Emulator) Knobs() Knobs {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.knobs
}

// SetKnobs changes knobs: change is called with those in force, under the lock
// that requests take, and must not call the emulator.
func (e *Emulator) SetKnobs(change func(*Knobs)) {
	e.mu.Lock()
	defer e.mu.Unlock()
	change(&e.knobs)
}
