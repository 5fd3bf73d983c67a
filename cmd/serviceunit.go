package cmd

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The units of the packages; those of davdisk service differ in what they run.
var (
	//go:embed systemd/system/davdisk.service
	systemUnit string
	//go:embed systemd/user/davdisk.service
	userUnit string
)

// unitMark is the first line of a unit that davdisk service install wrote.
const unitMark = "# Written by 'davdisk service install'; 'davdisk service uninstall' removes it.\n"

// userName matches the names that User= of systemd takes.
var userName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`)

// newUnit returns the unit of a service.
func (o serviceOptions) newUnit() (string, error) {
	command := []string{}
	for _, word := range append([]string{o.binary}, o.args...) {
		if !utf8.ValidString(word) {
			return "", misuse("%q is not UTF-8, which a unit of systemd must be", word)
		}
		command = append(command, unitWord(word))
	}
	// The program itself is a path, in which a $ is one.
	command[0] = strings.ReplaceAll(command[0], "$$", "$")
	lines := []string{"ExecStart=" + strings.Join(command, " ")}
	unit := userUnit
	if o.runAs != "" {
		if !userName.MatchString(o.runAs) {
			return "", misuse("--run-as: %q cannot be the name of a user", o.runAs)
		}
		unit = systemUnit
		for _, folder := range o.writable {
			if strings.Contains(unitWord(folder), `\x`) {
				return "", misuse("a unit of systemd cannot name the folder %q", folder)
			}
			lines = append(lines, "ReadWritePaths="+strings.ReplaceAll(unitWord(folder), "$$", "$"))
		}
	}
	var out strings.Builder
	out.WriteString(unitMark)
	for line := range strings.Lines(unit) {
		switch {
		case strings.HasPrefix(line, "ExecStart="):
			fmt.Fprintln(&out, strings.Join(lines, "\n"))
		case strings.HasPrefix(line, "User="):
			fmt.Fprintf(&out, "User=%s\n", o.runAs)
		default:
			out.WriteString(line)
		}
	}
	return out.String(), nil
}

// unitWord quotes a word of a command line, as systemd.service(5) has it.
// Braces are escaped because github.com/kardianos/service takes a unit for a
// template.
func unitWord(word string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range word {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '%' || r == '$':
			out.WriteRune(r)
			out.WriteRune(r)
		case r < ' ' || r == 0x7f || r == '{' || r == '}':
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
	return out.String()
}
