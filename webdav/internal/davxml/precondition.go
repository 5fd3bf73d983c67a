package davxml

import (
	"io"
	"strings"
)

// A Precondition is a machine-readable reason of an error (section 16).
type Precondition struct {
	Name  string   // of the DAV: element, one of those below
	Hrefs []string // escaped addresses, where the condition takes them
}

// The conditions of sections 16 and of RFC 4331, section 6.
const (
	LockTokenMatchesRequestURI    = "lock-token-matches-request-uri"
	LockTokenSubmitted            = "lock-token-submitted" // with the locks' roots
	NoConflictingLock             = "no-conflicting-lock"  // with the locks' roots
	NoExternalEntities            = "no-external-entities"
	PropfindFiniteDepth           = "propfind-finite-depth"
	CannotModifyProtectedProperty = "cannot-modify-protected-property"
	QuotaNotExceeded              = "quota-not-exceeded"
	SufficientDiskSpace           = "sufficient-disk-space"
)

// WriteError writes a body that is one DAV:error.
func WriteError(w io.Writer, p Precondition) error {
	_, err := io.WriteString(w, prologue+`<D:error xmlns:D="DAV:">`+p.xml()+"</D:error>\n")
	return err
}

func (p Precondition) xml() string {
	var b strings.Builder
	for _, address := range p.Hrefs {
		b.WriteString(href(address))
	}
	return inner(Name(p.Name), b.String()).xml
}
