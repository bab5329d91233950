//go:build !linux

package water

import (
	"fmt"
	"runtime"

	"tapestry/link"
)

// Device is a plain TAP device.
type Device struct{ link.Counters }

// Open fails: only Linux is claimed.
func Open(Config) (*Device, error) {
	return nil, fmt.Errorf("water: needs Linux, this is %s", runtime.GOOS)
}

// Info implements [link.Device].
func (*Device) Info() link.Info { return link.Info{} }

// Queues implements [link.Device].
func (*Device) Queues() []link.Queue { return nil }

// Close implements [link.Device].
func (*Device) Close() error { return nil }
