package webdav

import (
	"net/http"
	"time"
)

// appendHTTPTime appends a time as [http.TimeFormat] has it. Package time takes
// three times as long to follow that layout, and a listing has one for each entry.
func appendHTTPTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.AppendFormat(dst, http.TimeFormat)
	}
	hour, minute, second := t.Clock()
	dst = append(dst, t.Weekday().String()[:3]...)
	dst = append(dst, ',', ' ', digit(day/10), digit(day), ' ')
	dst = append(dst, month.String()[:3]...)
	dst = append(dst, ' ', digit(year/1000), digit(year/100), digit(year/10), digit(year), ' ')
	dst = append(dst, digit(hour/10), digit(hour), ':', digit(minute/10), digit(minute), ':', digit(second/10), digit(second))
	return append(dst, " GMT"...)
}

// digit returns the last digit of a number.
func digit(n int) byte { return '0' + byte(n%10) }
