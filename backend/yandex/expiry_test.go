package yandex

import (
	"testing"
	"time"
)

// TestExpiry: a link ends when its third part says so, and one of another form when
// links usually do.
func TestExpiry(t *testing.T) {
	now := time.Unix(0x668e0000, 0)
	said, usual := time.Unix(0x668ee8e8, 0), now.Add(linkLife)
	for href, want := range map[string]time.Time{
		"https://downloader.disk.yandex.ru/disk/0123/668ee8e8/key?uid=1": said,
		"https://downloader.disk.yandex.ru/disk/0123/668EE8E8/a/b/c":     said,
		"https://downloader.disk.yandex.ru/disk/0123/668ee8e8":           said,
		"https://downloader.disk.yandex.ru/disk/0123/668ee8e8?a=/b/c":    said,
		"https://h/disk/0123/ffffffff/key":                               usual, // too late to be true
		"https://h/disk/0123/66 ee8e8/key":                               usual,
		"https://h/disk/668ee8e8/key":                                    usual,
		"https://h/disk/0123/4567/668ee8e8/key":                          usual,
		"https://h/disk/0123?/668ee8e8/key":                              usual,
		"https://h":                                                      usual,
		"/disk/0123/668ee8e8/key":                                        usual,
		"":                                                               usual,
	} {
		if got := expiry(href, now); !got.Equal(want) {
			t.Errorf("%q ends at %v, want %v", href, got, want)
		}
	}
}
