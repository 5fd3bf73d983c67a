package cmd

import (
	"context"
	"os"

	"github.com/kardianos/service"
)

// underManager returns a context that ends when the service manager of Windows
// wants the program to stop, if that runs it, and what is to be called when
// everything is done.
func underManager(ctx context.Context) (context.Context, func()) {
	if service.Interactive() {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	m := &managed{cancel: cancel, done: make(chan struct{}), ended: make(chan struct{})}
	s, err := service.New(m, &service.Config{Name: serviceName})
	if err != nil {
		cancel()
		return ctx, func() {}
	}
	go func() {
		defer close(m.ended)
		if s.Run() != nil {
			os.Exit(exitFailed) // nobody could ask it to stop
		}
	}()
	return ctx, func() {
		close(m.done)
		if ctx.Err() != nil { // the manager waits for the answer
			<-m.ended
		}
		cancel()
	}
}

// managed implements service.Interface.
type managed struct {
	cancel      context.CancelFunc
	done, ended chan struct{}
}

func (m *managed) Start(service.Service) error { return nil }

func (m *managed) Stop(service.Service) error {
	m.cancel()
	<-m.done
	return nil
}
