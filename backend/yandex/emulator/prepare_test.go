package emulator_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// prepare makes what was there before the recording began, and so is not in it.
func (r *replay) prepare() {
	switch r.name {
	case "01-oauth-code-refresh-revoke":
		r.names["1234567"] = r.e.IssueCode("00000000000000000000000000000000")
	case "03-copy-nonempty-dir":
		r.e.SetKnobs(func(k *emulator.Knobs) { k.PreviewDelay = -1 })
	case "04-oauth-device-flow":
		r.e.SetKnobs(func(k *emulator.Knobs) { k.DevicePolls = 1 })
	case "07-files-flat-list":
		r.prepareFiles()
	case "10-my-public-resources":
		r.preparePublished()
	case "17-listdir-limit-0":
		for i := range 6 {
			r.must(r.e.Mkdir(fmt.Sprintf("/YaDiskTest/test_listdir_with_max_items/dir%d", i)))
		}
	case "21-downloader-gone-410":
		r.must(r.e.WriteFile("/old", []byte("old")))
		href := r.api("GET", "/resources/download", "path", "/old")["href"].(string)
		r.names[normal(r.flow[0].Request.URL)] = href
		r.clock.Advance(5 * time.Hour)
	case "26-public-settings":
		r.must(r.e.Mkdir("/YaDiskTest/test_public_settings"))
	case "27-publish-unpublish":
		r.must(r.e.Mkdir("/YaDiskTest/test_publish_unpublish"))
	case "32-last-uploaded-fields":
		for i := range 10 {
			r.must(r.e.WriteFile(fmt.Sprintf("/file%d", i), nil))
		}
	case "36-publish-500":
		r.e.Inject(emulator.Fault{Endpoint: emulator.Publish, Status: 500})
	}
}

// prepareFiles makes the files that a flat list showed, and what lay between.
func (r *replay) prepareFiles() {
	for _, x := range r.flow {
		for _, item := range items(x.Response.JSON) {
			r.must(r.e.WriteFile(item["path"].(string), nil))
		}
	}
	for _, name := range []string{"FuzA", "FuzB", "FuzC"} {
		r.must(r.e.WriteFile("/Data/Part/"+name, nil))
	}
}

// preparePublished publishes what the recording lists, the last one first.
func (r *replay) preparePublished() {
	r.e.SetKnobs(func(k *emulator.Knobs) { k.PreviewDelay = -1 })
	shown := make(map[int]map[string]any)
	for _, x := range r.flow[:3] {
		u, err := url.Parse(x.Request.URL)
		r.must(err)
		offset, err := strconv.Atoi(u.Query().Get("offset"))
		r.must(err)
		for i, item := range items(x.Response.JSON) {
			shown[offset+i] = item
		}
	}
	for i := 9; i >= 0; i-- {
		r.clock.Advance(time.Second)
		path := fmt.Sprintf("disk:/between/%d", i)
		kind := any("dir")
		if item, ok := shown[i]; ok {
			path, kind = item["path"].(string), item["type"]
		}
		if kind == "file" {
			r.must(r.e.WriteFile(path, nil))
		} else {
			r.must(r.e.Mkdir(path))
		}
		if _, ok := shown[i]["custom_properties"]; ok {
			r.must(r.e.SetProperties(path, nil))
		}
		r.api("PUT", "/resources/publish", "path", path)
	}
}

// api makes a call that is not part of the recording.
func (r *replay) api(method, path string, params ...string) map[string]any {
	r.t.Helper()
	req, err := http.NewRequest(method, "https://cloud-api.yandex.net/v1/disk"+path+"?"+query(params...), nil)
	r.must(err)
	req.Header.Set("Authorization", "OAuth "+r.token)
	resp, err := r.client.Do(req)
	r.must(err)
	defer resp.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode/100 != 2 {
		r.t.Fatalf("%s %s: %d %v", method, path, resp.StatusCode, err)
	}
	return out
}

// expectOperation makes the operation that exchange i begins take as long as
// recorded.
func (r *replay) expectOperation(i int) {
	if r.name == "18-makedirs" && i == 6 { // the recording leaves out how these came to be
		r.must(r.e.Mkdir("/YaDiskTest/test_makedirs_with_schema/parent1/parent2/parent3/leaf_directory"))
	}
	body, _ := r.flow[i].Response.JSON.(map[string]any)
	href, _ := body["href"].(string)
	if !strings.Contains(href, "/operations/") {
		return
	}
	polls := 0
	for _, later := range r.flow[i+1:] {
		answer, _ := later.Response.JSON.(map[string]any)
		if strings.HasPrefix(later.Request.URL, href) && answer["status"] == "in-progress" {
			polls++
		}
	}
	r.e.SetKnobs(func(k *emulator.Knobs) { k.OperationPolls = polls })
}
