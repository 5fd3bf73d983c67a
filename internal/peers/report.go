package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// table is a table of Markdown; its columns but the first are aligned as given,
// by --- or ---:.
func table(head []string, align string, lines [][]string) string {
	var b strings.Builder
	write := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	write(head)
	rule := []string{"---"}
	for range head[1:] {
		rule = append(rule, align)
	}
	fmt.Fprintf(&b, "|%s|\n", strings.Join(rule, "|"))
	for _, line := range lines {
		write(line)
	}
	return b.String()
}

const numbers, words = "---:", "---"

// ratioTable sets what each peer needs beside what davdisk needs.
func ratioTable(p part, rows []row, q quantity) string {
	head := []string{"work"}
	for _, peer := range p.peers[1:] {
		head = append(head, peer.name)
	}
	var lines [][]string
	for _, r := range rows {
		line := []string{r.task.name}
		for _, peer := range p.peers[1:] {
			ratio, ok := r.ratio(peer.name, p.peers[0].name, q)
			if !ok {
				line = append(line, absence(r, peer.name))
				continue
			}
			line = append(line, ratioText(ratio))
		}
		lines = append(lines, line)
	}
	return table(head, numbers, lines)
}

// figureTable has one cell for each peer.
func figureTable(p part, rows []row, cell func(row, string) string) string {
	head := []string{"work"}
	for _, peer := range p.peers {
		head = append(head, peer.name)
	}
	var lines [][]string
	for _, r := range rows {
		line := []string{r.task.name}
		for _, peer := range p.peers {
			if _, ok := r.of(peer.name, wall); !ok {
				line = append(line, absence(r, peer.name))
				continue
			}
			line = append(line, cell(r, peer.name))
		}
		lines = append(lines, line)
	}
	return table(head, numbers, lines)
}

func upstreamTables(p part, rows []row) string {
	return "Time that a peer takes, divided by davdisk's: **above 1 davdisk is faster**.\n\n" + ratioTable(p, rows, wall) +
		"\nThe figures: time; CPU; API calls and transfers.\n\n" +
		figureTable(p, rows, func(r row, name string) string {
			w, _ := r.of(name, wall)
			c, _ := r.of(name, cpu)
			a, _ := r.of(name, calls)
			t, _ := r.of(name, transfers)
			return fmt.Sprintf("%s; %s; %.0f + %.0f", secondsText(w), secondsText(c), a, t)
		})
}

func localTables(p part, rows []row) string {
	return "CPU that a peer needs, divided by davdisk's: **above 1 davdisk needs less**.\n\n" + ratioTable(p, rows, cpu) +
		"\nTime that a peer takes, divided by davdisk's.\n\n" + ratioTable(p, rows, wall) +
		"\nThe figures, for one request: CPU; time.\n\n" +
		figureTable(p, rows, func(r row, name string) string {
			c, _ := r.of(name, cpu)
			w, _ := r.of(name, wall)
			return secondsText(c/r.task.unit()) + "; " + secondsText(w/r.task.unit())
		})
}

func growthTable(p part, rows []row) string {
	before := map[string]float64{} // by peer, the cost of the step before
	line := ""
	return figureTable(p, rows, func(r row, name string) string {
		if of, _, _ := strings.Cut(r.task.name, ":"); of != line {
			line = of
			clear(before)
		}
		c, _ := r.of(name, cpu)
		each := c / r.task.unit()
		last, ok := before[name]
		before[name] = each
		text := secondsText(each)
		if ok && each >= 1.5*last {
			return "**" + text + "**"
		}
		return text
	})
}

func memoryTable(p part, rows []row) string {
	return figureTable(p, rows, func(r row, name string) string {
		bytes, _ := r.of(name, peak)
		return fmt.Sprintf("%.0f MiB", bytes/(1<<20))
	})
}

// absence is shown in place of figures that there are not.
func absence(r row, name string) string {
	if r.fails[name] != "" {
		return "fails"
	}
	return "–"
}

// ratioText shows a ratio, those in which davdisk is behind too.
func ratioText(ratio float64) string {
	return strconv.FormatFloat(ratio, 'f', min(decimals(ratio), 2), 64)
}

// decimals is how many digits behind the point leave two or three that count.
func decimals(v float64) int {
	switch {
	case v >= 100:
		return 0
	case v >= 10:
		return 1
	case v >= 1:
		return 2
	}
	return 3
}

// secondsText shows a time in the unit that suits it.
func secondsText(seconds float64) string {
	for _, u := range []struct {
		name string
		in   time.Duration
	}{{"s", time.Second}, {"ms", time.Millisecond}, {"µs", time.Microsecond}} {
		if v := seconds / u.in.Seconds(); v >= 1 || u.name == "µs" {
			return strconv.FormatFloat(v, 'f', decimals(v), 64) + " " + u.name
		}
	}
	return ""
}

// bytesText shows a size that is a power of two.
func bytesText(size int64) string {
	switch {
	case size >= 1<<30:
		return fmt.Sprintf("%d GiB", size>>30)
	case size >= 1<<20:
		return fmt.Sprintf("%d MiB", size>>20)
	}
	return fmt.Sprintf("%d KiB", size>>10)
}

// thousands shows a number with a comma for each three digits.
func thousands(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}

func countText(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
