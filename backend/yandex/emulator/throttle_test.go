package emulator

import (
	"net/http/httptest"
	"testing"
)

func TestWhatIsThrottled(t *testing.T) {
	for _, test := range []struct {
		path, agent string
		all         bool
		want        int64
	}{
		{"/a.zip", "", false, 100},
		{"/a.bin", "curl", false, 100},
		{"/a", "", false, 100},
		{"/a.mp4", "", false, 100},
		{"/a.mp3", "", false, 100},
		{"/a.txt", "", false, 0},
		{"/a.jpg", "", false, 0},
		{"/a.zip", `Yandex.Disk {"os":"windows"}`, false, 0},
		{"/a.zip", `Yandex.Disk {"os":"windows"}`, true, 100},
	} {
		c := &call{r: httptest.NewRequest("GET", "/", nil), knobs: Knobs{ThrottleRate: 100, ThrottleAll: test.all}}
		c.r.Header.Set("User-Agent", test.agent)
		p, fail := parsePath(test.path, c.knobs)
		if fail != nil {
			t.Fatal(fail.message)
		}
		if got := c.throttle(p); got != test.want {
			t.Errorf("%+v: %d bytes a second", test, got)
		}
	}
}
