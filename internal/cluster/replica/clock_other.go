//go:build !linux

package replica

import "time"

// sinceBoot is the time without suspension; the wall clock shows that one.
func sinceBoot(awake time.Duration) time.Duration { return awake }
