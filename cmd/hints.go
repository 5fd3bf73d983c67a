package cmd

import (
	"io"
	"net/url"
	"strings"
)

// printHints prints what to paste into which client.
func (p program) printHints(w io.Writer, address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	dav := "dav://" + u.Host + u.Path
	unc := `\\` + strings.ReplaceAll(u.Host, ":", "@") + `\DavWWWRoot` + strings.ReplaceAll(strings.TrimSuffix(u.Path, "/"), "/", `\`)
	if u.Scheme == "https" {
		dav = "davs://" + u.Host + u.Path
		unc = `\\` + u.Hostname() + "@SSL@" + u.Port() + `\DavWWWRoot` + strings.ReplaceAll(strings.TrimSuffix(u.Path, "/"), "/", `\`)
	}
	p.lang.Fprintf(w, `
  browser          %[1]s
  macOS, Finder    Go > Connect to Server (Cmd-K):  %[1]s
  Windows          net use Y: %[2]s
  GNOME, KDE       %[3]s   (KDE: webdav instead of dav)
  Linux, davfs2    sudo mount -t davfs %[1]s /mnt

Ctrl-C ends it.
`, address, unc, dav)
}
