package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
)

// listTask asks for the properties of a folder of n files, times times.
func listTask(name string, n, times int, properties string) task {
	return task{
		name: name, units: float64(times),
		prepare: filled("d", n, 1),
		first: func(s *session) error {
			answer, err := s.list(s, "d/", properties)
			if err != nil {
				return err
			}
			return answer.holds(n)
		},
		work: func(s *session) (func() error, error) {
			var answers []listing
			for range times {
				answer, err := s.list(s, "d/", properties)
				if err != nil {
					return nil, err
				}
				answers = append(answers, answer)
			}
			return func() error {
				for _, answer := range answers {
					if err := answer.holds(n); err != nil {
						return err
					}
				}
				return nil
			}, nil
		},
	}
}

// getTask reads files of a folder of files files, n requests by clients clients.
func getTask(name string, files, n, clients int, size int64) task {
	return task{
		name: name, units: float64(n), large: size > 1<<20,
		prepare: filled("d", files, size),
		first: func(s *session) error {
			return parallel(s, clients, files, func(ctx context.Context, i int) error {
				return s.get(ctx, fileName("d", i), contentOf(i, size))
			})
		},
		work: func(s *session) (func() error, error) {
			return nothing, parallel(s, clients, n, func(ctx context.Context, i int) error {
				return s.get(ctx, fileName("d", i%files), contentOf(i%files, size))
			})
		},
	}
}

// putTask stores n new files by clients clients.
func putTask(name string, n, clients int, size int64) task {
	return task{
		name: name, units: float64(n), large: size > 1<<20,
		prepare: filled("d", 0, 0),
		work: func(s *session) (func() error, error) {
			err := parallel(s, clients, n, func(ctx context.Context, i int) error {
				return s.put(ctx, fileName("d", i), contentOf(i, size))
			})
			return func() error { return holdsAll(s.place, "d", n, size) }, err
		},
	}
}

// copyTask copies a folder of n files.
func copyTask(name string, n int) task {
	return task{
		name: name, prepare: filled("d", n, small),
		work: func(s *session) (func() error, error) {
			err := s.simple(s, "COPY", "d/", http.Header{"Destination": {s.base + "copy/"}, "Overwrite": {"F"}},
				done()...)
			return func() error {
				return errors.Join(holdsAll(s.place, "d", n, small), holdsAll(s.place, "copy", n, small))
			}, err
		},
	}
}

// moveTask moves a folder of n files.
func moveTask(name string, n int) task {
	return task{
		name: name, prepare: filled("d", n, small),
		work: func(s *session) (func() error, error) {
			err := s.simple(s, "MOVE", "d/", http.Header{"Destination": {s.base + "moved/"}, "Overwrite": {"F"}},
				done()...)
			return func() error { return errors.Join(gone(s.place, "d"), holdsAll(s.place, "moved", n, small)) }, err
		},
	}
}

// deleteTask deletes a folder of n files.
func deleteTask(name string, n int) task {
	return task{
		name: name, prepare: filled("d", n, small),
		work: func(s *session) (func() error, error) {
			err := s.simple(s, http.MethodDelete, "d/", nil, done()...)
			return func() error { return gone(s.place, "d") }, err
		},
	}
}

// done are the statuses of a change that was made. RFC 4918 has no 200 for it, but
// lighttpd has; whether it was made is looked at besides.
func done() []int { return []int{http.StatusOK, http.StatusCreated, http.StatusNoContent} }

// gone reports whether a place has no such folder.
func gone(p place, folder string) error {
	if _, err := p.files(folder); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is still there (%w)", folder, err)
	}
	return nil
}
