package language

import "golang.org/x/sys/windows"

// System returns the languages that the user has chosen in Windows, the
// preferred first.
func System() []string {
	languages, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil {
		return nil
	}
	return languages
}
