//go:build !linux

package vxlan

import "net"

func newReader(conn net.PacketConn, _ int) reader { return newSingleReader(conn) }
