package emulator

import (
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// hosts are the addresses in the links of one response. A request for a host of
// Yandex, through the proxy, gets links to hosts of Yandex; any other gets the
// addresses of this emulator.
type hosts struct {
	base   func(role) string
	yandex bool
}

// yandexHosts lists the hosts of the service with their roles.
var yandexHosts = []struct {
	name *regexp.Regexp
	role role
}{
	{regexp.MustCompile(`^cloud-api\.yandex\.(net|com|ru)$`), roleAPI},
	{regexp.MustCompile(`^oauth\.yandex\.(ru|com)$`), roleOAuth},
	{regexp.MustCompile(`^login\.yandex\.(ru|com)$`), roleOAuth},
	{regexp.MustCompile(`^uploader[0-9]*[a-z]*\.disk\.yandex\.net$`), roleUploader},
	{regexp.MustCompile(`^([0-9]+\.)?downloader\.disk\.yandex\.ru$`), roleDownloader},
	{regexp.MustCompile(`^zipper-external\.disk\.yandex\.net$`), roleDownloader},
	{regexp.MustCompile(`^s[0-9]+[a-z0-9]*\.storage\.yandex\.net$`), roleStorage},
}

// yandexRole returns the role of a host, given with or without a port.
func yandexRole(host string) (role, bool) {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for _, known := range yandexHosts {
		if known.name.MatchString(strings.ToLower(host)) {
			return known.role, true
		}
	}
	return 0, false
}

func (e *Emulator) hostsOf(r *http.Request) hosts {
	if _, ok := yandexRole(r.Host); ok {
		return hosts{yandex: true, base: func(to role) string {
			switch to {
			case roleOAuth:
				return "https://oauth.yandex.ru"
			case roleUploader:
				return "https://uploader61j.disk.yandex.net:443"
			case roleDownloader:
				return "https://downloader.disk.yandex.ru"
			case roleStorage:
				return "https://s112klg.storage.yandex.net"
			}
			if host, _, err := net.SplitHostPort(r.Host); err == nil {
				return "https://" + host
			}
			return "https://" + r.Host
		}}
	}
	return hosts{base: func(to role) string {
		if base, ok := e.bases[to]; ok {
			return base
		}
		if r.TLS != nil {
			return "https://" + r.Host
		}
		return "http://" + r.Host
	}}
}

// link returns a Link object of the API.
func link(href string) object {
	return object{{"href", href}, {"method", http.MethodGet}, {"templated", false}}
}

// resourceLink returns the link to the metadata of a path.
func (c *call) resourceLink(path string) object {
	return link(c.hosts.base(roleAPI) + "/v1/disk/resources?path=" + url.QueryEscape(path))
}
