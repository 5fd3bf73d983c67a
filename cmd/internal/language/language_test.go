package language

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/davdisk/davdisk/backend"
)

func TestTheLocaleChooses(t *testing.T) {
	tests := []struct {
		env     map[string]string
		system  []string
		russian bool
	}{
		{nil, nil, false},
		{map[string]string{"LANG": "ru_RU.UTF-8"}, nil, true},
		{map[string]string{"LANG": "ru_RU.utf8@latin"}, nil, true},
		{map[string]string{"LANG": "ru_RU.KOI8-R"}, nil, false},
		{map[string]string{"LANG": "ru_RU"}, nil, false}, // ISO-8859-5
		{map[string]string{"LANG": "rup_IT.UTF-8"}, nil, false},
		{map[string]string{"LANG": "en_US.UTF-8"}, []string{"ru-RU"}, false},
		{map[string]string{"LANG": "ru_RU.UTF-8", "LC_ALL": "C"}, nil, false},
		{map[string]string{"LANG": "ru_RU.UTF-8", "LC_ALL": "C.UTF-8", "LANGUAGE": "ru"}, nil, false},
		{map[string]string{"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "POSIX"}, nil, false},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}, nil, true},
		{map[string]string{"LC_MESSAGES": "ru_RU.UTF-8"}, nil, false}, // LC_CTYPE is C
		{map[string]string{"LC_MESSAGES": "ru_RU.UTF-8", "LC_CTYPE": "UTF-8"}, nil, true},
		{map[string]string{"LANG": "ru_RU.UTF-8", "LC_CTYPE": "ru_RU.KOI8-R"}, nil, false},
		{map[string]string{"LANG": "en_US.UTF-8", "LANGUAGE": "ru:en"}, nil, true},
		{map[string]string{"LANG": "ru_RU.UTF-8", "LANGUAGE": "en:ru"}, nil, false},
		{map[string]string{"LANG": "ru_RU.UTF-8", "LANGUAGE": "uk_UA:ru_RU"}, nil, true},
		{nil, []string{"ru-RU", "en-US"}, true},
		{nil, []string{"en-US", "ru-RU"}, false},
		{nil, []string{"de-DE", "ru-RU"}, true},
	}
	for _, test := range tests {
		lang, err := Preferred(func(name string) string { return test.env[name] }, test.system)
		if err != nil || lang.IsEnglish() == test.russian {
			t.Errorf("%v and %q: English is %v, %v", test.env, test.system, lang.IsEnglish(), err)
		}
	}
}

func russianOf(t *testing.T) Language {
	t.Helper()
	lang, err := Russian()
	if err != nil {
		t.Fatal(err)
	}
	return lang
}

func TestANumberHasTheFormOfItsNoun(t *testing.T) {
	lang := russianOf(t)
	for n, want := range map[int64]string{
		0: "0 файлов", 1: "1 файл", 2: "2 файла", 4: "4 файла", 5: "5 файлов", 11: "11 файлов", 12: "12 файлов", 14: "14 файлов",
		20: "20 файлов", 21: "21 файл", 22: "22 файла", 111: "111 файлов", 112: "112 файлов", 121: "121 файл", 1001: "1001 файл",
	} {
		if got := (Count{n, "file"}).In(lang); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
	if one, two := (Count{1, "file"}).String(), (Count{2, "file"}).String(); one != "1 file" || two != "2 files" {
		t.Errorf("in English: %q, %q", one, two)
	}
	if got := (Count{3, "thing of another program"}).In(lang); got != "3 thing of another programs" {
		t.Errorf("an unknown noun: %q", got)
	}
}

func TestNamesAreQuoted(t *testing.T) {
	lang := russianOf(t)
	for name, want := range map[string]string{
		"a":        "«a»: нет такого",
		`say "hi"`: `«say "hi"»: нет такого`,
		"a\x1b[1m": `«a\x1b[1m»: нет такого`,
		"a»: done": `"a»: done": нет такого`,
		"%s %d":    "«%s %d»: нет такого",
	} {
		if got := lang.Sprintf("%q: нет такого", name); got != want {
			t.Errorf("%q is told as %s, want %s", name, got, want)
		}
	}
	if got := lang.Sprintf("%-5s|%5s|%d", "я", "я", 7); got != "я    |    я|7" {
		t.Errorf("padded: %q", got)
	}
}

func TestErrorsAreToldThroughTheirLayers(t *testing.T) {
	lang := russianOf(t)
	missing := backend.PathError("stat", "yandex:a", fs.ErrNotExist, "")
	tests := []struct {
		err  error
		want string
	}{
		{fs.ErrNotExist, "нет такого файла или папки"},
		{errors.New("nobody knows this"), "nobody knows this"},
		{missing, "yandex:a: нет такого файла или папки"},
		{fmt.Errorf("get it: %w", missing), "get it: yandex:a: нет такого файла или папки"},
		{Errorf("read the configuration: %w", fs.ErrPermission), "не удалось прочитать конфигурацию: нет прав доступа"},
		{Errorf("nobody says %q: %w", "x", fs.ErrPermission), "nobody says «x»: нет прав доступа"},
		{&backend.Error{Kind: backend.ErrQuota, Message: "(DiskFull: no room)"}, "в хранилище нет места (DiskFull: no room)"},
		{&backend.Error{Kind: fs.ErrExist, Message: "--overwrite replaces it"}, "уже существует: --overwrite заменит"},
		{&backend.Error{Kind: backend.ErrLocked, Message: "an earlier change of it has not ended yet (Locked)"}, "занято другой операцией: предыдущее изменение ещё не завершено (Locked)"},
		{&os.LinkError{Op: "rename", Old: "a", New: "b", Err: fs.ErrExist}, "a → b: уже существует"},
	}
	for _, test := range tests {
		if got := lang.Error(test.err); got != test.want {
			t.Errorf("%v is told as %q, want %q", test.err, got, test.want)
		}
		if got := (Language{}).Error(test.err); got != test.err.Error() {
			t.Errorf("in English %v is told as %q", test.err, got)
		}
	}
	if err := Errorf("nobody says %q", "x"); err != error(err) || errors.Is(err, fs.ErrExist) { //nolint:errorlint // must not panic
		t.Errorf("%v is not itself", err)
	}
	if err := Errorf("read the configuration: %w", fs.ErrPermission); !errors.Is(err, fs.ErrPermission) || err.Error() != "read the configuration: permission denied" {
		t.Errorf("%v wraps %v", err, errors.Unwrap(err))
	}
}

func TestAPhraseIsInBothLanguages(t *testing.T) {
	lang := russianOf(t)
	p := Say("%s, or set DAVDISK_TOKEN", Say("run 'davdisk login %s:'", "work"))
	if got := p.String(); got != "run 'davdisk login work:', or set DAVDISK_TOKEN" {
		t.Errorf("in English: %s", got)
	}
	if got := p.In(lang); got != "выполните «davdisk login work:» или задайте DAVDISK_TOKEN" {
		t.Errorf("in Russian: %s", got)
	}
	if got := lang.Text("show help\n\n"); got != "показать эту справку\n\n" {
		t.Errorf("the ends of lines are lost: %q", got)
	}
}
