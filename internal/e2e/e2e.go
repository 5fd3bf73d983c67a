// Package e2e holds the tests that drive the built davdisk binary with real
// WebDAV clients, over the emulator of the Yandex Disk API. It has no code of
// its own.
package e2e
