package page

import (
	"net/http"

	"golang.org/x/text/language"
)

// words are the texts of pages written by the server. Those of the script are
// in static/text.js.
type words struct {
	Lang                          string
	Home, Name, Size, Changed     string
	Empty, Previous, Next, Back   string
	SignIn, User, Password, Wrong string
	Wait                          string
	Errors                        map[int]string
	Other                         string
	NoScript                      string
}

var english = &words{
	Lang: "en", Home: "Home", Name: "Name", Size: "Size", Changed: "Changed",
	Empty: "This folder is empty.", Previous: "Previous", Next: "Next", Back: "To the first folder",
	SignIn: "Sign in", User: "Name", Password: "Password", Wrong: "The name or the password is wrong.",
	Wait: "Too many wrong passwords. Wait a moment, then try again.",
	Errors: map[int]string{
		http.StatusUnauthorized:          "You are not signed in.",
		http.StatusForbidden:             "This is not allowed here.",
		http.StatusNotFound:              "There is nothing at this address. It may have been moved, renamed or deleted.",
		http.StatusRequestEntityTooLarge: "This is larger than the disk accepts.",
		http.StatusLocked:                "Somebody else is working on this and has locked it. Try again later.",
		http.StatusServiceUnavailable:    "The disk does not answer at the moment. Nothing is lost: try again in a while.",
		http.StatusInsufficientStorage:   "The disk is full. Delete something, or empty the trash.",
	},
	Other: "This did not work.", NoScript: "Without JavaScript the list can be read only.",
}

var russian = &words{
	Lang: "ru", Home: "Диск", Name: "Имя", Size: "Размер", Changed: "Изменён",
	Empty: "В этой папке пусто.", Previous: "Назад", Next: "Дальше", Back: "В начало",
	SignIn: "Вход", User: "Имя", Password: "Пароль", Wrong: "Неверное имя или пароль.",
	Wait: "Слишком много неверных паролей. Подождите немного и попробуйте снова.",
	Errors: map[int]string{
		http.StatusUnauthorized:          "Вы не вошли.",
		http.StatusForbidden:             "Здесь это не разрешено.",
		http.StatusNotFound:              "По этому адресу ничего нет. Возможно, файл перемещён, переименован или удалён.",
		http.StatusRequestEntityTooLarge: "Это больше, чем принимает диск.",
		http.StatusLocked:                "Кто-то работает с этим файлом и запер его. Попробуйте позже.",
		http.StatusServiceUnavailable:    "Диск сейчас не отвечает. Ничего не потеряно: попробуйте чуть позже.",
		http.StatusInsufficientStorage:   "Диск заполнен. Удалите что-нибудь или очистите корзину.",
	},
	Other: "Не получилось.", NoScript: "Без JavaScript список можно только читать.",
}

// wordsFor returns the texts in the language that the browser prefers.
func wordsFor(req *http.Request) *words {
	asked, _, err := language.ParseAcceptLanguage(req.Header.Get("Accept-Language"))
	if err != nil {
		return english
	}
	_, index, _ := language.NewMatcher([]language.Tag{language.English, language.Russian}).Match(asked...)
	if index == 1 {
		return russian
	}
	return english
}
