//go:build !linux

package xdp

import (
	"fmt"
	"net/netip"
	"runtime"

	"tapestry/link"
)

// Device is a set of AF_XDP sockets.
type Device struct{ link.Counters }

// Open fails: AF_XDP is Linux's.
func Open(Config) (*Device, error) {
	return nil, fmt.Errorf("xdp: needs Linux, this is %s", runtime.GOOS)
}

// Info implements [link.Device].
func (*Device) Info() link.Info { return link.Info{} }

// Queues implements [link.Device].
func (*Device) Queues() []link.Queue { return nil }

// Close implements [link.Device].
func (*Device) Close() error { return nil }

// Mode tells which path the device runs.
func (*Device) Mode() Mode { return Mode{} }

// QueueStats reads the counters of each queue.
func (*Device) QueueStats() []QueueStats { return nil }

// SetAddresses changes the addresses that frames are taken for.
func (*Device) SetAddresses([]netip.Addr) error { return nil }

// ResponderStats tells what the program answered.
func (*Device) ResponderStats() ResponderStats { return ResponderStats{} }
