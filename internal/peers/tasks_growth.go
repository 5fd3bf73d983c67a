package main

import "fmt"

// A line is how the cost of one kind of work grows, step by step.
type line struct {
	name, unit string
	steps      []task
}

// growthLines are work of growing size. The cost of a step is that of one entry,
// one request or one MiB, so that a line that does not bend stays level.
func growthLines(z sizes) []line {
	entries := func(name, properties string) line {
		l := line{name: name, unit: "an entry"}
		for _, n := range z.entries {
			times := max(z.many/n, 1)
			t := warmed(listTask(fmt.Sprintf("%s entries", thousands(n)), n, times, properties))
			t.units = float64(n * times)
			l.steps = append(l.steps, t)
		}
		return l
	}
	clients := line{name: "GET of 4 KiB", unit: "a request"}
	for _, n := range z.clients {
		clients.steps = append(clients.steps, warmed(getTask(countText(n, "client"), 100, z.reads/5, n, small)))
	}
	gets := line{name: "GET, one client", unit: "a MiB"}
	puts := line{name: "PUT, one client", unit: "a MiB"}
	for _, size := range z.lengths {
		n := int(max(min(64<<20/size, int64(z.requests)), 1))
		get, put := warmed(getTask(bytesText(size), min(n, 8), n, 1, size)), putTask(bytesText(size), n, 1, size)
		for _, t := range []*task{&get, &put} {
			t.units = float64(int64(n)*size) / (1 << 20)
		}
		gets.steps, puts.steps = append(gets.steps, get), append(puts.steps, put)
	}
	return []line{
		entries("PROPFIND of five properties, listed before", fiveProperties),
		entries("PROPFIND of every property, listed before", allProperties),
		clients, gets, puts,
	}
}

// growthTasks are the steps of all lines.
func growthTasks(z sizes) []task {
	var all []task
	for _, l := range growthLines(z) {
		for _, step := range l.steps {
			step.name = l.name + ": " + step.name + "; " + l.unit
			all = append(all, step)
		}
	}
	return all
}
