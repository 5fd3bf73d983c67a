package cmd

import (
	"context"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

// sameSignal is how long after the first signal another one is still the same:
// the program timeout, for one, sends two, quicker than any person.
const sameSignal = 50 * time.Millisecond

// untilSignal returns a context that ends with the first signal, which asks the
// program to finish what it is doing. A second one ends it at once.
func untilSignal() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var watching sync.WaitGroup
	watching.Go(func() {
		if _, more := <-signals; !more {
			return
		}
		cancel()
		first := time.Now()
		for range signals {
			if time.Since(first) > sameSignal {
				os.Exit(exitInterrupted)
			}
		}
	})
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		watching.Wait()
		cancel()
	}
}

// forgetEmptyVariables makes an empty variable the same as none.
func forgetEmptyVariables() {
	for _, entry := range os.Environ() {
		if name, value, _ := strings.Cut(entry, "="); value == "" && strings.HasPrefix(name, "DAVDISK_") {
			os.Unsetenv(name)
		}
	}
}
