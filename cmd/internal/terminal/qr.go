package terminal

import "strings"

// QR draws a QR code of size by size modules, two rows a line. The quiet zone
// around it is drawn too, so that it can be read on a dark terminal.
func QR(size int, black func(x, y int) bool) string {
	const quiet = 2
	blocks := map[[2]bool]string{{false, false}: "█", {false, true}: "▀", {true, false}: "▄", {true, true}: " "}
	dark := func(x, y int) bool { return x >= 0 && y >= 0 && x < size && y < size && black(x, y) }
	var b strings.Builder
	for y := -quiet; y < size+quiet; y += 2 {
		for x := -quiet; x < size+quiet; x++ {
			b.WriteString(blocks[[2]bool{dark(x, y), dark(x, y+1)}])
		}
		b.WriteByte('\n')
	}
	return b.String()
}
