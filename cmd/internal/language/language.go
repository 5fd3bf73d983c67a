// Package language speaks to a person: in English, as the sources have it, or in
// Russian, by a catalogue that has a Russian text for each English one. A
// [Phrase] is what is to be said, whose language is chosen where it is printed.
// What programs read (JSON, logs, metrics, completions) is always English.
package language

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/BurntSushi/toml"
)

// A Language is what a person reads. The zero value is English.
type Language struct{ texts map[string]entry }

// entry is the translation of a text; of a number with a noun, in three forms.
type entry struct{ one, few, many string }

//go:embed ru.toml
var russian string

// Russian returns the language of the catalogue.
func Russian() (Language, error) {
	var raw map[string]any
	if _, err := toml.Decode(russian, &raw); err != nil {
		return Language{}, err
	}
	texts := make(map[string]entry, len(raw))
	for english, value := range raw {
		switch value := value.(type) {
		case string:
			texts[english] = entry{many: value}
		case []any:
			if len(value) != 3 {
				return Language{}, fmt.Errorf("%q: want the forms for 1, 2 and 5", english)
			}
			texts[english] = entry{fmt.Sprint(value[0]), fmt.Sprint(value[1]), fmt.Sprint(value[2])}
		default:
			return Language{}, fmt.Errorf("%q: want a text or three", english)
		}
	}
	return Language{texts}, nil
}

// IsEnglish reports whether nothing is to be translated.
func (l Language) IsEnglish() bool { return l.texts == nil }

// Text translates a text without arguments. One that is not in the catalogue, as
// that of a driver of another program, stays English.
func (l Language) Text(english string) string {
	trimmed := strings.TrimRight(english, "\n")
	if found, ok := l.texts[trimmed]; ok {
		return found.many + english[len(trimmed):]
	}
	return english
}

// Sprintf is that of package fmt with a translated format. Phrases and errors
// among the arguments are translated as well.
func (l Language) Sprintf(format string, args ...any) string {
	if l.IsEnglish() {
		return fmt.Sprintf(format, args...)
	}
	translated := make([]any, len(args))
	for i, arg := range args {
		switch arg := arg.(type) {
		case Localizer:
			translated[i] = name(arg.In(l))
		case error:
			translated[i] = name(l.Error(arg))
		case string:
			translated[i] = name(arg)
		default:
			translated[i] = arg
		}
	}
	return fmt.Sprintf(strings.ReplaceAll(l.Text(format), "%w", "%v"), translated...)
}

// Fprintf writes what Sprintf returns.
func (l Language) Fprintf(w io.Writer, format string, args ...any) (int, error) {
	return io.WriteString(w, l.Sprintf(format, args...))
}

// count is a number with its noun in the form that the number demands.
func (l Language) count(c Count) string {
	forms, ok := l.texts["%d "+c.Noun]
	if !ok {
		return c.String()
	}
	format, n := forms.many, c.N%100
	switch {
	case n >= 11 && n <= 14:
	case n%10 == 1:
		format = forms.one
	case n%10 >= 2 && n%10 <= 4:
		format = forms.few
	}
	return fmt.Sprintf(format, c.N)
}
