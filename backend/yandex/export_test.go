package yandex

import "time"

// PendingTimes returns how many modification times are still to be written to the
// service.
func PendingTimes(b *Backend) int { return len(b.times.journal.All()) }

// LostChanges returns the number of changes whose answer was lost and that may still
// take effect.
func LostChanges(b *Backend) int { return len(b.lost.journal.All()) }

// PendingUntil returns until when uploads and operations are pending at most, by name.
func PendingUntil(b *Backend) map[string]time.Time {
	until := map[string]time.Time{}
	for name, u := range b.pending.All() {
		until[name] = u.Until
	}
	return until
}

// PendingUploads returns the number of uploads of unknown outcome.
func PendingUploads(b *Backend) int { return len(b.pending.All()) }
