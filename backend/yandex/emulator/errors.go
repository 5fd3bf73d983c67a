package emulator

import "fmt"

// A failure is an error response: the status and the three members of the
// API's error body. The code is stable; the message is for people, in Russian.
type failure struct {
	status               int
	code                 string
	description, message string
	retryAfter           string // header, empty for none
}

// The failures of the API, by the name of their code.
var (
	errUnauthorized     = failure{status: 401, code: "UnauthorizedError", description: "Unauthorized", message: "Не авторизован."}
	errForbidden        = failure{status: 403, code: "ForbiddenError", description: "Access denied.", message: "Доступ запрещён. Возможно, у приложения недостаточно прав для данного действия."}
	errOverdraft        = failure{status: 403, code: "DiskAPIDisabledForOverdraftUserError", description: "API is not available.", message: "API недоступно. Ваши файлы занимают больше места, чем у вас есть. Удалите лишнее или увеличьте объём Диска."}
	errPassword         = failure{status: 403, code: "DiskSymlinkPasswordRequiredError", description: "Password required", message: "Требуется пароль"}
	errNotFound         = failure{status: 404, code: "DiskNotFoundError", description: "Resource not found.", message: "Не удалось найти запрошенный ресурс."}
	errNoRoute          = failure{status: 404, code: "NotFoundError", description: "Not Found", message: "Ресурс не найден."}
	errNoOperation      = failure{status: 404, code: "DiskOperationNotFoundError", description: "Operation not found.", message: "Не удалось найти  операцию."}
	errMethod           = failure{status: 405, code: "MethodNotAllowedError", description: "Method Not Allowed", message: "Данный метод не поддерживается."}
	errNotAcceptable    = failure{status: 406, code: "NotAcceptableError", description: "Not Acceptable", message: "Ресурс не может быть представлен в запрошенном формате."}
	errMD5Differs       = failure{status: 409, code: "MD5DifferError", description: "MD5 of the resource differs from the given one.", message: "Указанный md5 не совпадает с md5 ресурса."}
	errTooLarge         = failure{status: 413, code: "DiskFileSizeLimitExceededError", description: "File is too large.", message: "Загрузка файла недоступна. Файл слишком большой."}
	errMediaType        = failure{status: 415, code: "UnsupportedMediaTypeError", description: "Unsupported Media Type", message: "Неподдерживаемый тип данных в теле запроса."}
	errLocked           = failure{status: 423, code: "DiskResourceLockedError", description: "Resource is locked.", message: "Ресурс заблокирован. Возможно, над ним выполняется другая операция."}
	errTraffic          = failure{status: 423, code: "DiskUploadTrafficLimitExceeded", description: "Upload traffic limit exceeded.", message: "Загрузка файлов недоступна, можно только просматривать и скачивать. Вы достигли ограничения по загрузке файлов."}
	errReadOnly         = failure{status: 423, code: "DiskReadOnlyError", description: "Service is in read-only mode.", message: "Технические работы. Сейчас можно только просматривать и скачивать файлы."}
	errTooManyRequests  = failure{status: 429, code: "TooManyRequestsError", description: "Too many requests.", message: "Слишком много запросов."}
	errTooManyDownloads = failure{status: 429, code: "DiskResourceDownloadLimitExceededError", description: "Download limit exceeded.", message: "Ресурс скачивали слишком часто."}
	errInternal         = failure{status: 500, code: "InternalServerError", description: "Internal Server Error", message: "Ошибка сервера."}
	errUnavailable      = failure{status: 503, code: "ServiceUnavailableError", description: "Service is temporarily unavailable.", message: "Сервис временно недоступен."}
	errQuota            = failure{status: 507, code: "DiskStorageQuotaExhaustedError", description: "Not enough free space.", message: "Недостаточно свободного места."}
)

func (f failure) ptr() *failure { return &f }

func errFieldRequired(field string) *failure {
	return &failure{status: 400, code: "FieldValidationError",
		description: fmt.Sprintf(`Error validating field "%s": This field is required.`, field),
		message:     fmt.Sprintf(`Ошибка проверки поля "%s": Это поле является обязательным.`, field)}
}

func errFieldInvalid(field, why, russian string) *failure {
	return &failure{status: 400, code: "FieldValidationError",
		description: fmt.Sprintf(`Error validating field "%s": %s`, field, why),
		message:     fmt.Sprintf(`Ошибка проверки поля "%s": %s`, field, russian)}
}

func errPathFormat(path string) *failure {
	return &failure{status: 400, code: "DiskPathFormatError",
		description: fmt.Sprintf(`Specified path "%s" has incorrect format.`, path),
		message:     fmt.Sprintf(`Указанный путь "%s" имеет некорректный формат.`, path)}
}

// errBadRequest is the documented response to malformed data.
func errBadRequest(description, message string) *failure {
	return &failure{status: 400, code: "BadRequestError", description: description, message: message}
}

func errNoParent(asked string) *failure {
	return &failure{status: 409, code: "DiskPathDoesntExistsError",
		description: fmt.Sprintf(`Specified path "%s" doesn't exists.`, asked),
		message:     fmt.Sprintf(`Указанного пути "%s" не существует.`, asked)}
}

func errFolderExists(asked string) *failure {
	return &failure{status: 409, code: "DiskPathPointsToExistentDirectoryError",
		description: fmt.Sprintf(`Specified path "%s" points to existent directory.`, asked),
		message:     fmt.Sprintf(`По указанному пути "%s" уже существует папка с таким именем.`, asked)}
}

func errExists(asked string) *failure {
	return &failure{status: 409, code: "DiskResourceAlreadyExistsError",
		description: fmt.Sprintf(`Resource "%s" already exists.`, asked),
		message:     fmt.Sprintf(`Ресурс "%s" уже существует.`, asked)}
}

func errRoot(asked string) *failure {
	return &failure{status: 409, code: "DiskPathPointsToRootError",
		description: fmt.Sprintf(`Specified path "%s" points to root.`, asked),
		message:     fmt.Sprintf(`Указанный путь "%s" указывает на корневую папку.`, asked)}
}

// body is the JSON envelope of the failure.
func (f *failure) body() object {
	return object{{"message", f.message}, {"description", f.description}, {"error", f.code}}
}
