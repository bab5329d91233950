package xdp

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// watcher hears what polling an AF_XDP socket does not tell: the end of the interface, and changes of what it can do. Its
// goroutines read messages of the network namespace, about links (rtnetlink(7)) and about XDP features, and at each
// look for themselves; they end with close.
type watcher struct {
	links, features *os.File // the latter is nil where nobody wants to know
	done            sync.WaitGroup
}

func newWatcher(features bool) (*watcher, error) {
	w := &watcher{}
	var err error
	if w.links, err = subscribe(unix.NETLINK_ROUTE, unix.RTNLGRP_LINK); err != nil {
		return nil, err
	}
	if !features {
		return w, nil
	}
	// A kernel without the family has no news of it.
	if group, err := featureGroup(); err == nil {
		if w.features, err = subscribe(unix.NETLINK_GENERIC, group); err != nil {
			w.links.Close()
			return nil, err
		}
	}
	return w, nil
}

// subscribe opens a socket that hears a group of a netlink family.
func subscribe(family, group int) (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return nil, fmt.Errorf("xdp: netlink socket: %w", err)
	}
	err = unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_NETLINK, unix.NETLINK_ADD_MEMBERSHIP, group)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("xdp: subscribe to changes of interfaces: %w", err)
	}
	return os.NewFile(uintptr(fd), "netlink"), nil
}

// start has the queues look for their interface at each message about links, and calls changed at each about features.
func (w *watcher) start(queues []*queue, changed func()) {
	w.done.Go(func() {
		each(w.links, func() {
			for _, q := range queues {
				q.check()
			}
		})
	})
	if w.features != nil {
		w.done.Go(func() { each(w.features, changed) })
	}
}

// each calls f for each message. Too many messages at once (ENOBUFS) are news as well.
func each(file *os.File, f func()) {
	b := make([]byte, 4096) // what is cut off is not looked at either
	for {
		if _, err := file.Read(b); err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		f()
	}
}

func (w *watcher) close() error {
	err := w.links.Close()
	if w.features != nil {
		err = errors.Join(err, w.features.Close())
	}
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
