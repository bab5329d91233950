//go:build !linux

package vxlan

import (
	"errors"
	"net"
)

// setSocket has no way to set anything.
func setSocket(_ *net.UDPConn, c Config) error {
	if c.ZeroChecksum {
		return errors.New("vxlan: Config.ZeroChecksum needs Linux")
	}
	return nil
}
