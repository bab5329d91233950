//go:build !linux

package tap

import (
	"fmt"
	"runtime"

	"tapestry/link"
)

// Device is a TAP device.
type Device struct{ link.Counters }

// Open fails: TAP devices with a virtio-net header are Linux's.
func Open(Config) (*Device, error) {
	return nil, fmt.Errorf("tap: needs Linux, this is %s", runtime.GOOS)
}

// Info implements [link.Device].
func (*Device) Info() link.Info { return link.Info{} }

// Queues implements [link.Device].
func (*Device) Queues() []link.Queue { return nil }

// Close implements [link.Device].
func (*Device) Close() error { return nil }

// QueueOf gives the queue that f's flow has.
func (*Device) QueueOf(*link.Frame) int { return 0 }

// QueueStats are the counters of each queue.
func (*Device) QueueStats() []link.Stats { return nil }

// Help says what the kernel's side does.
func (*Device) Help() Help { return Help{} }

// SetAccept changes which frames the kernel may send here.
func (*Device) SetAccept(*Accept) error {
	return fmt.Errorf("tap: needs Linux, this is %s", runtime.GOOS)
}

// SpinStats counts how often a reader went on trying before it waited, and how often a frame came meanwhile.
func (*Device) SpinStats() (spins, hits uint64) { return 0, 0 }
