package netns

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Relay passes the signals that end a program on to a process.
type Relay struct {
	signals chan os.Signal
	done    sync.WaitGroup
}

// NewRelay holds such signals back from now on.
func NewRelay() *Relay {
	r := &Relay{signals: make(chan os.Signal, 8)}
	signal.Notify(r.signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	return r
}

// To passes them on; keys says whether those that a terminal sends to the whole foreground group are among them. The
// goroutine ends with Stop.
func (r *Relay) To(p *os.Process, keys bool) {
	r.done.Go(func() {
		for s := range r.signals {
			if keys || !isKey(s) || !InForeground() {
				p.Signal(s)
			}
		}
	})
}

// Stop gives the signals their usual meaning again.
func (r *Relay) Stop() {
	signal.Stop(r.signals)
	close(r.signals)
	r.done.Wait()
}

// isKey reports whether a terminal sends the signal for a key.
func isKey(s os.Signal) bool { return s == syscall.SIGINT || s == syscall.SIGQUIT }

// InForeground reports whether this process is in the foreground of a terminal, whose keys signal its whole group.
func InForeground() bool {
	tty, err := os.OpenFile("/dev/tty", os.O_RDONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return false
	}
	defer tty.Close()
	group, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
