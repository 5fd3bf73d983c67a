package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
)

// localPeers serve a folder of this machine.
func localPeers(found programs) []peer {
	peers := []peer{{
		name: "davdisk", version: found.davdisk.version,
		care: "syncs what it stores, and its locks, before it answers",
		serve: func(s site) (*exec.Cmd, error) {
			cmd := exec.Command(found.davdisk.path, "serve", string(s.folder), "--addr", s.address)
			cmd.Env = s.environment()
			return cmd, nil
		},
	}}
	add := func(p program, made peer) {
		if p.path != "" {
			made.version = p.version
			peers = append(peers, made)
		}
	}
	const unsynced = "does not sync what it stores; "
	add(found.nginx, peer{name: "nginx", serve: nginx(found.nginx.path),
		care: unsynced + "keeps locks in memory"})
	add(found.apache, peer{name: "Apache", serve: apache(found.apache.path),
		care: unsynced + "keeps locks in a file"})
	add(found.lighttpd, peer{name: "lighttpd", serve: lighttpd(found.lighttpd.path),
		care: unsynced + "keeps locks in SQLite"})
	add(found.self, peer{name: "x/net", serve: xnet(found.self.path),
		care: unsynced + "writes over the old file while a PUT runs; keeps locks in memory"})
	for _, rclone := range []program{found.rclone, found.debianRclone} {
		add(rclone, peer{name: "rclone " + rclone.version, serve: localRclone(rclone.path),
			care: unsynced + "keeps locks in memory; remembers a listing for five minutes"})
		if rclone.path != "" {
			break // the newer one stands for both
		}
	}
	return peers
}

func nginx(path string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		as := ""
		if os.Getuid() == 0 {
			as = "user root;"
		}
		conf, err := s.config(fmt.Sprintf(`
			load_module %[1]s; %[2]s
			daemon off; pid %[3]s/pid; error_log %[3]s/error.log; worker_processes auto;
			events { worker_connections 512; }
			http {
				access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000;
				client_body_temp_path %[3]s/body; proxy_temp_path %[3]s/proxy;
				fastcgi_temp_path %[3]s/f; uwsgi_temp_path %[3]s/u; scgi_temp_path %[3]s/s;
				client_max_body_size 0; dav_ext_lock_zone zone=locks:10m;
				server {
					listen %[4]s;
					location / {
						root %[5]s; dav_access user:rw group:r all:r;
						dav_methods PUT DELETE MKCOL COPY MOVE;
						dav_ext_methods PROPFIND OPTIONS LOCK UNLOCK; dav_ext_lock zone=locks;
					}
				}
			}`, nginxDavExt, as, s.private, s.address, s.folder))
		return exec.Command(path, "-c", conf, "-p", s.private), err
	}
}

func apache(path string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		as, err := webUser(s.private, string(s.folder))
		if err != nil {
			return nil, err
		}
		var load strings.Builder
		for _, name := range []string{"mpm_event", "authz_core", "dav", "dav_fs", "dir"} {
			fmt.Fprintf(&load, "LoadModule %s_module %s/mod_%[1]s.so\n", name, apacheModules)
		}
		conf, err := s.config(fmt.Sprintf(`
ServerRoot %[1]s
DefaultRuntimeDir %[1]s
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
ServerName localhost
Listen %[2]s
%[3]s%[4]s
DocumentRoot %[5]s
DavLockDB %[1]s/locks
KeepAlive On
MaxKeepAliveRequests 0
LimitXMLRequestBody 0
<Directory %[5]s>
Dav On
AllowOverride None
Require all granted
</Directory>
`, s.private, s.address, load.String(), as, s.folder))
		return exec.Command(path, "-f", conf, "-D", "FOREGROUND"), err
	}
}

// webUser gives folders to the user that Apache is to become, and returns the
// directives that name it. Apache refuses to run as root.
func webUser(folders ...string) (string, error) {
	if os.Getuid() != 0 {
		return "", nil
	}
	web, err := user.Lookup("www-data")
	if err != nil {
		return "", err
	}
	uid, err := strconv.Atoi(web.Uid)
	if err != nil {
		return "", err
	}
	gid, err := strconv.Atoi(web.Gid)
	if err != nil {
		return "", err
	}
	for _, folder := range folders {
		if err := os.Chown(folder, uid, gid); err != nil {
			return "", err
		}
	}
	return "User www-data\nGroup www-data\n", nil
}

func lighttpd(path string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		host, port, err := net.SplitHostPort(s.address)
		if err != nil {
			return nil, err
		}
		temporary := filepath.Join(s.private, "uploads")
		if err := os.Mkdir(temporary, 0o700); err != nil {
			return nil, err
		}
		conf, err := s.config(fmt.Sprintf(`
server.modules = ("mod_webdav")
server.document-root = "%s"
server.bind = "%s"
server.port = %s
server.errorlog = "%s/error.log"
server.upload-dirs = ("%s")
server.max-keep-alive-requests = 0
webdav.activate = "enable"
webdav.is-readonly = "disable"
webdav.sqlite-db-name = "%[4]s/webdav.db"
`, s.folder, host, port, s.private, temporary))
		return exec.Command(path, "-D", "-f", conf), err
	}
}

func xnet(path string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		return exec.Command(path, "-serve-xnet", string(s.folder), "-addr", s.address), nil
	}
}

func localRclone(path string) func(site) (*exec.Cmd, error) {
	return func(s site) (*exec.Cmd, error) {
		cmd := exec.Command(path, "serve", "webdav", string(s.folder), "--addr", s.address, "--vfs-cache-mode", "off")
		cmd.Env = s.environment("RCLONE_CONFIG=" + filepath.Join(s.private, "rclone.conf"))
		return cmd, nil
	}
}
