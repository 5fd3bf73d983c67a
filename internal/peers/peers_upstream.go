package main

import (
	"os/exec"
	"path/filepath"
)

// upstreamPeers serve an emulated Yandex Disk. All reach it the same way.
func upstreamPeers(found programs) []peer {
	reach := func(s site) []string {
		return s.environment("HTTPS_PROXY="+s.disk.proxy, "SSL_CERT_FILE="+s.disk.ca,
			"DAVDISK_TOKEN="+s.disk.Token, "DAVDISK_YANDEX_RATE=0",
			"RCLONE_CONFIG="+filepath.Join(s.private, "rclone.conf"), "RCLONE_CONFIG_YA_TYPE=yandex",
			"RCLONE_CONFIG_YA_CLIENT_ID=rclone", "RCLONE_CONFIG_YA_CLIENT_SECRET=secret",
			`RCLONE_CONFIG_YA_TOKEN={"access_token":"`+s.disk.Token+`","token_type":"OAuth","refresh_token":"none","expiry":"2099-01-01T00:00:00Z"}`)
	}
	run := func(s site, program string, args ...string) *exec.Cmd {
		cmd := exec.Command(program, args...)
		cmd.Env = reach(s)
		return cmd
	}
	peers := []peer{{
		name: "davdisk", version: found.davdisk.version, far: true,
		care: "asks, before it answers a PUT, whether the disk holds what was sent; syncs its locks",
		serve: func(s site) (*exec.Cmd, error) {
			return run(s, found.davdisk.path, "serve", "yandex:", "--addr", s.address), nil
		},
		copy: func(s site, from, to string) *exec.Cmd {
			return run(s, found.davdisk.path, "sync", from, "yandex:"+to)
		},
	}}
	for _, rclone := range []program{found.rclone, found.debianRclone} {
		if rclone.path == "" {
			continue
		}
		peers = append(peers, peer{
			name: "rclone " + rclone.version, version: rclone.version, far: true,
			care: "keeps locks in memory",
			serve: func(s site) (*exec.Cmd, error) {
				cmd := run(s, rclone.path, "--ca-cert", s.disk.ca, "serve", "webdav", "ya:", "--addr", s.address, "--vfs-cache-mode", "off")
				if s.slow && rclone == found.rclone {
					// As many as davdisk has; rclone has one unless told, and Debian's has no flag for it.
					cmd.Args = append(cmd.Args, "--vfs-read-chunk-streams", "4", "--vfs-read-chunk-size", "8M")
				}
				return cmd, nil
			},
			copy: func(s site, from, to string) *exec.Cmd {
				return run(s, rclone.path, "--ca-cert", s.disk.ca, "copy", from, "ya:"+to)
			},
		})
	}
	return peers
}
