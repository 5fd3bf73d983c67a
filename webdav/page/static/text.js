// The words of the page in the languages it has.
export const config = JSON.parse(document.body.dataset.config);
export const lang = config.lang;

const en = {
  home: "Home", name: "Name", size: "Size", changed: "Changed", files: "Files",
  filter: "Filter or search (Enter)", searching: "Searching…", results: "Found: “{0}”", clear: "Clear", noResults: "Nothing found.",
  incomplete: "Not all results are shown. Refine the search.",
  upload: "Upload", uploadFolder: "Upload a folder", newFolder: "New folder", folderName: "Name of the folder", untitled: "New folder {0}",
  list: "List", grid: "Grid", menu: "Menu", shared: "Shared", trash: "Trash", status: "Status and connection", help: "Keyboard", signOut: "Sign out",
  selected: "{0} selected", download: "Download", zip: "Download as ZIP", move: "Move", copy: "Copy", rename: "Rename", share: "Share", remove: "Delete", select: "Select {0}", selectAll: "Select all",
  empty: "This folder is empty", emptyHint: "Drop files here, or use Upload.", emptyReadOnly: "It is read-only.", noMatch: "No names match the filter.",
  items: "Items: {0}", free: "{0} of {1} used",
  cancel: "Cancel", ok: "OK", close: "Close", retry: "Retry", undo: "Undo", skip: "Skip", replace: "Replace", keepBoth: "Keep both", all: "Do this for all",
  exists: "“{0}” already exists", existsText: "Existing file: {0}, {1}. Yours: {2}.", existsFolder: "A folder with this name already exists.",
  uploads: "Uploads", done: "done", failed: "failed", waiting: "waiting", skipped: "skipped", canceled: "canceled", canceledLate: "canceled after everything was sent; it may still be stored", cancelAll: "Cancel all", progress: "{0} of {1}, {2}/s",
  uploadsDone: "All uploads are complete.", uploadsFailed: "Failed uploads: {0}. Existing files are unchanged.",
  removed: "Deleted: {0}", removedForGood: "Permanently deleted: {0}", reallyRemove: "Delete {0} permanently?", noTrash: "This disk has no trash. This cannot be undone.", restored: "Restored: {0}",
  moveHere: "Move here", copyHere: "Copy here", moveTo: "Move {0} to", copyTo: "Copy {0} to", noFolders: "No folders here.", moved: "Moved: {0}", copied: "Copied: {0}",
  linkOf: "Link to {0}", copyLink: "Copy", linkCopied: "Link copied.", withdraw: "Withdraw", linkGone: "Link withdrawn.", linkHint: "Anyone with the link can read this.", nothingShared: "Nothing is shared.", open: "Open", makeLink: "Make a link",
  trashEmpty: "The trash is empty.", emptyTrash: "Empty the trash", reallyEmpty: "Delete everything in the trash permanently?", restore: "Restore", discard: "Delete permanently", deletedAt: "deleted", whereTo: "Restore as",
  connect: "Open this disk in your file manager", version: "Version", uploading: "Uploading in the background", nothingWaits: "Everything is stored.", storeOk: "The disk is available.", user: "Signed in as {0}",
  previous: "Previous", next: "Next", notText: "This file cannot be shown here.", tooLong: "This file is too large to be shown here.",
  changedMeanwhile: "Somebody else changed “{0}” in the meantime. Nothing was done; check it first.", gone: "This folder no longer exists. It may have been moved, renamed or deleted.", offline: "The server does not respond. Nothing is lost; trying again.", signedOut: "You are signed out. Reload the page to sign in.",
  s401: "You are signed out. Reload the page to sign in.", s403: "This is not allowed.", s404: "It no longer exists.", s405: "The name is already taken.", s409: "The target folder no longer exists.", s412: "Somebody else changed it in the meantime.", s413: "It is larger than the disk accepts.", s423: "Somebody else has locked it.", s503: "The disk is not available at the moment.", s507: "The disk is full.", other: "Failed: {0}", network: "The connection was lost.",
  badName: "A name must not be empty, “.” or “..”, or contain a slash.", readOnly: "Read-only", unnamed: "Entries whose names are not valid text, and cannot be shown: {0}", drop: "Drop to upload here",
  keys: "Arrows: move · Enter: open · Backspace: up · Space: select · Ctrl+A: all · F2: rename · Delete: delete · /: filter · Esc: clear · ?: help", leaving: "Uploads are not finished.",
};

