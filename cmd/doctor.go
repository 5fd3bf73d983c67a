package cmd

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/cmd/internal/language"
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
	try    func() (found language.Phrase, err error)
	advice func(err error) language.Phrase
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
			advised, advice := s.advise(err), l.advice(err)
			told = append(told, stepJSON{Step: l.name, Error: sentence(language.Language{}, advised), Advice: advice.String()})
			p.printBroken(l.name, sentence(s.lang, advised), advice.In(s.lang))
			broken = said{err}
			break
		}
		told = append(told, stepJSON{Step: l.name, OK: true, Found: found.String()})
		p.printOK(l.name, found.In(s.lang))
	}
	if s.c.Bool("json") {
		return errors.Join(writeJSON(s.out(), told), broken)
	}
	return broken
}

func (p *patient) printOK(step, found string) {
	if out := p.out(); !p.c.Bool("json") {
		p.lang.Fprintf(out, "ok      %-10s  %s\n", p.lang.Text(step), out.Name(found))
	}
}

func (p *patient) printBroken(step, failure, advice string) {
	out := p.out()
	if p.c.Bool("json") {
		return
	}
	p.lang.Fprintf(out, "BROKEN  %-10s  %s\n", p.lang.Text(step), out.Name(failure))
	if advice != "" {
		p.lang.Fprintf(out, "        %-10s  %s\n", "", out.Name(advice))
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
	always := func(text language.Phrase) func(error) language.Phrase {
		return func(error) language.Phrase { return text }
	}
	var steps []step
	if driver, _ := p.driverOf(p.name); driver == "yandex" {
		steps = append(steps,
			step{"name", p.resolve, always(language.Say("no network, or no DNS server that answers; a wrong --yandex-api-url breaks here too"))},
			step{"connection", p.connect, p.connectAdvice},
			step{"clock", p.clock, always(language.Say("set the clock of this machine; most systems do it by themselves once NTP is on"))},
		)
	}
	return append(steps,
		step{"login", p.open, p.loginHelp},
		step{"rights", p.look, p.rightsHelp},
		step{"space", p.space, always(p.makeRoom(p.name))},
		step{"write", p.write, p.rightsHelp},
		step{"read", p.read, always(language.Say("what the store gave is not what was written; try again, and do not trust this store with data while it lasts"))},
		step{"remove", p.remove, func(error) language.Phrase { return language.Say("remove %s by hand", p.target.in(p.file).address) }},
	)
}

// resolve looks the host of the service up, unless a proxy does that.
func (p *patient) resolve() (language.Phrase, error) {
	a, err := p.account(p.name + ":")
	if err != nil {
		return language.Phrase{}, err
	}
	if p.api, err = url.Parse(a.apiURL); err != nil || p.api.Hostname() == "" {
		return language.Phrase{}, misuse("--yandex-api-url: %q is no address", a.apiURL)
	}
	if proxy, err := http.ProxyFromEnvironment(&http.Request{URL: p.api}); err == nil && proxy != nil {
		return language.Say("left to the proxy %s", proxy.Redacted()), nil
	}
	addresses, err := net.DefaultResolver.LookupHost(p.ctx, p.api.Hostname())
	if err != nil {
		return language.Phrase{}, err
	}
	return language.Say("%s is %s", p.api.Hostname(), strings.Join(addresses, ", ")), nil
}

// connect makes one request without a token: any answer will do.
func (p *patient) connect() (language.Phrase, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.api.JoinPath("/v1/disk").String(), http.NoBody)
	if err != nil {
		return language.Phrase{}, err
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		return language.Phrase{}, err
	}
	defer resp.Body.Close()
	p.date = resp.Header.Get("Date")
	if resp.TLS == nil {
		return language.Say("%s answers, without TLS", p.api.Host), nil
	}
	return language.Say("%s answers, and its certificate is good", p.api.Host), nil
}

func (p *patient) connectAdvice(err error) language.Phrase {
	if strings.Contains(err.Error(), "certificate") || strings.Contains(err.Error(), "x509") {
		return language.Say("the certificate is not trusted: a program that reads encrypted traffic (antivirus, company proxy) must have its own among those of this system (SSL_CERT_FILE), or the clock is wrong: it is %s", time.Now().Format(time.RFC1123))
	}
	return language.Say("something between this machine and the service refuses: a firewall, or a proxy that HTTPS_PROXY should name")
}

// clockTolerance is how far a clock may be off.
const clockTolerance = 5 * time.Minute

func (p *patient) clock() (language.Phrase, error) {
	theirs, err := http.ParseTime(p.date)
	if err != nil {
		return language.Say("the service does not tell the time"), nil
	}
	off := time.Since(theirs).Round(time.Second)
	if off.Abs() > clockTolerance {
		return language.Phrase{}, language.Errorf("the clock of this machine is off by %s: the service has %s", off.Abs(), theirs.Local().Format(time.RFC1123))
	}
	return language.Say("right"), nil
}

