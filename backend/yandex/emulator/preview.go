package emulator

import (
	"image"
	"image/color"
	_ "image/gif" // previews are made of pictures of these kinds
	"image/jpeg"
	_ "image/png"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// previewSizes are the names of sizes in the order in which they are listed,
// with their width in pixels.
func previewSizes() []previewSize {
	return []previewSize{{"DEFAULT", 150}, {"XXXS", 50}, {"XXS", 75}, {"XS", 100}, {"S", 150}, {"M", 300}, {"L", 500}, {"XL", 800}, {"XXL", 1024}, {"XXXL", 1280}, {"C", 150}}
}

type previewSize struct {
	name  string
	width int
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

// previewLinks returns the link to a preview of the requested size and the list
// of all sizes.
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
		for _, size := range previewSizes() {
			href := base()
			switch size.name {
			case "DEFAULT":
			case "C":
				href += "&size=S&crop=0"
			default:
				href += "&size=" + size.name + "&crop=0"
			}
			out = append(out, object{{"url", href}, {"name", size.name}})
		}
		return out
	}
	return preview, sizes
}

// servePreview sends a picture of a file: a smaller one of a picture, a plain
// one of anything else.
func (e *Emulator) servePreview(w http.ResponseWriter, r *http.Request) {
	e.mu.Lock()
	allowed := e.knobs.PreviewPublic || e.oauth.granted(r, e.knobs, e.now()) != nil
	e.mu.Unlock()
	if !allowed {
		nginxError(w, http.StatusForbidden)
		return
	}
	id, v := e.verify("/preview/", r.URL.Path)
	content := e.contents.get(id)
	if v != linkGood || content == nil {
		nginxError(w, http.StatusNotFound)
		return
	}
	width, height := previewBox(r.URL.Query().Get("size"))
	w.Header().Set("Content-Type", "image/jpeg")
	if err := jpeg.Encode(e.countDown(w), shrink(picture(content), width, height), nil); err != nil {
		e.log.Debug("preview", "error", err)
	}
}

var previewForm = regexp.MustCompile(`^(\d{0,4})(x?)(\d{0,4})$`)

// previewBox parses a size: a name, a width "120" or "120x", a height "x145",
// or both "120x240". An omitted side is 0.
func previewBox(size string) (width, height int) {
	for _, known := range previewSizes() {
		if known.name == strings.ToUpper(size) {
			return known.width, 0
		}
	}
	if parts := previewForm.FindStringSubmatch(size); parts != nil {
		width, _ = strconv.Atoi(parts[1])
		height, _ = strconv.Atoi(parts[3])
	}
	if width == 0 && height == 0 {
		width = 150
	}
	return width, height
}

// maxPixels is the largest picture that is decoded.
const maxPixels = 50e6

// picture decodes content as an image; anything else becomes a square in a
// color of its own.
func picture(c *content) image.Image {
	body, err := c.open()
	if err == nil {
		defer body.Close()
		config, _, err := image.DecodeConfig(body)
		if err == nil && float64(config.Width)*float64(config.Height) <= maxPixels {
			if _, err := body.Seek(0, 0); err == nil {
				if img, _, err := image.Decode(body); err == nil {
					return img
				}
			}
		}
	}
	shade, _ := strconv.ParseUint(c.md5[:6], 16, 32)
	img := image.NewRGBA(image.Rect(0, 0, 150, 150))
	for i := 0; i < len(img.Pix); i += 4 {
		copy(img.Pix[i:], []byte{byte(shade >> 16), byte(shade >> 8), byte(shade), 255})
	}
	return img
}

// shrink scales an image down to fit a box; 0 leaves a side free. It never
// enlarges.
func shrink(img image.Image, width, height int) image.Image {
	from := img.Bounds()
	scale := 1.0
	if width > 0 {
		scale = min(scale, float64(width)/float64(from.Dx()))
	}
	if height > 0 {
		scale = min(scale, float64(height)/float64(from.Dy()))
	}
	if scale == 1 {
		return img
	}
	out := image.NewRGBA(image.Rect(0, 0, max(1, int(float64(from.Dx())*scale)), max(1, int(float64(from.Dy())*scale))))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			at := img.At(from.Min.X+int(float64(x)/scale), from.Min.Y+int(float64(y)/scale))
			out.Set(x, y, color.RGBAModel.Convert(at))
		}
	}
	return out
}
