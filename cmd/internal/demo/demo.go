// Package demo fills an emulated disk for those who want to look before they
// log in: folders, texts, pictures and one large file, with names as people
// give them. It also keeps such a disk in a folder from one trial to the next.
package demo

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"github.com/davdisk/davdisk/cmd/internal/language"
)

// A Disk is what of the emulator this package needs.
type Disk interface {
	Mkdir(path string) error
	WriteFrom(path string, r io.Reader) error
	WritePattern(path string, size int64, seed uint64) error
}

// largeSize is that of the one large file: enough to see a transfer move.
const largeSize = 64 << 20

// Fill writes the samples.
func Fill(d Disk) error {
	for _, dir := range []string{"disk:/Empty folder", "disk:/Загрузки"} {
		if err := d.Mkdir(dir); err != nil {
			return err
		}
	}
	for _, text := range texts {
		if err := d.WriteFrom("disk:/"+text.name, bytes.NewReader([]byte(text.content))); err != nil {
			return err
		}
	}
	for i, name := range []string{"Sunrise.jpg", "Полдень.jpg", "Dusk 🌆.jpg", "Night & day.png"} {
		picture, err := paint(i, name[len(name)-4:] == ".png")
		if err != nil {
			return err
		}
		if err := d.WriteFrom("disk:/Photos/"+name, picture); err != nil {
			return err
		}
	}
	return d.WritePattern("disk:/Videos/large file, 64 MiB.bin", largeSize, 1)
}

var texts = []struct{ name, content string }{
	{"Read me first.txt", `This disk is made up. It lives in davdisk itself, which emulates the cloud's
interface and serves it through the same driver, file system and WebDAV handler
as a real disk. Copy, rename, edit and delete as you like.

To serve your own disk:

    davdisk login
    davdisk serve
`},
	{"Documents/Shopping list.md", "# Shopping\n\n- [ ] bread\n- [ ] milk\n- [x] tea\n"},
	{"Documents/План на неделю.md", "# План на неделю\n\n1. Разобрать фотографии\n2. Позвонить бабушке\n3. Полить цветы 🌱\n"},
	{"Documents/Budget 100% final (2).csv", "month,in,out\nJanuary,1200,950\nFebruary,1200,1010\nMarch,1250,875\n"},
	{"Documents/Ideas/What if? #1.txt", "What if a cloud were just a folder?\n"},
	{"Documents/Ideas/100 + 1 & more.txt", "Names may hold almost anything: + & % # ? ' ; ~ [] {} and emoji.\n"},
	{"Music/Любимое 🎵/playlist.m3u", "#EXTM3U\n#EXTINF:123,Nobody - Silence\nsilence.mp3\n"},
	{"empty.txt", ""},
}

// paint makes a landscape of one of four moods.
func paint(mood int, asPNG bool) (io.Reader, error) {
	const width, height = 960, 640
	skies := [][2]color.RGBA{
		{{0xff, 0xb3, 0x6b, 0xff}, {0x6b, 0x8c, 0xff, 0xff}},
		{{0xcf, 0xee, 0xff, 0xff}, {0x3a, 0x8d, 0xe0, 0xff}},
		{{0xff, 0x7a, 0x8a, 0xff}, {0x3b, 0x2a, 0x6b, 0xff}},
		{{0x20, 0x30, 0x60, 0xff}, {0x05, 0x05, 0x18, 0xff}},
	}
	sky := skies[mood%len(skies)]
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	sunX, sunY := float64(200+180*mood), float64(300-60*mood)
	for y := range height {
		for x := range width {
			c := mix(sky[0], sky[1], 1-float64(y)/height)
			if math.Hypot(float64(x)-sunX, float64(y)-sunY) < 50 {
				c = color.RGBA{0xff, 0xf4, 0xc8, 0xff}
			}
			for hill := range 3 {
				crest := 420 + 60*float64(hill) + 45*math.Sin(float64(x)/(150-30*float64(hill))+float64(mood+hill))
				if float64(y) > crest {
					c = mix(color.RGBA{0x20, 0x50, 0x38, 0xff}, sky[1], 0.5-0.2*float64(hill))
				}
			}
			img.SetRGBA(x, y, c)
		}
	}
	var out bytes.Buffer
	var err error
	if asPNG {
		err = png.Encode(&out, img)
	} else {
		err = jpeg.Encode(&out, img, &jpeg.Options{Quality: 85})
	}
	if err != nil {
		return nil, language.Errorf("paint a sample: %w", err)
	}
	return &out, nil
}

// mix is a with a share of b.
func mix(a, b color.RGBA, share float64) color.RGBA {
	blend := func(x, y uint8) uint8 { return uint8(float64(x)*(1-share) + float64(y)*share) }
	return color.RGBA{blend(a.R, b.R), blend(a.G, b.G), blend(a.B, b.B), 0xff}
}
