#!/bin/sh
# Runs after files are unpacked. Debian calls it with "configure" and the version
# before, if any; RPM with 1 for a first installation and 2 for an upgrade.
set -e
case $1 in
configure | 1 | 2) ;;
*) exit 0 ;;
esac

if ! getent passwd davdisk >/dev/null; then
	useradd --system --user-group --home-dir /var/lib/davdisk --no-create-home --shell /usr/sbin/nologin davdisk
fi
install -d -o davdisk -g davdisk -m 0700 /var/lib/davdisk /var/cache/davdisk
# Whoever has made it readable to somebody else has a reason.
if [ "$(stat -c %U:%G:%a /etc/davdisk/config.toml)" = root:root:640 ]; then
	chgrp davdisk /etc/davdisk/config.toml
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
	systemctl try-restart davdisk.service || true
fi