func (p *patient) open() (language.Phrase, error) {
	var err error
	if p.target, err = p.session.target(p.address); err != nil {
		return language.Phrase{}, err
	}
	owner, ok := backend.As[accountant](p.target.Backend)
	if !ok {
		return language.Say("not needed"), nil
	}
	a, err := owner.Account(p.ctx)
	if errors.Is(err, fs.ErrPermission) {
		return language.Say("accepted"), nil // it may lack the right to say whose it is
	}
	if source := p.tokens[p.name]; err == nil && source != nil {
		return language.Say("%s, by the token in %s", a.Login, source), nil
	}
	return language.Say("%s", a.Login), err
}

func (p *patient) loginHelp(err error) language.Phrase {
	if errors.Is(err, backend.ErrUnauthorized) {
		return p.loginAdvice(p.name)
	}
	return language.Phrase{}
}

// look reads the root.
func (p *patient) look() (language.Phrase, error) {
	info, err := p.target.Stat(p.ctx, p.target.name)
	if err == nil && !info.Dir {
		err = backend.PathError("list", p.address, backend.ErrNotDir, "")
	}
	if errors.Is(err, fs.ErrNotExist) && strings.HasSuffix(p.target.root, "app:/") && p.target.name == "." {
		err = nil // it is made with the first file
	}
	p.readable = err == nil
	return language.Say("reading"), named(err, p.target)
}

func (p *patient) rightsHelp(err error) language.Phrase {
	switch {
	case errors.Is(err, backend.ErrUnauthorized):
		return p.loginHelp(err)
	case errors.Is(err, backend.ErrQuota):
		return p.makeRoom(p.name)
	case !errors.Is(err, fs.ErrPermission) || p.api == nil:
		return language.Phrase{}
	case !p.readable && p.target.name == "." && !strings.HasSuffix(p.target.root, "app:/") && p.onlyApp(p.registry, p.name+":"):
		return language.Say("this login opens the folder of its application alone: write %s:app:/", p.name)
	}
	return language.Say("the application needs the rights cloud_api:disk.read, .write and .info: tick them at https://oauth.yandex.ru, then run 'davdisk login %s:'", p.name)
}

func (p *patient) space() (language.Phrase, error) {
	space, err := backend.UsageIn(p.ctx, p.target.Backend, p.target.name)
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, fs.ErrPermission):
		return language.Say("not known"), nil
	case err != nil:
		return language.Phrase{}, named(err, p.target)
	case space.Total > 0 && space.Free() <= 0:
		return language.Phrase{}, &fs.PathError{Op: "usage", Path: p.address, Err: language.Errorf("%w: %s of %s are used", backend.ErrQuota, terminal.Size(space.Used), terminal.Size(space.Total))}
	}
	return language.Say("%s of %s are free", terminal.Size(space.Free()), terminal.Size(space.Total)), nil
}

// written is what the file holds.
var written = []byte("davdisk doctor wrote this, and removes it.\n")

func (p *patient) write() (language.Phrase, error) {
	file := "davdisk-doctor-" + strings.ToLower(rand.Text()[:10]) + ".txt"
	t := p.target.in(file)
	_, err := t.Put(p.ctx, t.name, bytes.NewReader(written), backend.PutOptions{Size: int64(len(written)), IfAbsent: true})
	if err != nil && !errors.Is(err, backend.ErrUncertain) {
		return language.Phrase{}, named(err, t)
	}
	p.file = file
	return language.Say("%s", t.address), named(err, t)
}

func (p *patient) read() (language.Phrase, error) {
	t := p.target.in(p.file)
	content, err := t.Open(p.ctx, t.name, "")
	if err != nil {
		return language.Phrase{}, named(err, t)
	}
	defer content.Close()
	r, err := content.Range(p.ctx, 0, -1)
	if err != nil {
		return language.Phrase{}, named(err, t)
	}
	defer r.Close()
	got, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(got, written) {
		err = errors.New("the bytes read are not those that were written")
	}
	return language.Say("the same bytes"), named(err, t)
}

func (p *patient) remove() (language.Phrase, error) {
	t := p.target.in(p.file)
	err := t.Remove(p.ctx, t.name, backend.RemoveOptions{Permanent: true})
	if err == nil {
		p.file = ""
	}
	return language.Say("for good"), named(err, t)
}

// close removes the file where the chain broke after it was written.
func (p *patient) close() {
	if p.file != "" {
		t := p.target.in(p.file)
		_ = t.Remove(context.WithoutCancel(p.ctx), t.name, backend.RemoveOptions{Permanent: true}) // what broke is told
	}
}
