// The words of the page in the languages it has.
export const config = JSON.parse(document.body.dataset.config);
export const lang = config.lang;

const en = {
  home: "Home", name: "Name", size: "Size", changed: "Changed", files: "Files",
  filter: "Filter, Enter searches below", searching: "Searching…", results: "Found: “{0}”", clear: "Clear", noResults: "Nothing was found.",
  incomplete: "There is more. Write more letters to find it.",
  upload: "Upload", uploadFolder: "Upload a folder", newFolder: "New folder", folderName: "Name of the folder", untitled: "New folder {0}",
  list: "List", grid: "Grid", menu: "Menu", shared: "Shared", trash: "Trash", status: "Status and connection", help: "Keyboard", signOut: "Sign out",
  selected: "{0} selected", download: "Download", zip: "Download as ZIP", move: "Move", copy: "Copy", rename: "Rename", share: "Share", remove: "Delete", select: "Select {0}", selectAll: "Select all",
  empty: "This folder is empty", emptyHint: "Drop files here, or use Upload.", emptyReadOnly: "There is nothing to see here.", noMatch: "No name here matches the filter.",
  items: "Items: {0}", free: "{0} of {1} used",
  cancel: "Cancel", ok: "OK", close: "Close", retry: "Retry", undo: "Undo", skip: "Skip", replace: "Replace", keepBoth: "Keep both", all: "Do this for all",
  exists: "“{0}” is there already", existsText: "There: {0}, {1}. Yours: {2}.", existsFolder: "A folder of this name is there already.",
  uploads: "Uploads", done: "done", failed: "failed", waiting: "waits", skipped: "skipped", canceled: "canceled", cancelAll: "Cancel all", progress: "{0} of {1}, {2}/s",
  uploadsDone: "All uploads are stored.", uploadsFailed: "{0} uploads did not work. What was there before is untouched.",
  removed: "Deleted: {0}", removedForGood: "Deleted for good: {0}", reallyRemove: "Delete {0} for good?", noTrash: "There is no trash here: this cannot be undone.", restored: "Restored: {0}",
  moveHere: "Move here", copyHere: "Copy here", moveTo: "Move {0} to", copyTo: "Copy {0} to", noFolders: "No folders here.", moved: "Moved: {0}", copied: "Copied: {0}",
  linkOf: "Link to {0}", copyLink: "Copy", linkCopied: "The link is copied.", withdraw: "Withdraw", linkGone: "The link is withdrawn.", linkHint: "Whoever has the link can read this.", nothingShared: "Nothing is shared.", open: "Open", makeLink: "Make a link",
  trashEmpty: "The trash is empty.", emptyTrash: "Empty the trash", reallyEmpty: "Delete everything in the trash for good?", restore: "Restore", discard: "Delete for good", deletedAt: "deleted", whereTo: "Restore under which name?",
  connect: "Open this disk in your file manager", version: "Version", uploading: "Being stored in the background", nothingWaits: "Everything is stored.", storeOk: "The disk answers.", user: "Signed in as {0}",
  previous: "Previous", next: "Next", notText: "This cannot be shown here.", tooLong: "This is too long to be shown here.",
  changedMeanwhile: "“{0}” was changed by somebody else meanwhile. Nothing was done; look at it first.", gone: "This folder is not there any more. It may have been moved, renamed or deleted.", offline: "The server does not answer. Nothing is lost; it is tried again.", signedOut: "You are not signed in any more. Load the page anew.",
  s401: "You are not signed in any more. Load the page anew.", s403: "This is not allowed here.", s404: "It is not there any more.", s405: "Something else of this name is there.", s409: "The folder it should go to is not there any more.", s412: "Somebody else has changed it meanwhile.", s413: "It is larger than the disk accepts.", s423: "Somebody else is working on it and has locked it.", s503: "The disk does not answer at the moment.", s507: "The disk is full.", other: "It did not work ({0}).", network: "The connection broke off.",
  badName: "A name cannot be empty, “.”, “..”, or have a slash.", readOnly: "Read only", drop: "Drop to upload here",
  keys: "Arrows: move · Enter: open · Backspace: up · Space: select · Ctrl+A: all · F2: rename · Delete: delete · /: filter · Esc: clear · ?: this", leaving: "Uploads are not finished.",
};

