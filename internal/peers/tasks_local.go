package main

import (
	"context"
	"fmt"
)

// warmed is a task whose server has had a first look.
func warmed(t task) task {
	t.warm = t.first
	return t
}

// localTasks are what a server for a folder is asked to do. What only reads has
// been read once before.
func localTasks(z sizes) []task {
	tasks := []task{
		warmed(listTask(fmt.Sprintf("PROPFIND of %s entries, every property", thousands(z.some)), z.some, z.listings, allProperties)),
		warmed(listTask(fmt.Sprintf("PROPFIND of %s entries, every property", thousands(z.many)), z.many, max(z.listings/10, 1), allProperties)),
		warmed(listTask(fmt.Sprintf("PROPFIND of %s entries, five properties", thousands(z.some)), z.some, z.listings, fiveProperties)),
		warmed(getTask("GET of 4 KiB, 8 clients", 100, z.reads, 8, small)),
		warmed(getTask("GET of "+bytesText(z.big), 1, 1, 1, z.big)),
		putTask("PUT of 4 KiB, 8 clients", z.reads/5, 8, small),
		putTask("PUT of "+bytesText(z.big), 1, 1, z.big),
		copyTask(fmt.Sprintf("COPY of a folder of %s", thousands(z.some)), z.some),
		deleteTask(fmt.Sprintf("DELETE of a folder of %s", thousands(z.some)), z.some),
	}
	for _, clients := range []int{1, 8} {
		tasks = append(tasks, lockTask(fmt.Sprintf("LOCK and UNLOCK, %s", countText(clients, "client")), z.locks, clients))
	}
	return tasks
}

// lockTask locks and unlocks, each client its own file.
func lockTask(name string, n, clients int) task {
	return task{
		name: name, units: float64(n),
		hard:    clients > 1, // Apache sometimes answers that a file is locked whose lock it has just taken back
		prepare: filled("d", clients, small),
		work: func(s *session) (func() error, error) {
			return nothing, parallel(s, clients, clients, func(ctx context.Context, i int) error {
				for range n / clients {
					if err := s.lockAndUnlock(ctx, fileName("d", i)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}
