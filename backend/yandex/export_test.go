package yandex

// PendingTimes tells how many modification times are not yet safely with the
// service.
func PendingTimes(b *Backend) int { return len(b.times.journal.All()) }

// PendingUploads tells of how many uploads the end is unknown.
func PendingUploads(b *Backend) int { return len(b.pending.All()) }
