package cmd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/terminal"
)

func (p program) doctorCommand() *cli.Command {
	return &cli.Command{
		Name:        "doctor",
		Usage:       "find out why a remote does not work",
		ArgsUsage:   "[REMOTE:]",
		Description: "It tries each link of the chain in turn: name, connection, clock, login, rights, space; then it writes a small file, reads it\nand removes it for good. It stops at the first that breaks, and says what to do.",
		Flags:       p.withStores(jsonFlag()),
		Action: p.withSession(func(s *session, args []string) error {
			return s.doctor(append(args, defaultRemote)[0])
		}),
	}
}

// A step of the chain: what is tried, and what helps if it breaks.
type step struct {
	name   string
	try    func() (found string, err error)
	advice func(err error) string
}

type stepJSON struct {
	Step   string `json:"step"`
	OK     bool   `json:"ok"`
	Found  string `json:"found,omitempty"`
	Error  string `json:"error,omitempty"`
	Advice string `json:"advice,omitempty"`
}

func (s *session) doctor(address string) error {
	p := &patient{session: s, address: address}
	name, _, ok := backend.SplitAddress(address)
	if !ok {
		return misuse("%q is on this machine; write REMOTE:", address)
	}
	if err := s.checkRemote(address); err != nil {
		return err
	}
	p.name = name
	defer p.close()
	var told []stepJSON
	var broken error
	for _, l := range p.chain() {
		found, err := l.try()
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if err != nil {
			found = ""
		}
		told = append(told, stepJSON{Step: l.name, OK: err == nil, Found: found})
		if err != nil {
			last := &told[len(told)-1]
			last.Error, last.Advice = sentence(s.advise(err)), l.advice(err)
			broken = said{err}
		}
		if !s.c.Bool("json") {
			p.print(told[len(told)-1])
		}
		if err != nil {
			break
		}
	}
	if s.c.Bool("json") {
		return errors.Join(writeJSON(s.out(), told), broken)
	}
	return broken
}

func (p *patient) print(l stepJSON) {
	out := p.out()
	if l.OK {
		fmt.Fprintf(out, "ok      %-10s  %s\n", l.Step, out.Name(l.Found))
		return
	}
	fmt.Fprintf(out, "BROKEN  %-10s  %s\n", l.Step, out.Name(l.Error))
	if l.Advice != "" {
		fmt.Fprintf(out, "        %-10s  %s\n", "", out.Name(l.Advice))
	}
}

// A patient is the remote that is examined.
type patient struct {
	*session
	address  string
	name     string
	api      *url.URL // nil if the driver is not Yandex's
	date     string   // of the service
	target   target
	readable bool   // the root
	file     string // written and still to be removed
}

// chain is what is tried, in order.
func (p *patient) chain() []step {
	always := func(text string) func(error) string { return func(error) string { return text } }
	var steps []step
	if driver, _ := p.driverOf(p.name); driver == "yandex" {
		steps = append(steps,
			step{"name", p.resolve, always("no network, or no DNS server that answers; a wrong --yandex-api-url breaks here too")},
			step{"connection", p.connect, p.connectAdvice},
			step{"clock", p.clock, always("set the clock of this machine; most systems do it by themselves once NTP is on")},
		)
	}
	return append(steps,
		step{"login", p.open, p.loginHelp},
		step{"rights", p.look, p.rightsHelp},
		step{"space", p.space, always("make room: 'davdisk trash empty " + p.name + ":', or delete something for good")},
		step{"write", p.write, p.rightsHelp},
		step{"read", p.read, always("what the store gave is not what was written; try again, and do not trust this store with data while it lasts")},
		step{"remove", p.remove, func(error) string { return fmt.Sprintf("remove %s by hand", p.target.in(p.file).address) }},
	)
}

// resolve looks the host of the service up, unless a proxy does that.
func (p *patient) resolve() (string, error) {
	a, err := p.account(p.name + ":")
	if err != nil {
		return "", err
	}
	if p.api, err = url.Parse(a.apiURL); err != nil || p.api.Hostname() == "" {
		return "", misuse("--yandex-api-url: %q is no address", a.apiURL)
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: p.api}); err == nil && proxy != nil {
		return "left to the proxy " + proxy.Redacted(), nil
	}
	addresses, err := net.DefaultResolver.LookupHost(p.ctx, p.api.Hostname())
	if err != nil {
		return "", err
	}
	return p.api.Hostname() + " is " + strings.Join(addresses, ", "), nil
}

// connect makes one request without a token: any answer will do.
func (p *patient) connect() (string, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api.JoinPath("/v1/disk").String(), http.NoBody)
	if err != nil {
		return "", err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	p.date = resp.Header.Get("Date")
	if resp.TLS == nil {
		return p.api.Host + " answers, without TLS", nil
	}
	return p.api.Host + " answers, and its certificate is good", nil
}