const ru = {
  home: "Диск", name: "Имя", size: "Размер", changed: "Изменён", files: "Файлы",
  filter: "Фильтр, Enter ищет внутри", searching: "Поиск…", results: "Найдено: «{0}»", clear: "Сбросить", noResults: "Ничего не найдено.",
  incomplete: "Это не всё. Уточните запрос.",
  upload: "Загрузить", uploadFolder: "Загрузить папку", newFolder: "Новая папка", folderName: "Имя папки", untitled: "Новая папка {0}",
  list: "Список", grid: "Плитка", menu: "Меню", shared: "Общий доступ", trash: "Корзина", status: "Состояние и подключение", help: "Клавиши", signOut: "Выйти",
  selected: "Выбрано: {0}", download: "Скачать", zip: "Скачать ZIP", move: "Переместить", copy: "Копировать", rename: "Переименовать", share: "Поделиться", remove: "Удалить", select: "Выбрать {0}", selectAll: "Выбрать всё",
  empty: "В этой папке пусто", emptyHint: "Перетащите файлы сюда или нажмите «Загрузить».", emptyReadOnly: "Здесь ничего нет.", noMatch: "Под фильтр ничего не подходит.",
  items: "Объектов: {0}", free: "Занято {0} из {1}",
  cancel: "Отмена", ok: "ОК", close: "Закрыть", retry: "Повторить", undo: "Вернуть", skip: "Пропустить", replace: "Заменить", keepBoth: "Оставить оба", all: "Так для всех",
  exists: "«{0}» уже есть", existsText: "Там: {0}, {1}. Ваш: {2}.", existsFolder: "Папка с таким именем уже есть.",
  uploads: "Загрузки", done: "готово", failed: "ошибка", waiting: "ждёт", skipped: "пропущено", canceled: "отменено", cancelAll: "Отменить всё", progress: "{0} из {1}, {2}/с",
  uploadsDone: "Все загрузки сохранены.", uploadsFailed: "Не удалось загрузить: {0}. Что было раньше, не тронуто.",
  removed: "Удалено: {0}", removedForGood: "Удалено навсегда: {0}", reallyRemove: "Удалить {0} навсегда?", noTrash: "Корзины здесь нет: вернуть будет нельзя.", restored: "Восстановлено: {0}",
  moveHere: "Переместить сюда", copyHere: "Копировать сюда", moveTo: "Куда переместить {0}", copyTo: "Куда копировать {0}", noFolders: "Папок нет.", moved: "Перемещено: {0}", copied: "Скопировано: {0}",
  linkOf: "Ссылка на {0}", copyLink: "Копировать", linkCopied: "Ссылка скопирована.", withdraw: "Закрыть доступ", linkGone: "Доступ закрыт.", linkHint: "Прочитать сможет любой, у кого есть ссылка.", nothingShared: "Общего доступа ни к чему нет.", open: "Открыть", makeLink: "Создать ссылку",
  trashEmpty: "Корзина пуста.", emptyTrash: "Очистить корзину", reallyEmpty: "Удалить всё из корзины навсегда?", restore: "Восстановить", discard: "Удалить навсегда", deletedAt: "удалено", whereTo: "Под каким именем восстановить?",
  connect: "Открыть этот диск в файловом менеджере", version: "Версия", uploading: "Сохраняется в фоне", nothingWaits: "Всё сохранено.", storeOk: "Диск отвечает.", user: "Вы вошли как {0}",
  previous: "Предыдущий", next: "Следующий", notText: "Это нельзя показать здесь.", tooLong: "Это слишком длинно, чтобы показать здесь.",
  changedMeanwhile: "«{0}» тем временем изменил кто-то другой. Ничего не сделано; сначала посмотрите.", gone: "Этой папки больше нет. Возможно, она перемещена, переименована или удалена.", offline: "Сервер не отвечает. Ничего не потеряно, попытки продолжаются.", signedOut: "Вы больше не в системе. Загрузите страницу заново.",
  s401: "Вы больше не в системе. Загрузите страницу заново.", s403: "Здесь это не разрешено.", s404: "Этого больше нет.", s405: "Под этим именем есть что-то другое.", s409: "Папки, куда это должно попасть, больше нет.", s412: "Тем временем это изменил кто-то другой.", s413: "Это больше, чем принимает диск.", s423: "С этим работает кто-то другой и запер файл.", s503: "Диск сейчас не отвечает.", s507: "Диск заполнен.", other: "Не получилось ({0}).", network: "Соединение оборвалось.",
  badName: "Имя не может быть пустым, «.», «..» или содержать косую черту.", readOnly: "Только чтение", drop: "Отпустите, чтобы загрузить сюда",
  keys: "Стрелки: перемещение · Enter: открыть · Backspace: вверх · Пробел: выбрать · Ctrl+A: всё · F2: переименовать · Delete: удалить · /: фильтр · Esc: сбросить · ?: эта подсказка", leaving: "Загрузки не закончены.",
};

const words = lang === "ru" ? ru : en;

// t is a text with {0}, {1}, … filled in.
export const t = (key, ...values) => (words[key] ?? en[key] ?? key).replace(/\{(\d)\}/g, (_, i) => values[i]);
export const missing = Object.keys(en).filter((key) => !(key in ru));
