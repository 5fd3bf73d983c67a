#!/bin/sh
# Runs before files are removed. Debian calls it with "remove", or "upgrade", where
# the service goes on until the new one is there; RPM with 0 or 1 in their place.
set -e
case $1 in
remove | 0) ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then
	systemctl disable --now davdisk.service davdisk.socket || true
fi
