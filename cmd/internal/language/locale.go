package language

import "strings"

// Preferred returns the language of a person: by the locale in the environment,
// as POSIX and gettext have it, or else by the languages of the system, the
// preferred first. Where the terminal does not read UTF-8, that is English.
func Preferred(getenv func(string) string, system []string) (Language, error) {
	if speaksRussian(getenv, system) {
		return Russian()
	}
	return Language{}, nil
}

func speaksRussian(getenv func(string) string, system []string) bool {
	first := func(names ...string) string {
		for _, name := range names {
			if value := getenv(name); value != "" {
				return value
			}
		}
		return ""
	}
	locale := first("LC_ALL", "LC_MESSAGES", "LANG")
	if locale == "" {
		return isRussian(system)
	}
	if territory, _, _ := strings.Cut(locale, "."); territory == "C" || territory == "POSIX" {
		return false
	}
	if !isUTF8(first("LC_ALL", "LC_CTYPE", "LANG")) {
		return false
	}
	preferred := []string{locale}
	if list := getenv("LANGUAGE"); list != "" {
		preferred = strings.Split(list, ":")
	}
	return isRussian(preferred)
}

// isRussian reports whether Russian comes before English in a list, in which
// other languages do not count.
func isRussian(preferred []string) bool {
	for _, tag := range preferred {
		code, _, _ := strings.Cut(strings.NewReplacer("-", "_", ".", "_", "@", "_").Replace(strings.ToLower(tag)), "_")
		switch code {
		case "ru":
			return true
		case "en", "c", "posix":
			return false
		}
	}
	return false
}

// isUTF8 reports whether a locale is of that character set. One of macOS may be
// the name of the set alone.
func isUTF8(locale string) bool {
	_, set, found := strings.Cut(locale, ".")
	if !found {
		set = locale
	}
	set, _, _ = strings.Cut(set, "@")
	return strings.ReplaceAll(strings.ToLower(set), "-", "") == "utf8"
}
