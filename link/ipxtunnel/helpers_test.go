package ipxtunnel

import (
	"net"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/link"
	"tapestry/link/ethernet"
)

func TestMain(m *testing.M) { nstest.Main(m) }

// patience is how long what must come may take on a machine under load; an emulator has to start first.
const patience = 30 * time.Second

// waitFor looks until done says so.
func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// Our node in tests, and the segment's network.
var testAddr = ethernet.Addr{2, 0, 0xc6, 0x33, 0x64, 5}

const testNetwork ipxwire.Network = 0xcafe

func listenLoopback() (net.PacketConn, error) {
	return net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
}

// ipxFrame is a packet in a frame between the stations that its addresses name.
func ipxFrame(kind ethernet.Kind, to, from ipxwire.Addr, data []byte) link.Frame {
	return link.NewFrame(inFrame(kind, ethernet.Addr(to.Node), ethernet.Addr(from.Node), packet(to, from, data)))
}

// packet is one without checksum.
func packet(to, from ipxwire.Addr, data []byte) []byte {
	f := ipxwire.Fields{Type: ipxwire.TypePEP, Destination: to, Source: from}
	return append(f.AppendTo(nil, len(data)), data...)
}

// inFrame is a packet in a frame, without pad.
func inFrame(kind ethernet.Kind, to, from ethernet.Addr, packet []byte) []byte {
	f := ethernet.Fields{Destination: to, Source: from, Kind: kind, Type: ethernet.TypeIPX}
	f.LLC = ethernet.LLC{DSAP: ethernet.SAPIPX, SSAP: ethernet.SAPIPX, Control: ethernet.ControlUI}
	b, err := f.AppendTo(nil, len(packet))
	if err != nil {
		panic(err)
	}
	return append(b, packet...)
}
