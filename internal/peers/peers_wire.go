package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// wirePeers are those of the upstream part and two that understand nothing of what
// they carry: nginx, which only passes bytes on, and curl without a server.
func wirePeers(found programs) []peer {
	peers := upstreamPeers(found)
	if found.nginx.path != "" {
		peers = append(peers, peer{
			name: "nginx, proxy", version: found.nginx.version, far: true,
			care:  "is given the links of the one file, by which it passes its bytes on; asks, checks and keeps nothing",
			serve: nginxProxy(found.nginx.path),
		})
	}
	if found.curl.path != "" {
		peers = append(peers, peer{
			name: "curl, no server", version: found.curl.version, far: true,
			care:     "is the client itself, and is given the links; checks and keeps nothing",
			straight: curlStraight(found.curl.path),
		})
	}
	return peers
}

// wireTasks are the transfer of one large file.
func wireTasks(z sizes) []task {
	put := putTask("PUT of "+bytesText(z.big), 1, 1, z.big)
	get := getTask("GET of "+bytesText(z.big), 1, 1, 1, z.big)
	return []task{orStraight(put, contentOf(0, z.big), true), orStraight(get, contentOf(0, z.big), false)}
}

// orStraight lets a peer without a server transfer the one file of a task.
func orStraight(t task, what content, put bool) task {
	byServer := t.work
	t.work = func(s *session) (func() error, error) {
		if s.peer.straight == nil {
			return byServer(s)
		}
		link, to, err := s.site.disk.links(fileName("d", 0))
		if err != nil {
			return nil, err
		}
		if put {
			cmd := s.peer.straight(s.site, to, true)
			cmd.Stdin = what.reader()
			return func() error { return stored(s.place, fileName("d", 0), what) }, s.run(cmd)
		}
		return nothing, s.compare(s.peer.straight(s.site, link, false), what)
	}
	return t
}

// compare runs a program to its end and compares what it writes.
func (s *session) compare(cmd *exec.Cmd, want content) error {
	var said output
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	wrong := want.compare(out)
	out.Close() // a program that has more to say ends
	if err := errors.Join(wrong, cmd.Wait()); err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, &said)
	}
	s.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return nil
}

// curlStraight transfers a file over HTTP/1, as davdisk does.
func curlStraight(path string) func(site, *url.URL, bool) *exec.Cmd {
	return func(s site, link *url.URL, put bool) *exec.Cmd {
		cmd := exec.Command(path, "--silent", "--show-error", "--fail", "--http1.1", "--proxy", s.disk.proxy, "--cacert", s.disk.ca)
		if put {
			cmd.Args = append(cmd.Args, "--upload-file", "-")
		}
		cmd.Args = append(cmd.Args, link.String())
		return cmd
	}
}

// nginxProxy passes a GET and a PUT on to the links of the file that the tasks
// work on.
func nginxProxy(path string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		get, put, err := s.disk.links(fileName("d", 0))
		if err != nil {
			return nil, err
		}
		through, err := s.disk.relay()
		if err != nil {
			return nil, err
		}
		conf, err := s.config(fmt.Sprintf(`
			daemon off; pid %[1]s/pid; error_log %[1]s/error.log; worker_processes auto;
			events { worker_connections 512; }
			http {
				access_log off; client_max_body_size 0;
				client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy;
				fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
				map $request_method $to { GET "%[4]s"; PUT "%[5]s"; }
				map $request_method $on { GET "%[6]s"; PUT "%[7]s"; }
				server {
					listen %[2]s;
					client_body_buffer_size 256k;
					location / {
						proxy_pass https://%[3]s$to;
						proxy_set_header Host $on; proxy_ssl_name $on; proxy_ssl_server_name on;
						proxy_ssl_verify on; proxy_ssl_trusted_certificate %[8]s;
						proxy_http_version 1.1; proxy_request_buffering off;
						proxy_buffers 16 256k; proxy_buffer_size 256k; proxy_busy_buffers_size 512k; proxy_max_temp_file_size 0;
					}
				}
			}`, s.private, s.address, through, get.RequestURI(), put.RequestURI(), get.Host, put.Host, s.disk.ca))
		return exec.Command(path, "-c", conf, "-p", s.private), err
	}
}

// links returns where the service lets a file be read and stored. The link to
// read a file that does not exist is an address that cannot be read.
func (d *disk) links(name string) (get, put *url.URL, err error) {
	pem, err := os.ReadFile(d.ca)
	if err != nil {
		return nil, nil, err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	proxy, err := url.Parse(d.proxy)
	if err != nil {
		return nil, nil, err
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: trusted}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(address string) (status int, location string, body []byte, err error) {
		req, err := http.NewRequest(http.MethodGet, address, nil)
		if err != nil {
			return 0, "", nil, err
		}
		req.Header.Set("Authorization", "OAuth "+d.Token)
		res, err := client.Do(req)
		if err != nil {
			return 0, "", nil, err
		}
		defer res.Body.Close()
		body, err = io.ReadAll(io.LimitReader(res.Body, 1<<20))
		return res.StatusCode, res.Header.Get("Location"), body, err
	}
	link := func(kind string) (*url.URL, error) {
		status, _, body, err := send("https://cloud-api.yandex.net/v1/disk/resources/" + kind + "?path=" + url.QueryEscape("disk:/"+name))
		if status == http.StatusNotFound || err != nil {
			return &url.URL{Host: "cloud-api.yandex.net", Path: "/"}, err
		}
		var answer struct{ Href string }
		if err := json.Unmarshal(body, &answer); err != nil || answer.Href == "" {
			return nil, fmt.Errorf("the link to %s is answered %d %s", kind, status, body)
		}
		return url.Parse(answer.Href)
	}
	if get, err = link("download"); err != nil {
		return nil, nil, err
	}
	if get.Path == "/" { // there is no file: it is going to be stored
		put, err = link("upload")
		return get, put, err
	}
	// The downloader sends the client on to the host that has the content.
	_, location, _, err := send(get.String())
	if err != nil {
		return nil, nil, err
	}
	get, err = url.Parse(location)
	return get, &url.URL{Host: "cloud-api.yandex.net", Path: "/"}, err
}

// relay returns an address at which the disk answers HTTPS for all its hosts, for
// a server that knows no proxy. It ends with the disk.
func (d *disk) relay() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	var connections sync.WaitGroup
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer connections.Wait()
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			connections.Go(func() {
				defer from.Close()
				_ = d.pass(from) // the server says what it could not do
			})
		}
	}()
	d.ends = append(d.ends, func() error {
		err := l.Close()
		<-ended
		return err
	})
	return l.Addr().String(), nil
}

// pass connects a connection with the disk until one of them ends.
func (d *disk) pass(from net.Conn) error {
	to, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", strings.TrimPrefix(d.proxy, "http://"))
	if err != nil {
		return err
	}
	defer to.Close()
	const host = "cloud-api.yandex.net:443"
	if _, err := fmt.Fprintf(to, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", host); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(to), &http.Request{Method: http.MethodConnect})
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK { // the other side speaks first, so nothing behind it has been read
		return errors.New(res.Status)
	}
	done := make(chan error, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, err := io.Copy(way[0], way[1])
			done <- err
		}()
	}
	err = <-done
	from.Close()
	to.Close()
	return errors.Join(err, <-done)
}