const ru = {
  home: "Диск", name: "Имя", size: "Размер", changed: "Изменён", files: "Файлы",
  filter: "Фильтр или поиск (Enter)", searching: "Поиск…", results: "Найдено: «{0}»", clear: "Сбросить", noResults: "Ничего не найдено.",
  incomplete: "Это не всё. Уточните запрос.",
  upload: "Загрузить", uploadFolder: "Загрузить папку", newFolder: "Новая папка", folderName: "Имя папки", untitled: "Новая папка {0}",
  list: "Список", grid: "Плитка", menu: "Меню", shared: "Общий доступ", trash: "Корзина", status: "Состояние и подключение", help: "Клавиши", signOut: "Выйти",
  selected: "Выбрано: {0}", download: "Скачать", zip: "Скачать ZIP", move: "Переместить", copy: "Копировать", rename: "Переименовать", share: "Поделиться", remove: "Удалить", select: "Выбрать {0}", selectAll: "Выбрать всё",
  empty: "В этой папке пусто", emptyHint: "Перетащите файлы сюда или нажмите «Загрузить».", emptyReadOnly: "Здесь ничего нет.", noMatch: "Под фильтр ничего не подходит.",
  items: "Объектов: {0}", free: "Занято {0} из {1}",
  cancel: "Отмена", ok: "ОК", close: "Закрыть", retry: "Повторить", undo: "Вернуть", skip: "Пропустить", replace: "Заменить", keepBoth: "Оставить оба", all: "Так для всех",
  exists: "«{0}» уже есть", existsText: "Там: {0}, {1}. Ваш: {2}.", existsFolder: "Папка с таким именем уже есть.",
  uploads: "Загрузки", done: "готово", failed: "ошибка", waiting: "ждёт", skipped: "пропущено", canceled: "отменено", canceledLate: "отменено после полной отправки; файл может появиться на диске", cancelAll: "Отменить всё", progress: "{0} из {1}, {2}/с",
  uploadsDone: "Все загрузки сохранены.", uploadsFailed: "Не удалось загрузить: {0}. Что было раньше, не тронуто.",
  removed: "Удалено: {0}", removedForGood: "Удалено навсегда: {0}", reallyRemove: "Удалить {0} навсегда?", noTrash: "Корзины здесь нет: вернуть будет нельзя.", restored: "Восстановлено: {0}",
  moveHere: "Переместить сюда", copyHere: "Копировать сюда", moveTo: "Куда переместить {0}", copyTo: "Куда копировать {0}", noFolders: "Папок нет.", moved: "Перемещено: {0}", copied: "Скопировано: {0}",
  linkOf: "Ссылка на {0}", copyLink: "Копировать", linkCopied: "Ссылка скопирована.", withdraw: "Закрыть доступ", linkGone: "Доступ закрыт.", linkHint: "Прочитать сможет любой, у кого есть ссылка.", nothingShared: "Общего доступа ни к чему нет.", open: "Открыть", makeLink: "Создать ссылку",
  trashEmpty: "Корзина пуста.", emptyTrash: "Очистить корзину", reallyEmpty: "Удалить всё из корзины навсегда?", restore: "Восстановить", discard: "Удалить навсегда", deletedAt: "удалено", whereTo: "Под каким именем восстановить?",
  connect: "Открыть этот диск в файловом менеджере", version: "Версия", uploading: "Сохраняется в фоне", nothingWaits: "Всё сохранено.", storeOk: "Диск отвечает.", user: "Вы вошли как {0}",
  previous: "Предыдущий", next: "Следующий", notText: "Это нельзя показать здесь.", tooLong: "Это слишком длинно, чтобы показать здесь.",
  changedMeanwhile: "«{0}» тем временем изменил кто-то другой. Ничего не сделано; сначала посмотрите.", gone: "Этой папки больше нет. Возможно, она перемещена, переименована или удалена.", offline: "Сервер не отвечает. Ничего не потеряно, попытки продолжаются.", signedOut: "Сеанс завершён. Обновите страницу, чтобы войти.",
  s401: "Сеанс завершён. Обновите страницу, чтобы войти.", s403: "Это действие не разрешено.", s404: "Файл или папка больше не существует.", s405: "Это имя уже занято.", s409: "Папка назначения больше не существует.", s412: "Файл тем временем изменил кто-то другой.", s413: "Файл больше, чем принимает диск.", s423: "Файл заблокирован другим пользователем.", s503: "Диск сейчас недоступен.", s507: "Диск заполнен.", other: "Ошибка: {0}", network: "Соединение прервано.",
  badName: "Имя не может быть пустым, «.», «..» или содержать косую черту.", unnamed: "Не показано, так как имена записаны не в UTF-8: {0}", readOnly: "Только чтение", drop: "Отпустите, чтобы загрузить сюда",
  keys: "Стрелки: перемещение · Enter: открыть · Backspace: вверх · Пробел: выбрать · Ctrl+A: всё · F2: переименовать · Delete: удалить · /: фильтр · Esc: сбросить · ?: эта подсказка", leaving: "Загрузки не закончены.",
};

const words = lang === "ru" ? ru : en;

// t is a text with {0}, {1}, … filled in.
export const t = (key, ...values) => (words[key] ?? en[key] ?? key).replace(/\{(\d)\}/g, (_, i) => values[i]);
export const missing = Object.keys(en).filter((key) => !(key in ru));
