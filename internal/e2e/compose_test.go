//go:build unix

package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/internal/etcdtest"
	"github.com/davdisk/davdisk/internal/testlevel"
)

// TestComposeFile runs what the containers of the compose file would, with their
// commands, environments, files and folders, in which the addresses and the paths
// are those of this machine: the share is served by the balancer, for the user of the
// users file, and the three gateways are as one.
func TestComposeFile(t *testing.T) {
	linux(t)
	testlevel.NeedMore(t)
	c := readCompose(t)
	disk := startDisk(t, emulator.Options{})
	c.secret("token", disk.Token)
	digest, err := bcrypt.GenerateFromPassword([]byte("pass"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	c.secret("users", "me:"+string(digest))

	for i := range 3 {
		name := fmt.Sprint("etcd", i+1)
		words := c.command(name)
		startProxy(t, c.host(name)+":"+c.port("2379"), etcdtest.Binary(t), words[1:]...)
	}
	initialize := command(t, binary, c.command("init")...)
	initialize.Env = append(os.Environ(), "HOME="+t.TempDir())
	if out := run(t, initialize); !strings.Contains(out, "the log is made") {
		t.Errorf("init says %s", out)
	}
	help := run(t, command(t, binary, "serve", "--help"))
	emulated := []string{"DAVDISK_YANDEX_API_URL=" + disk.URL, "DAVDISK_YANDEX_OAUTH_URL=" + disk.OAuthURL}
	var gateways []*server
	for i := range 3 {
		name := fmt.Sprint("gateway", i+1)
		env := c.environment(name)
		for _, one := range env {
			variable, _, _ := strings.Cut(one, "=")
			if flag := "--" + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, "DAVDISK_")), "_", "-"); !strings.Contains(help, flag+" ") {
				t.Errorf("serve has no %s, for %s of %s", flag, variable, name)
			}
		}
		// As packaging/Dockerfile has it.
		env = append(env, "DAVDISK_STATE_DIR="+c.place(name, "/data/state"), "DAVDISK_CACHE_DIR="+c.place(name, "/data/cache"))
		gateways = append(gateways, start(t, t.TempDir(), append(env, emulated...), c.command(name)...))
	}
	if got := c.Services["balancer"]; !slices.Equal(got.Volumes, []string{"./haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro"}) || !slices.Equal(got.Ports, []string{"127.0.0.1:8080:8080"}) {
		t.Errorf("the balancer has %v, %v", got.Volumes, got.Ports)
	}
	front := &server{TB: t, url: "http://me:pass@" + c.balance() + "/"}
	wants := func(s *server, want int, method, body string) string {
		t.Helper()
		got, answer := s.request(method, "f", strings.NewReader(body))
		if got != want {
			t.Errorf("%s at %s is answered %d, want %d: %s", method, s.url, got, want, answer)
		}
		return answer
	}
	wants(front, http.StatusCreated, http.MethodPut, "content")
	for i, g := range gateways {
		wants(g, http.StatusUnauthorized, http.MethodGet, "")
		g.url = strings.Replace(g.url, "://", "://me:pass@", 1)
		if got := wants(g, http.StatusOK, http.MethodGet, ""); got != "content" {
			t.Errorf("gateway%d has %q", i+1, got)
		}
	}
	wants(front, http.StatusOK, "LOCK", exclusiveLock)
	for _, g := range gateways {
		wants(g, http.StatusLocked, http.MethodPut, "other")
	}
}

// A composeFile is packaging/cluster/compose.yaml as far as it is run here.
type composeFile struct {
	Services map[string]struct {
		Command     words
		Environment map[string]string
		Volumes     []string
		Secrets     []string
		Ports       []string
	}
	Networks map[string]struct {
		IPAM struct{ Config []struct{ Subnet string } }
	}
	Volumes map[string]any
	Secrets map[string]struct{ File string }

	*testing.T `yaml:"-"`
	dir        string            // of the files and volumes
	ports      map[string]string // those here by those in containers
}

// words are a command, as one text or as a list.
type words []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (w *words) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*w = strings.Fields(node.Value)
		return nil
	}
	return node.Decode((*[]string)(w))
}

