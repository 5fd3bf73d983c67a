package davxml

import "io"

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
	body := p.append([]byte(prologue + `<D:error xmlns:D="DAV:">`))
	_, err := w.Write(append(body, "</D:error>\n"...))
	return err
}

func (p Precondition) append(dst []byte) []byte {
	if len(p.Hrefs) == 0 {
		return AppendEmpty(dst, Name(p.Name))
	}
	dst = AppendStart(dst, Name(p.Name))
	for _, address := range p.Hrefs {
		dst = AppendHref(dst, address, "")
	}
	return AppendEnd(dst, Name(p.Name))
}
