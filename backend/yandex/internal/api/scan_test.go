package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// entry is an entry of a folder as the service describes it.
const entry = `{"type":"file","name":"файл %06d.bin","size":1048576,"md5":"d41d8cd98f00b204e9800998ecf8427e",` +
	`"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","created":"2026-11-30T10:00:00+00:00",` +
	`"modified":"2026-11-30T10:00:00+00:00","mime_type":"application/octet-stream","resource_id":"1:%064d","revision":1796077250499544,` +
	`"file":"https://downloader.disk.yandex.ru/disk/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef/668ee8e8/key?uid=1&filename=a&disposition=attachment",` +
	`"custom_properties":{"a":"b"}}`

func pageOf(n int) []byte {
	var page strings.Builder
	fmt.Fprintf(&page, `{"type":"dir","name":"d","path":"disk:/d","_embedded":{"total":%d,"items":[`, n)
	for i := range n {
		if i > 0 {
			page.WriteByte(',')
		}
		fmt.Fprintf(&page, entry, i, i)
	}
	page.WriteString("]}}")
	return []byte(page.String())
}

// known are texts that readResource reads by itself.
func known() map[string]string {
	return map[string]string{
		"page":              string(pageOf(3)),
		"empty page":        string(pageOf(0)),
		"nothing":           `{}`,
		"space":             "\t{ \"type\" :\r\n\"dir\" , \"name\":\"d\"\n} ",
		"unknown members":   `{"new":{"A":[1,true,{"b":[]}],"É":null},"type":"file"}`,
		"surprising values": `{"type":1,"name":null,"size":"12","revision":[],"created":false,"md5":{"a":1},"custom_properties":7}`,
		"null":              `{"type":null,"size":null,"created":null,"custom_properties":null}`,
		"numbers":           `{"size":-0.5e+7,"revision":1E2,"name":-12,"path":0}`,
		"properties":        `{"custom_properties":{"a":"b","c":"\u0064\n","e":"","a":"f"}}`,
		"odd properties":    `{"custom_properties":{"a":"b","\u0061":"c","d":1,"e":null,"f":{"g":[]}}}`,
		"wrong in property": "{\"custom_properties\":{\"a\xff\":\"b\",\"c\":\"\xff\"}}",
		"escapes":           `{"name":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud83d","path":"\u0041"}`,
		"escape at 8":       `{"name":"abcdefg\"ijklmnop"}`,
		"wrong UTF-8":       "{\"name\":\"a\xffb\",\"path\":\"\xc3\"}",
		"twice":             `{"name":"a","name":"b","size":1,"size":"x","custom_properties":{"a":"b"},"custom_properties":{"c":1}}`,
		"total twice":       `{"_embedded":{"total":1,"total":"x","items":[{"_embedded":{"items":[]}}]}}`,
		"short text":        `{"name":"` + strings.Repeat("a", 7) + `"}`,
		"long text":         `{"name":"` + strings.Repeat("a", 100) + `"}`,
	}
}

