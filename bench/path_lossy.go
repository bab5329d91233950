//go:build linux

package bench

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"tapestry/link/impair"
	"tapestry/link/segment"
	"tapestry/link/tap"
)

// lossyWire is what both ways of the lossy paths do: 20 ms there and back.
const lossyWire = "loss=1%,delay=10ms"

// lossyCongestion is the congestion control of both senders: the engine's default.
const lossyCongestion = "cubic"

func lossyConfig(seed int64) (impair.DeviceConfig, error) {
	c, err := impair.Parse(lossyWire)
	return impair.DeviceConfig{Tx: c, Rx: c, Seed: seed}, err
}

// openLossyTAP makes a host of ours whose TAP loses frames.
func openLossyTAP(f *far) error {
	c, err := lossyConfig(1)
	if err != nil {
		return err
	}
	port, err := tap.Open(tap.Config{Name: f.path.device()})
	if err != nil {
		return err
	}
	dev, err := impair.New(port, c)
	if err != nil {
		return err
	}
	return f.serveHost(dev)
}

// openLossyKernel serves on the kernel's sockets behind the same wire:
//
//	near end's namespace                 this process                  namespace of a thread
//	kernel ── TAP b-… ── impair ── segment ── TAP p-… ── kernel
func openLossyKernel(f *far) error {
	c, err := lossyConfig(1)
	if err != nil {
		return err
	}
	near, err := tap.Open(tap.Config{Name: f.path.device()})
	if err != nil {
		return err
	}
	wire, err := impair.New(near, c)
	if err != nil {
		return err
	}
	cable, err := segment.New(segment.Config{Name: f.path.name})
	if err != nil {
		return err
	}
	if _, err := cable.Bridge(wire, segment.PortConfig{}); err != nil {
		return err
	}
	return inNewNamespace(func() error {
		peer, err := tap.Open(tap.Config{Name: f.path.peer()})
		if err != nil {
			return err
		}
		if err := bringUp(f.path.peer(), f.path.far()); err != nil {
			return err
		}
		if _, err := cable.Bridge(peer, segment.PortConfig{}); err != nil {
			return err
		}
		return f.serve(goSockets{congestion: lossyCongestion})
	})
}

// inNewNamespace calls open on a thread in a network namespace of its own, where the sockets that it makes stay. The
// thread keeps the namespace until the process ends.
func inNewNamespace(open func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err != nil {
			err = fmt.Errorf("a network namespace: %w", err)
		} else {
			err = open()
		}
		done <- err
		select {}
	}()
	return <-done
}
