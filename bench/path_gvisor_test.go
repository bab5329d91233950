//go:build linux

package bench

import (
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/link/channel"
)

// TestStockRoom: datagrams have as much room in stock gVisor as at the other far ends, which take it by SetReadBuffer.
func TestStockRoom(t *testing.T) {
	s, err := newStock(channel.New(1, 1500, ""), netip.MustParseAddr("198.51.100.2"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Destroy()
	var room tcpip.ReceiveBufferSizeOption
	if err := s.Option(&room); err != nil || room.Default != socketBuffer {
		t.Errorf("room for %d octets, %v; want %d", room.Default, err, socketBuffer)
	}
}
