package xdp

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// watcher hears of the end of the interface: polling an AF_XDP socket does not tell. Its goroutine reads link messages
// (rtnetlink(7)) of the network namespace, and at each asks the sockets; it ends with close.
type watcher struct {
	file *os.File
	done sync.WaitGroup
}

func newWatcher() (*watcher, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("xdp: netlink socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("xdp: subscribe to changes of interfaces: %w", err)
	}
	return &watcher{file: os.NewFile(uintptr(fd), "netlink")}, nil
}

func (w *watcher) start(queues []*queue) {
	w.done.Go(func() {
		b := make([]byte, 4096) // what is cut off is not looked at either
		for {
			// Too many messages at once (ENOBUFS) are news as well.
			if _, err := w.file.Read(b); err != nil && !errors.Is(err, unix.ENOBUFS) {
				return
			}
			for _, q := range queues {
				q.check()
			}
		}
	})
}

func (w *watcher) close() error {
	err := w.file.Close()
	w.done.Wait()
	return err
}

// check wakes the reader if the kernel has taken the socket off its interface.
func (q *queue) check() {
	q.raw.Control(func(fd uintptr) {
		if v, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR); err == nil && v != 0 {
			q.removed.Store(true)
			q.gone()
		}
	})
	if q.removed.Load() {
		q.file.SetReadDeadline(time.Unix(1, 0))
	}
}
