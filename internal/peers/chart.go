package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/go-analyze/charts"
)

// timeChart and cpuChart draw what each peer needs as a multiple of what davdisk
// needs.
func timeChart(p part, rows []row) ([]byte, error) {
	return ratioChart(p, rows, "Time, divided by davdisk's", wall)
}

func cpuChart(p part, rows []row) ([]byte, error) {
	return ratioChart(p, rows, "CPU of the server, divided by davdisk's", cpu)
}

// ratioChart is an SVG with a group of bars for each task. The axis is
// logarithmic, because the ratios range over three orders of magnitude: a bar to
// the right of 1 is a peer that needs more than davdisk.
func ratioChart(p part, rows []row, title string, q quantity) ([]byte, error) {
	rows = slices.Clone(rows)
	slices.Reverse(rows) // the first is drawn at the bottom
	var series charts.BarSeriesList
	var names []string
	for _, peer := range p.peers[1:] {
		s := charts.BarSeries{Name: peer.name}
		for _, r := range rows {
			ratio, ok := r.ratio(peer.name, p.peers[0].name, q)
			if !ok || ratio <= 0 {
				s.Values = append(s.Values, charts.GetNullValue())
				continue
			}
			s.Values = append(s.Values, math.Log10(min(max(ratio, lowest), highest)))
		}
		series = append(series, s)
		names = append(names, peer.name)
	}
	if len(series) == 0 {
		return nil, fmt.Errorf("no peer stands beside davdisk")
	}
	opt := charts.NewBarChartOptionWithSeries(series)
	opt.Horizontal = true
	opt.Title = charts.TitleOption{Text: title}
	opt.Legend = charts.LegendOption{SeriesNames: names, Offset: charts.OffsetRight}
	for _, r := range rows {
		// Spaces at the end take room and are not drawn: a browser without the font
		// that the text was measured in has a wider one.
		room := strings.Repeat(" ", 2+len(r.task.name)/4)
		opt.CategoryAxis.Labels = append(opt.CategoryAxis.Labels, r.task.name+room)
	}
	opt.ValueAxis[0].Min, opt.ValueAxis[0].Max = charts.Ptr(math.Log10(lowest)), charts.Ptr(math.Log10(highest))
	opt.ValueAxis[0].Unit = 1
	opt.ValueAxis[0].ValueFormatter = func(v float64) string { return fmt.Sprintf("%g", math.Pow(10, v)) }
	painter := charts.NewPainter(charts.PainterOptions{
		OutputFormat: charts.ChartOutputSVG, Width: 1000, Height: 120 + len(rows)*(20+12*len(series)),
		Theme: charts.GetTheme(charts.ThemeLight),
	})
	if err := painter.BarChart(opt); err != nil {
		return nil, err
	}
	return painter.Bytes()
}

// The ends of the axis.
const lowest, highest = 0.01, 1000
