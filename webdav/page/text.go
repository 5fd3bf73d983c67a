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
	Empty: "This folder is empty.", Previous: "Previous", Next: "Next", Back: "Home",
	SignIn: "Sign in", User: "Name", Password: "Password", Wrong: "Wrong name or password.",
	Wait: "Too many failed attempts. Wait a moment and try again.",
	Errors: map[int]string{
		http.StatusUnauthorized:          "You are not signed in.",
		http.StatusForbidden:             "This is not allowed.",
		http.StatusNotFound:              "Not found. The file or folder may have been moved, renamed or deleted.",
		http.StatusRequestEntityTooLarge: "This is larger than the disk accepts.",
		http.StatusLocked:                "Somebody else has locked this. Try again later.",
		http.StatusServiceUnavailable:    "The disk is not available at the moment. Nothing is lost; try again later.",
		http.StatusInsufficientStorage:   "The disk is full. Delete files or empty the trash.",
	},
	Other: "The request failed.", NoScript: "Without JavaScript this list is read-only.",
}

var russian = &words{
	Lang: "ru", Home: "Диск", Name: "Имя", Size: "Размер", Changed: "Изменён",
	Empty: "В этой папке пусто.", Previous: "Назад", Next: "Дальше", Back: "На главную",
	SignIn: "Вход", User: "Имя", Password: "Пароль", Wrong: "Неверное имя или пароль.",
	Wait: "Слишком много неверных паролей. Подождите немного и попробуйте снова.",
	Errors: map[int]string{
		http.StatusUnauthorized:          "Вход не выполнен.",
		http.StatusForbidden:             "Это действие не разрешено.",
		http.StatusNotFound:              "Не найдено. Возможно, файл или папка перемещены, переименованы или удалены.",
		http.StatusRequestEntityTooLarge: "Файл больше, чем принимает диск.",
		http.StatusLocked:                "Файл заблокирован другим пользователем. Попробуйте позже.",
		http.StatusServiceUnavailable:    "Диск сейчас недоступен. Ничего не потеряно; попробуйте позже.",
		http.StatusInsufficientStorage:   "Диск заполнен. Удалите что-нибудь или очистите корзину.",
	},
	Other: "Ошибка запроса.", NoScript: "Без JavaScript список можно только читать.",
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
