package yandex

// PendingTimes returns how many modification times are still to be written to the
// service.
func PendingTimes(b *Backend) int { return len(b.times.journal.All()) }

// PendingUploads returns the number of uploads of unknown outcome.
func PendingUploads(b *Backend) int { return len(b.pending.All()) }
