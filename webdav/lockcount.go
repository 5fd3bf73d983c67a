package webdav

// Locks returns how many locks there are; ended ones are counted until something
// else changes.
func (h *Handler) Locks() int { return h.locks.Len() }
