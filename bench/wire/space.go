package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// space is a network namespace that one thread of this process is in. What is made there stays there: sockets and
// devices may be used from anywhere afterwards.
type space struct {
	calls chan func()
}

// newSpace makes a namespace with a thread in it, which ends with close.
func newSpace() (*space, error) {
	s := &space{calls: make(chan func())}
	err := make(chan error)
	go s.serve(err)
	return s, <-err
}

// serve leaves the thread locked: the runtime ends it with the goroutine, and the namespace with it.
func (s *space) serve(result chan<- error) {
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		result <- fmt.Errorf("a network namespace: %w", err)
		return
	}
	result <- nil
	for f := range s.calls {
		f()
	}
}

// do has the namespace's thread call f.
func (s *space) do(f func() error) (err error) {
	done := make(chan struct{})
	s.calls <- func() {
		defer close(done)
		err = f()
	}
	<-done
	return err
}

func (s *space) close() { close(s.calls) }