// unknown are texts that it leaves to encoding/json, some of which are wrong.
func unknown() map[string]string {
	return map[string]string{
		"no text": "", "space only": " ", "null": "null", "array": "[]", "text": `"type"`, "more": "{}{}", "open": "{",
		"upper case":     `{"Type":"file"}`,
		"long s":         `{"ſize":1}`,
		"escaped key":    `{"\u0074ype":"file"}`,
		"key not quoted": `{type:1}`,
		"page twice":     `{"_embedded":{"total":1},"_embedded":{"items":[]}}`,
		"items twice":    `{"_embedded":{"items":[{"name":"a"}],"items":[{}]}}`,
		"page is null":   `{"_embedded":null}`,
		"page is text":   `{"_embedded":"x"}`,
		"items are null": `{"_embedded":{"items":null}}`,
		"item is null":   `{"_embedded":{"items":[null]}}`,
		"total is null":  `{"_embedded":{"total":null}}`,
		"comma at start": `{,"type":"file"}`,
		"comma at end":   `{"type":"file",}`,
		"comma in array": `{"a":[1,]}`,
		"no comma":       `{"type":"file" "name":"a"}`,
		"no colon":       `{"type" "file"}`,
		"no value":       `{"type":}`,
		"control":        "{\"name\":\"a\x1fb\"}",
		"control in 8":   "{\"name\":\"abcdefg\x00bcdefgh\"}",
		"wrong escape":   `{"name":"\x"}`,
		"wrong in 8":     `{"name":"\xcdefghijk"}`,
		"wrong hex":      `{"name":"\u00g0"}`,
		"escape at end":  `{"name":"\`,
		"hex at end":     `{"name":"\u00`,
		"quote missing":  `{"name":"abc`,
		"zero in front":  `{"size":01}`,
		"minus alone":    `{"size":-}`,
		"point at end":   `{"size":1.}`,
		"point at start": `{"size":.1}`,
		"exponent alone": `{"size":1e}`,
		"plus in front":  `{"size":+1}`,
		"wrong word":     `{"size":trve}`,
		"word cut":       `{"size":nul`,
		"longer word":    `{"size":nulll}`,
		"no-break space": "{\u00a0}",
		"brackets wrong": `{"a":[}]`,
		"deep":           `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
		"deep and open":  strings.Repeat(`{"a":`, 5_000),
	}
}

func TestReadResource(t *testing.T) {
	for name, text := range known() {
		if !readResource([]byte(text), &Resource{}) {
			t.Errorf("%s is left to encoding/json", name)
		}
		cutAsJSON(t, text)
	}
	for name, text := range unknown() {
		if readResource([]byte(text), &Resource{}) {
			t.Errorf("%s is not left to encoding/json", name)
		}
		cutAsJSON(t, text)
	}
}

// TestAllMembersAreRead: a member that somebody adds to the types is read.
func TestAllMembersAreRead(t *testing.T) {
	for _, of := range []reflect.Type{reflect.TypeFor[Resource](), reflect.TypeFor[Page]()} {
		for i := range of.NumField() {
			for _, value := range []string{`"2026-11-30T10:00:00+00:00"`, `7`, `{"a":"b"}`, `[{"name":"a"}]`} {
				text := fmt.Sprintf(`{%q:%s}`, of.Field(i).Tag.Get("json"), value)
				if of == reflect.TypeFor[Page]() {
					text = `{"_embedded":` + text + `}`
				}
				sameAsJSON(t, []byte(text))
			}
		}
	}
}

// cutAsJSON fails unless a text, and what is left of it when its end is cut, are
// decoded as encoding/json does.
func cutAsJSON(t *testing.T, text string) {
	t.Helper()
	for cut := range min(len(text), 300) + 1 {
		sameAsJSON(t, []byte(text[:len(text)-cut]))
	}
}

// sameAsJSON fails unless a text is decoded as encoding/json does.
func sameAsJSON(t *testing.T, text []byte) {
	t.Helper()
	var got, want Resource
	err := json.Unmarshal(text, &want)
	if readResource(text, &got) && (err != nil || !reflect.DeepEqual(got, want)) {
		t.Errorf("%.300q\nis decoded to %+v\nencoding/json: %+v, %v", text, got, want, err)
	}
	got = Resource{}
	if failed := decodeJSON(text, &got); fmt.Sprint(failed) != fmt.Sprint(err) || !reflect.DeepEqual(got, want) {
		t.Errorf("%.300q\nis decoded to %+v, %v\nencoding/json: %+v, %v", text, got, failed, want, err)
	}
}

// FuzzReadResource decodes as encoding/json does, or leaves it to that.
func FuzzReadResource(f *testing.F) {
	for _, texts := range []map[string]string{known(), unknown()} {
		for _, text := range texts {
			f.Add([]byte(text))
		}
	}
	f.Fuzz(sameAsJSON)
}

// TestAPageIsDecodedWithFewAllocations: one for each text, and few for all.
func TestAPageIsDecodedWithFewAllocations(t *testing.T) {
	const entries, texts = 1000, 10
	page := pageOf(entries)
	got := testing.AllocsPerRun(3, func() {
		var r Resource
		if err := decodeJSON(page, &r); err != nil || len(r.Embedded.Items) != entries {
			t.Error(err)
		}
	})
	if got > entries*texts+12 {
		t.Errorf("a page of %d entries is decoded with %.0f allocations", entries, got)
	}
}

// TestPagesInAPageTakeLittle: no text takes much more memory than it is long.
func TestPagesInAPageTakeLittle(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		most uint64 // times its length
	}{
		"pages in a page": {`{"_embedded":{"items":[` + strings.Repeat(`{"_embedded":{"items":[]},"name":"a"},`, 4000) + `{}]}}`, 100},
		"names elsewhere": {`{"_embedded":{"items":[]},"new":[` + strings.Repeat(`{"name":0},`, 10000) + `0]}`, 10},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var r Resource
		if !readResource([]byte(test.text), &r) {
			t.Errorf("%s: not read", name)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > test.most*uint64(len(test.text)) {
			t.Errorf("%s: %d KiB of text took %d KiB", name, len(test.text)>>10, got>>10)
		}
	}
}

func BenchmarkPage(b *testing.B) {
	page := pageOf(1000)
	for name, decode := range map[string]func([]byte, any) error{"encoding-json": json.Unmarshal, "readResource": decodeJSON} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(page)))
			for b.Loop() {
				var r Resource
				if err := decode(page, &r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
