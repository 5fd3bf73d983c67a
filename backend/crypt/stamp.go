package crypt

import (
	"path"
	"regexp"
	"time"
)

// stamped matches the time that rclone adds to the name of an old version.
var stamped = regexp.MustCompile(`-v(\d{4}-\d\d-\d\d-\d{6})-\d{3}$`)

// cutStamp splits a name "report-v2006-01-02-150405-000.txt" into "report.txt"
// and the stamp, which is empty if there is none.
func cutStamp(name string) (rest, stamp string) {
	stem, ext := splitExtension(name)
	at := stamped.FindStringSubmatchIndex(stem)
	if at == nil {
		return name, ""
	}
	if _, err := time.Parse("2006-01-02-150405", stem[at[2]:at[3]]); err != nil {
		return name, ""
	}
	return stem[:at[0]] + ext, stem[at[0]:]
}

// addStamp is the opposite of cutStamp, for most names: some that begin with a
// stamp or a dot get another name back.
func addStamp(name, stamp string) string {
	stem, ext := splitExtension(name)
	return stem + stamp + ext
}

// splitExtension splits off the extension; ".profile" has none.
func splitExtension(name string) (stem, ext string) {
	ext = path.Ext(name)
	if ext == name {
		return name, ""
	}
	return name[:len(name)-len(ext)], ext
}
