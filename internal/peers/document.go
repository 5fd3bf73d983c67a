package main

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// A result is a part with what was measured, and on what.
type result struct {
	part    part
	rows    []row
	setting setting
}

// A setting is what the figures depend on besides the peers.
type setting struct {
	machine string
	rounds  int
	quick   bool
	missing []string // peers that are not in the tables, and why
}

func settingOf(o options, found programs) setting {
	return setting{
		machine: fmt.Sprintf("%d cores (%s), %s %s, %s, %s", runtime.NumCPU(), processor(), runtime.GOOS, kernel(), runtime.Version(), fileSystem(o.dir)),
		rounds:  o.rounds, quick: o.quick, missing: found.missing,
	}
}

func processor() string {
	info, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer info.Close()
	for lines := bufio.NewScanner(info); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(release))
}

// The part of the document that a part writes is between two lines of it.
func begin(name string) string { return "<!-- make bench-peer writes this: " + name + " -->\n" }
func end(name string) string   { return "<!-- end of " + name + " -->\n" }

// write puts the part in performance.md, in place of what was measured before,
// or at the end, and its chart beside it.
func (r result) write(docs string) error {
	picture := ""
	if r.part.chart != nil {
		svg, err := r.part.chart(r.part, r.rows)
		if err != nil {
			return err
		}
		picture = "images/peers-" + r.part.name + ".svg"
		if err := os.MkdirAll(filepath.Join(docs, "images"), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(docs, filepath.FromSlash(picture)), svg, 0o644); err != nil {
			return err
		}
	}
	file := filepath.Join(docs, "performance.md")
	old, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	text, err := insert(string(old), r.part.name, r.markdown(picture))
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}

// insert returns a document in which a part has a new text. All else stays.
func insert(document, name, text string) (string, error) {
	whole := begin(name) + text + end(name)
	before, rest, found := strings.Cut(document, begin(name))
	if !found {
		return strings.TrimPrefix(strings.TrimRight(document, "\n")+"\n\n", "\n\n") + whole, nil
	}
	_, after, ended := strings.Cut(rest, end(name))
	if !ended {
		return "", fmt.Errorf("the part %s has no end", name)
	}
	return before + whole + after, nil
}

// markdown is the section of the document.
func (r result) markdown(picture string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n", r.part.title)
	if r.setting.quick {
		b.WriteString("**A quick run, to see that everything can be done. These figures mean nothing.**\n\n")
	}
	fmt.Fprintf(&b, "%s The median of %s, on %s.\n\n", r.part.about, countText(r.setting.rounds, "round"), r.setting.machine)
	b.WriteString(r.part.figures(r.part, r.rows))
	if picture != "" {
		fmt.Fprintf(&b, "\n![%s](%s)\n", r.part.title, picture)
	}
	b.WriteString("\n")
	var lines [][]string
	for _, p := range r.part.peers {
		lines = append(lines, []string{p.name, p.version, p.care})
	}
	b.WriteString(table([]string{"server", "version", "what it does for its answers"}, words, lines))
	for _, row := range r.rows {
		for _, peer := range r.part.peers {
			if why := row.fails[peer.name]; why != "" {
				fmt.Fprintf(&b, "\n%s fails at \"%s\": %s.\n", peer.name, row.task.name, why)
			}
		}
	}
	for _, what := range r.setting.missing {
		fmt.Fprintf(&b, "\nLeft out: %s.\n", what)
	}
	b.WriteString("\n")
	return b.String()
}
