package emulator

import "net/http"

// The account of the emulator.
const (
	uid          = "100000001"
	login        = "usr01"
	registered   = "2017-01-01T00:00:00+00:00"
	applications = "Приложения"
	appName      = "davdisk"
	downloads    = "Загрузки"
)

// diskInfo returns quota, limits, system folders and the account.
func (e *Emulator) diskInfo(c *call) (reply, *failure) {
	revision := e.disk.revision
	switch c.knobs.Revision {
	case "second":
		revision -= revision % 1e6
	case "frozen":
		revision = rootTime.UnixMicro()
	}
	info := object{
		{"max_file_size", c.knobs.maxFileSize()},
		{"paid_max_file_size", int64(paidMaxFileSize)},
		{"total_space", c.knobs.totalSpace()},
		{"reg_time", registered},
		{"trash_size", e.disk.trashed},
		{"is_paid", c.knobs.Paid},
		{"is_idm_managed_folder_address_access", false},
		{"used_space", e.disk.used},
		{"system_folders", object{
			{"odnoklassniki", "disk:/Социальные сети/Одноклассники"},
			{"google", "disk:/Социальные сети/Google+"},
			{"instagram", "disk:/Социальные сети/Instagram"},
			{"vkontakte", "disk:/Социальные сети/ВКонтакте"},
			{"attach", "disk:/Почтовые вложения"},
			{"mailru", "disk:/Социальные сети/Мой Мир"},
			{"downloads", "disk:/" + downloads + "/"},
			{"applications", "disk:/" + applications},
			{"facebook", "disk:/Социальные сети/Facebook"},
			{"social", "disk:/Социальные сети/"},
			{"messenger", "disk:/Файлы Мессенджера"},
			{"calendar", "disk:/Материалы встреч"},
			{"scans", "disk:/Сканы"},
			{"screenshots", "disk:/Скриншоты/"},
			{"photostream", "disk:/Фотокамера/"},
		}},
		{"user", object{
			{"reg_time", registered}, {"display_name", login}, {"uid", uid},
			{"country", "ru"}, {"is_child", false}, {"login", login},
		}},
		{"is_idm_managed_public_access", false},
		{"unlimited_autoupload_enabled", false},
		{"revision", revision},
	}
	if c.knobs.Revision == "absent" {
		info = info.without("revision")
	}
	return reply{status: http.StatusOK, body: info}, nil
}

// quota returns the failure for a full disk.
func (e *Emulator) quota(k Knobs) *failure {
	full := errQuota
	if k.QuotaCode != "" {
		full.code = k.QuotaCode
	}
	return &full
}

// makeAppFolder creates the application's folder on first use.
func (e *Emulator) makeAppFolder() {
	e.makeAll(diskPath{area: "disk", parts: []string{applications, appName}})
}
