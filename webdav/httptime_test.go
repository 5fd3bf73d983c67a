package webdav

import (
	"math/rand/v2"
	"net/http"
	"testing"
	"time"
)

func TestAppendHTTPTime(t *testing.T) {
	times := []time.Time{
		{}, time.Unix(0, 0), time.Unix(-1, 0), time.Unix(1<<62, 0), time.Unix(-1<<62, 0),
		time.Date(-1, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9, 9, 9, 9, 9, 9, 9, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2024, 2, 29, 23, 30, 0, 0, time.FixedZone("", -3600)),
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		times = append(times, time.Unix(random.Int64N(400*365*86400)-200*365*86400, random.Int64N(1e9)).In(time.FixedZone("", random.IntN(86400)-43200)))
	}
	for _, at := range times {
		if got, want := string(appendHTTPTime([]byte("x"), at)), "x"+at.UTC().Format(http.TimeFormat); got != want {
			t.Fatalf("%v: %s, want %s", at, got, want)
		}
	}
}
