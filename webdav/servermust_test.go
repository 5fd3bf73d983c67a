package webdav

import (
	"testing"
)

// TestServerMust has one test for each thing that a server must do for the
// clients people use. The numbers stay as they are: documents refer to them.
// Number 35 is in webdav/server.
func TestServerMust(t *testing.T) {
	for _, row := range serverMust() {
		t.Run(row.name, func(t *testing.T) { onEach(t, row.test) })
	}
}

func serverMust() []requirement {
	return []requirement{
		{"01-options-return-dav-on-every-path", mustOptions},
		{"02-no-redirect-between-slash-and-none", mustNotRedirect},
		{"03-hrefs-in-one-form", mustHref},
		{"04-paths-compared-decoded", mustDecode},
		{"05-missing-overwrite-is-T", mustOverwrite},
		{"06-target-never-deleted-first", mustKeepTarget},
		{"07-source-token-suffices-for-move", mustMoveLocked},
		{"08-201-created-204-replaced", mustTellCreated},
		{"09-conditions-on-every-method", mustJudgeConditions},
		{"10-if-header-whole", mustJudgeIf},
		{"11-locked-empty-resource", mustLockMissing},
		{"12-lock-tokens-are-uris", mustTokens},
		{"13-true-timeouts", mustTimeouts},
		{"14-refresh-by-empty-lock", mustRefresh},
		{"15-lockdiscovery-and-supportedlock", mustDiscover},
		{"16-shared-locks", mustShare},
		{"17-unlock-without-brackets", mustUnlock},
		{"18-locked-members-are-not-swept", mustNotSweep},
		{"19-proppatch-207", mustProppatch},
		{"20-live-properties", mustLive},
		{"21-quota-by-name-only", mustQuota},
		{"22-propfind-bodies-and-depths", mustPropfind},
		{"23-one-listing-a-folder", mustListOnce},
		{"24-bad-xml-is-refused", mustRefuseXML},
		{"25-chunked-expected-length-continue-empty", mustTakeBodies},
		{"26-whole-bodies-only", mustStoreWhole},
		{"27-no-partial-or-encoded-put", mustRefusePartial},
		{"28-put-answered-when-stored-and-seen-at-once", mustShowAtOnce},
		{"29-strong-stable-etag", mustTag},
		{"30-ranges", mustRange},
		{"31-reading-stops-when-the-client-disconnects", mustStopReading},
		{"32-mkcol", mustMkcol},
		{"33-missing-sources-and-destinations", mustDestination},
		{"34-get-of-a-folder", mustBrowse},
		{"36-errors-mapped", mustMapErrors},
		{"37-nothing-advertised-that-is-not-there", mustNotAdvertise},
		{"38-litter-answered-from-the-listing", mustAnswerLitter},
		{"39-names-are-utf8-and-both-forms", mustFindForms},
		{"40-405-with-allow", mustAllow},
	}
}
