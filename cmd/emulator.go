package cmd

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
	"github.com/davdisk/davdisk/cmd/internal/language"
)

func emulatorCommand() *cli.Command {
	return &cli.Command{
		Name:  "emulator",
		Usage: "run the emulator of the Yandex Disk API, for tests of programs that use it",
		Flags: []cli.Flag{
			textFlag("addr", "127.0.0.1:0", "serve the API on `HOST:PORT`; the other hosts take free ports"),
			textFlag("control-addr", "", "serve the control port (JSON: reset, seed, faults, counters, dump) on `HOST:PORT`"),
			textFlag("proxy-addr", "", "serve a proxy for HTTPS_PROXY, which stands for the hosts of Yandex, on `HOST:PORT`"),
			textFlag("ca-file", "", "write the certificate for clients to trust to `FILE`"),
			switchFlag("tls", "serve https with that certificate"),
			textFlag("emulator-token", "", "the access `TOKEN` to accept; random if empty"),
			textFlag("emulator-dir", "", "keep content in `DIR` instead of memory"),
			durationFlag("latency", 0, "add `TIME` to every response, such as 30ms"),
			numberFlag("seed", 0, "seed `N` of all random choices"),
		},
		Action: runEmulator,
	}
}

func runEmulator(c *cli.Context) (err error) {
	if _, err := arguments(c); err != nil {
		return err
	}
	control, proxy := c.String("control-addr"), c.String("proxy-addr")
	if dir := c.String("emulator-dir"); dir != "" {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return inFlag("emulator-dir", err)
		}
	}
	server, err := emulator.Start(emulator.Options{
		Addr: c.String("addr"), Token: c.String("emulator-token"), Dir: c.String("emulator-dir"), TLS: c.Bool("tls"),
		Latency: c.Duration("latency"), Seed: uint64(c.Int("seed")), Log: newLog(c),
	})
	if isTaken(err) {
		return language.Errorf("listen on %s: another program has this address; name another with --addr", c.String("addr"))
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	lines := []field{{"api", server.URL}, {"oauth", server.OAuthURL}, {"token", server.Token}}
	if file := c.String("ca-file"); file != "" {
		cert, err := server.CACert()
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, cert, 0o644); err != nil {
			return inFlag("ca-file", err)
		}
		lines = append(lines, field{"ca-file", file})
	}
	if proxy != "" {
		address, err := server.StartProxy(proxy)
		if err != nil {
			return err
		}
		lines = append(lines, field{"proxy", address})
	}
	if control != "" {
		l, err := listen(c.Context, control, false, true)
		if err != nil {
			return err
		}
		var serving sync.WaitGroup
		h := &http.Server{Handler: server.Control(), ReadHeaderTimeout: time.Minute}
		serving.Go(func() { _ = h.Serve(l) }) // ends by Close
		defer serving.Wait()
		defer h.Close()
		lines = append(lines, field{"control", "http://" + l.Addr().String()})
	}
	for _, line := range lines {
		fmt.Fprintf(c.App.ErrWriter, "%s %s\n", line.name, line.value)
	}
	fmt.Fprintf(c.App.ErrWriter, "listening on %s/\n", server.URL)
	<-c.Context.Done()
	return nil
}
