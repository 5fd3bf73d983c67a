package cmd

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// healthTime is how long a server may take to say how it is.
const healthTime = 5 * time.Second

func healthCommand() *cli.Command {
	return &cli.Command{
		Name:  "health",
		Usage: "ask a running server on this machine whether it works; for containers and supervisors",
		Flags: []cli.Flag{
			textFlag("admin-addr", "127.0.0.1:9090", "`HOST:PORT` of serve --admin-addr"),
			switchFlag("ready", "ask whether it can serve files now (/readyz), not only whether it runs (/healthz)"),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			page := "/healthz"
			if c.Bool("ready") {
				page = "/readyz"
			}
			answer, err := askHealth(c.Context, c.String("admin-addr"), page)
			if err == nil {
				_, err = fmt.Fprintln(c.App.Writer, answer)
			}
			return err
		},
	}
}

// askHealth returns the answer of a page that says that all is well; any other is
// an error.
func askHealth(ctx context.Context, addr, page string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", misuse("--admin-addr: %q is not HOST:PORT", addr)
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1" // the server listens there too, and answers to that name
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, port) + page
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	resp, err := client.Do(req)
	if err != nil {
		return "", language.Errorf("no server answers on --admin-addr %s: %w", addr, err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return "", err
	}
	answer := strings.TrimSpace(string(text))
	if resp.StatusCode != http.StatusOK {
		return "", language.Errorf("%s answers %s: %s", url, resp.Status, answer)
	}
	return answer, nil
}
