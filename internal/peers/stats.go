package main

import "slices"

// median returns the value in the middle of some, and the mean of two if there is
// none.
func median(some []float64) float64 {
	sorted := slices.Sorted(slices.Values(some))
	n := len(sorted)
	if n == 0 {
		return 0
	}
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// A quantity is one figure of a cost.
type quantity func(cost) float64

func wall(c cost) float64      { return c.wall.Seconds() }
func cpu(c cost) float64       { return c.cpu.Seconds() }
func calls(c cost) float64     { return float64(c.calls) }
func transfers(c cost) float64 { return float64(c.transfers) }
func peak(c cost) float64      { return float64(c.peak) }

// of returns the median of a quantity over all rounds of a peer, and whether the
// peer did the task.
func (r row) of(name string, q quantity) (value float64, ok bool) {
	if r.fails[name] != "" {
		return 0, false // even if it did it in another round
	}
	var all []float64
	for _, c := range r.costs[name] {
		all = append(all, q(c))
	}
	return median(all), len(all) > 0
}

// ratio returns how much more a peer needs than another: the median of the ratios
// of each round, whose two measurements are closest in time.
func (r row) ratio(name, to string, q quantity) (value float64, ok bool) {
	if r.fails[name] != "" {
		return 0, false
	}
	var all []float64
	for i := range min(len(r.costs[name]), len(r.costs[to])) {
		if below := q(r.costs[to][i]); below > 0 {
			all = append(all, q(r.costs[name][i])/below)
		}
	}
	return median(all), len(all) > 0
}

// unit is what the cost of a task is divided by.
func (t task) unit() float64 {
	if t.units == 0 {
		return 1
	}
	return t.units
}
