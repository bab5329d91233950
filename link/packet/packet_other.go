//go:build !linux

package packet

import (
	"fmt"
	"runtime"

	"tapestry/link"
)

// Device is a packet socket.
type Device struct{ link.Counters }

// Open fails: packet sockets are Linux's.
func Open(Config) (*Device, error) {
	return nil, fmt.Errorf("packet: needs Linux, this is %s", runtime.GOOS)
}

// Info implements [link.Device].
func (*Device) Info() link.Info { return link.Info{} }

// Queues implements [link.Device].
func (*Device) Queues() []link.Queue { return nil }

// Close implements [link.Device].
func (*Device) Close() error { return nil }

// SpinStats counts how often the reader went on trying before it waited, and how often a frame came meanwhile.
func (*Device) SpinStats() (spins, hits uint64) { return 0, 0 }
