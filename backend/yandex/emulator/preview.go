package emulator

import (
	"net/http"
	"net/url"
	"time"
)

// previewSizes are the names of sizes in the order in which they are listed.
func previewSizes() []string {
	return []string{"DEFAULT", "XXXS", "XXS", "XS", "S", "M", "L", "XL", "XXL", "XXXL", "C"}
}

// previewDelay is about how long the service takes to make a preview.
const previewDelay = 3 * time.Second

// hasPreview reports whether a preview of the file exists by now.
func (e *Emulator) hasPreview(c *call, n *node, k kind) bool {
	if c.knobs.NoPreviews || k.media != "image" && k.media != "video" && k.media != "document" {
		return false
	}
	delay := c.knobs.PreviewDelay
	if delay == 0 {
		delay = previewDelay
	}
	return !c.now.Before(n.stored.Add(delay))
}

// previewLinks are the link to a preview of the size asked for and the list of
// all sizes.
func (e *Emulator) previewLinks(c *call, n *node) (preview, sizes lazy) {
	id, name, h := n.content.id, n.name, c.hosts
	size, crop := c.query.Get("preview_size"), "0"
	if size == "" {
		size = "S"
	}
	if cropped, _ := c.flag("preview_crop"); cropped {
		crop = "1"
	}
	base := func() string {
		return h.base(roleDownloader) + e.signed("/preview/", forever, id) + "?uid=" + uid + "&filename=" + url.QueryEscape(name) +
			"&disposition=inline&hash=&limit=0&content_type=image%2Fjpeg&owner_uid=" + uid + "&tknv=v2"
	}
	preview = func() any { return base() + "&size=" + url.QueryEscape(size) + "&crop=" + crop }
	sizes = func() any {
		var out list
		for _, name := range previewSizes() {
			href := base()
			switch name {
			case "DEFAULT":
			case "C":
				href += "&size=S&crop=0"
			default:
				href += "&size=" + name + "&crop=0"
			}
			out = append(out, object{{"url", href}, {"name", name}})
		}
		return out
	}
	return preview, sizes
}

// servePreview sends a picture of a file.
func (e *Emulator) servePreview(w http.ResponseWriter, r *http.Request) {
	nginxError(w, http.StatusNotFound)
}