func readCompose(t *testing.T) *composeFile {
	t.Helper()
	c := &composeFile{T: t, dir: t.TempDir(), ports: map[string]string{}}
	if err := yaml.Unmarshal([]byte(packaged(t, "compose.yaml").text), c); err != nil {
		t.Fatal(err)
	}
	return c
}

// secret writes the file of a secret.
func (c *composeFile) secret(name, content string) {
	c.Helper()
	if err := os.WriteFile(c.secretPath(name), []byte(content+"\n"), 0o600); err != nil {
		c.Fatal(err)
	}
}

func (c *composeFile) secretPath(name string) string {
	c.Helper()
	if c.Secrets[name].File == "" {
		c.Fatalf("there is no secret %s", name)
	}
	return filepath.Join(c.dir, filepath.Base(c.Secrets[name].File))
}

// host is the address here of a service.
func (c *composeFile) host(service string) string {
	c.Helper()
	if _, there := c.Services[service]; !there {
		c.Fatalf("there is no service %s", service)
	}
	last := service[len(service)-1] - '0'
	if strings.HasPrefix(service, "etcd") {
		return fmt.Sprint("127.0.0.", 10+last)
	}
	return fmt.Sprint("127.0.0.", 20+last)
}

// port is the port here of one in a container.
func (c *composeFile) port(inside string) string {
	c.Helper()
	if c.ports[inside] == "" {
		_, c.ports[inside], _ = strings.Cut(freeAddress(c.T), ":")
	}
	return c.ports[inside]
}

var (
	othersAddress = regexp.MustCompile(`\b((?:etcd|gateway)\d):(\d+)`)
	ownAddress    = regexp.MustCompile(`(^|//)(?:0\.0\.0\.0)?:(\d+)$`)
	secretsFile   = regexp.MustCompile(`^/run/secrets/(\w+)$`)
)

// place makes a text of a service one of this machine.
func (c *composeFile) place(service, text string) string {
	c.Helper()
	if found := secretsFile.FindStringSubmatch(text); found != nil {
		if !slices.Contains(c.Services[service].Secrets, found[1]) {
			c.Errorf("%s has no secret %s", service, found[1])
		}
		return c.secretPath(found[1])
	}
	if text == c.Networks["default"].IPAM.Config[0].Subnet {
		return "127.0.0.0/8"
	}
	if rest, isData := strings.CutPrefix(text, "/data"); isData {
		for _, volume := range c.Services[service].Volumes {
			name, at, _ := strings.Cut(volume, ":")
			if _, there := c.Volumes[name]; there && at == "/data" {
				return filepath.Join(c.dir, name) + rest
			}
		}
		c.Errorf("%s has no volume at /data", service)
	}
	text = othersAddress.ReplaceAllStringFunc(text, func(address string) string {
		name, port, _ := strings.Cut(address, ":")
		return c.host(name) + ":" + c.port(port)
	})
	if found := ownAddress.FindStringSubmatch(text); found != nil {
		text = ownAddress.ReplaceAllString(text, "${1}"+c.host(service)+":"+c.port(found[2]))
	}
	return text
}

func (c *composeFile) command(service string) (all []string) {
	c.Helper()
	for _, word := range c.Services[service].Command {
		all = append(all, c.place(service, word))
	}
	if len(all) == 0 {
		c.Fatalf("%s has no command", service)
	}
	return all
}

func (c *composeFile) environment(service string) (all []string) {
	c.Helper()
	for name, value := range c.Services[service].Environment {
		all = append(all, name+"="+c.place(service, value))
	}
	slices.Sort(all)
	return all
}

// balance starts the balancer and returns its address.
func (c *composeFile) balance() (address string) {
	c.Helper()
	address = freeAddress(c.T)
	p := packaged(c.T, "haproxy.cfg")
	p.replace("bind :8080", "bind "+address)
	p.replace("port 9090", "port "+c.port("9090"))
	p.text = othersAddress.ReplaceAllStringFunc(p.text, func(address string) string {
		name, port, _ := strings.Cut(address, ":")
		return c.host(name) + ":" + c.port(port)
	})
	startProxy(c.T, address, "haproxy", "-db", "-f", p.write())
	return address
}