func (p *patient) connectAdvice(err error) string {
	if strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "x509") {
		return "the certificate is not trusted: a program that reads encrypted traffic (antivirus, company proxy) must have its own among those of this system (SSL_CERT_FILE), or the clock is wrong: it is " + time.Now().Format(time.RFC1123)
	}
	return "something between this machine and the service refuses: a firewall, or a proxy that HTTPS_PROXY should name"
}

// clockTolerance is how far a clock may be off.
const clockTolerance = 5 * time.Minute

func (p *patient) clock() (string, error) {
	theirs, err := http.ParseTime(p.date)
	if err != nil {
		return "the service does not tell the time", nil
	}
	off := time.Since(theirs).Round(time.Second)
	if off.Abs() > clockTolerance {
		return "", fmt.Errorf("the clock of this machine is off by %s: the service has %s", off.Abs(), theirs.Local().Format(time.RFC1123))
	}
	return "right", nil
}

func (p *patient) open() (string, error) {
	var err error
	if p.target, err = p.session.target(p.address); err != nil {
		return "", err
	}
	owner, ok := backend.As[accountant](p.target.Backend)
	if !ok {
		return "not needed", nil
	}
	a, err := owner.Account(p.ctx)
	if errors.Is(err, fs.ErrPermission) {
		return "accepted", nil // it may lack the right to say whose it is
	}
	if source := p.tokens[p.name]; err == nil && source != "" {
		return a.Login + ", by the token in " + source, nil
	}
	return a.Login, err
}

func (p *patient) loginHelp(err error) string {
	if errors.Is(err, backend.ErrUnauthorized) {
		return p.loginAdvice(p.name)
	}
	return ""
}

// look reads the root.
func (p *patient) look() (string, error) {
	info, err := p.target.Stat(p.ctx, p.target.name)
	if err == nil && !info.Dir {
		err = backend.PathError("list", p.address, backend.ErrNotDir, "")
	}
	if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(p.target.root, "app:/") && p.target.name == "." {
		err = nil // it is made with the first file
	}
	p.readable = err == nil
	return "reading", named(err, p.target)
}

func (p *patient) rightsHelp(err error) string {
	switch {
	case errors.Is(err, backend.ErrUnauthorized):
		return p.loginHelp(err)
	case errors.Is(err, backend.ErrQuota):
		return "make room: 'davdisk trash empty " + p.name + ":', or delete something for good"
	case !errors.Is(err, fs.ErrPermission) || p.api == nil:
		return ""
	case !p.readable && p.target.name == "." && !strings.HasSuffix(p.target.root, "app:/") && p.onlyApp(p.registry, p.name+":"):
		return fmt.Sprintf("this login opens the folder of its application alone: write %s:app:/", p.name)
	}
	return fmt.Sprintf("the application needs the rights cloud_api:disk.read, .write and .info: tick them at https://oauth.yandex.ru, then run 'davdisk login %s:'", p.name)
}

func (p *patient) space() (string, error) {
	space, err := backend.UsageIn(p.ctx, p.target.Backend, p.target.name)
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission):
		return "not known", nil
	case err != nil:
		return "", named(err, p.target)
	case space.Total > 0 && space.Free() <= 0:
		return "", backend.PathError("usage", p.address, backend.ErrQuota, fmt.Sprintf("%s of %s are used", terminal.Size(space.Used), terminal.Size(space.Total)))
	}
	return terminal.Size(space.Free()) + " of " + terminal.Size(space.Total) + " are free", nil
}

// written is what the file holds.
var written = []byte("davdisk doctor wrote this, and removes it.\n")

func (p *patient) write() (string, error) {
	file := "davdisk-doctor-" + strings.ToLower(rand.Text()[:10]) + ".txt"
	t := p.target.in(file)
	_, err := t.Put(p.ctx, t.name, bytes.NewReader(written), backend.PutOptions{Size: int64(len(written)), IfAbsent: true})
	if err != nil && !errors.Is(err, backend.ErrUncertain) {
		return "", named(err, t)
	}
	p.file = file
	return t.address, named(err, t)
}

func (p *patient) read() (string, error) {
	t := p.target.in(p.file)
	content, err := t.Open(p.ctx, t.name, "")
	if err != nil {
		return "", named(err, t)
	}
	defer content.Close()
	r, err := content.Range(p.ctx, 0, -1)
	if err != nil {
		return "", named(err, t)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, written) {
		err = errors.New("the bytes read are not those that were written")
	}
	return "the same bytes", named(err, t)
}

func (p *patient) remove() (string, error) {
	t := p.target.in(p.file)
	err := t.Remove(p.ctx, t.name, backend.RemoveOptions{Permanent: true})
	if err == nil {
		p.file = ""
	}
	return "for good", named(err, t)
}

// close removes the file where the chain broke after it was written.
func (p *patient) close() {
	if p.file != "" {
		t := p.target.in(p.file)
		_ = t.Remove(context.WithoutCancel(p.ctx), t.name, backend.RemoveOptions{Permanent: true}) // what broke is told
	}
}
