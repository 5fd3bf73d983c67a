package main

import "fmt"

// memoryTasks are what a server needs most memory for.
func memoryTasks(z sizes) []task {
	idle := listTask("idle: one empty folder has been listed", 0, 1, fiveProperties)
	list := listTask(fmt.Sprintf("a folder of %s entries has been listed", thousands(z.most)), z.most, 1, fiveProperties)
	list.hard = true // x/net was seen to leave entries out
	large := putTask(fmt.Sprintf("%s has been stored and read", bytesText(z.big)), 1, 1, z.big)
	store := large.work
	large.work = func(s *session) (func() error, error) {
		done, err := store(s)
		if err != nil {
			return nil, err
		}
		return done, s.get(s, fileName("d", 0), contentOf(0, z.big))
	}
	return []task{idle, large, list}
}
