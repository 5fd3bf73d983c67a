#!/bin/sh
# Runs after files are removed. The state folder stays, also when the package is
# purged: it may hold uploads that are not yet stored, and only its owner can tell.
set -e
case $1 in
purge)
	rm -rf /var/cache/davdisk
	if [ -d /var/lib/davdisk ] && ! rmdir /var/lib/davdisk 2>/dev/null; then
		echo "davdisk: /var/lib/davdisk holds logins and perhaps uploads not yet stored; remove it when you no longer need it"
	fi
	;;
esac
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
