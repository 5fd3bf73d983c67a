package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// upstreamTasks are what a server for a cloud store is asked to do. The store is
// some time away, and no server has seen it before.
func upstreamTasks(z sizes) []task {
	// far puts the disk at its distance.
	far := func(t task) task {
		t.latency = z.latency
		return t
	}
	whole := func(t task) task {
		t.units = 1
		return t
	}
	limited := far(getTask(fmt.Sprintf("GET of %s, each download at most 20 MB/s", bytesText(z.big)), 1, 1, 1, z.big))
	limited.rate = 20_000_000
	refused := far(mixTask(fmt.Sprintf("%d PUTs and %[1]d GETs of 4 KiB, 8 clients, one API answer in ten 429", z.requests/2), z.requests/2))
	refused.refused, refused.hard = 0.1, true
	return []task{
		far(listTask(fmt.Sprintf("PROPFIND of %s entries", thousands(z.many)), z.many, 1, fiveProperties)),
		whole(far(getTask(fmt.Sprintf("%d GETs of 4 KiB, 8 clients", z.requests), z.requests, z.requests, 8, small))),
		far(rangesTask(fmt.Sprintf("%d ranges of 64 KiB in %s", z.ranges, bytesText(z.big)), z)),
		whole(far(putTask(fmt.Sprintf("%d PUTs of 4 KiB, 1 client", z.requests), z.requests, 1, small))),
		whole(far(putTask(fmt.Sprintf("%d PUTs of 4 KiB, 8 clients", z.requests), z.requests, 8, small))),
		far(walkTask(fmt.Sprintf("PROPFIND of %d folders of 20, one by one", z.folders), z.folders, 20)),
		limited,
		refused,
		far(copyTask(fmt.Sprintf("COPY of a folder of %d", z.tree), z.tree)),
		far(moveTask(fmt.Sprintf("MOVE of a folder of %d", z.tree), z.tree)),
		far(deleteTask(fmt.Sprintf("DELETE of a folder of %d", z.tree), z.tree)),
		far(syncTask(fmt.Sprintf("%d files copied by a program, all new", z.synced), z.synced, false)),
		far(syncTask(fmt.Sprintf("%d files copied by a program, all there", z.synced), z.synced, true)),
	}
}

// rangesTask reads pieces of a large file, each at a place of its own.
func rangesTask(name string, z sizes) task {
	const length = 64 << 10
	step := z.big / int64(z.ranges)
	return task{
		name: name, large: true, prepare: filled("d", 1, z.big),
		work: func(s *session) (func() error, error) {
			for i := range int64(z.ranges) {
				// From end to start, so that nothing can be read ahead.
				offset := min((int64(z.ranges)-1-i)*step, z.big-length)
				if err := s.getRange(s, fileName("d", 0), contentOf(0, z.big), offset, length); err != nil {
					return nil, err
				}
			}
			return nothing, nil
		},
	}
}

// walkTask lists a folder and each folder in it, as a file manager does.
func walkTask(name string, folders, files int) task {
	folder := func(i int) string { return fmt.Sprintf("d/folder %03d", i) }
	return task{
		name: name,
		prepare: func(p place) error {
			if err := p.mkdir("d"); err != nil {
				return err
			}
			for i := range folders {
				if err := fill(p, folder(i), files, 1); err != nil {
					return err
				}
			}
			return nil
		},
		work: func(s *session) (func() error, error) {
			top, err := s.list(s, "d/", fiveProperties)
			if err != nil {
				return nil, err
			}
			answers := make([]listing, folders)
			for i := range answers {
				if answers[i], err = s.list(s, folder(i)+"/", fiveProperties); err != nil {
					return nil, err
				}
			}
			return func() error {
				for _, answer := range answers {
					if err := answer.holds(files); err != nil {
						return err
					}
				}
				return top.holds(folders)
			}, nil
		},
	}
}

// mixTask stores n files and reads others.
func mixTask(name string, n int) task {
	return task{
		name: name,
		prepare: func(p place) error {
			if err := p.mkdir("new"); err != nil {
				return err
			}
			return fill(p, "d", n, small)
		},
		work: func(s *session) (func() error, error) {
			err := parallel(s, 8, 2*n, func(ctx context.Context, i int) error {
				if i < n {
					return s.put(ctx, fileName("new", i), contentOf(i, small))
				}
				return s.get(ctx, fileName("d", i-n), contentOf(i-n, small))
			})
			return func() error { return holdsAll(s.place, "new", n, small) }, err
		},
	}
}

// syncTask copies a folder of n files to the disk by the peers' own programs: all
// of it is new, or all of it is there.
func syncTask(name string, n int, again bool) task {
	copyOnce := func(s *session) error {
		return s.run(s.peer.copy(s.site, filepath.Join(s.site.private, "files"), "copied"))
	}
	return task{
		name: name, programs: true,
		prepare: func(place) error { return nil },
		warm: func(s *session) error {
			if err := os.Mkdir(filepath.Join(s.site.private, "files"), 0o755); err != nil {
				return err
			}
			if err := fill(folder(s.site.private), "files/d", n, small); err != nil || !again {
				return err
			}
			return copyOnce(s)
		},
		work: func(s *session) (func() error, error) {
			return func() error { return holdsAll(s.place, "copied/d", n, small) }, copyOnce(s)
		},
	}
}
