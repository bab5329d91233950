package stack

import (
	"bytes"
	"context"
	"errors"
	"net"
	"syscall"
	"testing"
	"time"

	"tapestry/link/ethernet"
	"tapestry/link/pipe"
	"tapestry/stack/ipx"
)

// ipxNetworks are the networks that hosts of these tests have on one wire, each in frames of its own type.
var ipxNetworks = [...]ipx.Network{
	ethernet.KindII: 0x0000cafe, ethernet.KindRaw: 0x0000beef, ethernet.KindLLC: 0x0000f00d, ethernet.KindSNAP: 0x0000d00f,
}

// addIPX gives the host's only interface networks, all of them by default.
func addIPX(t testing.TB, h *Host, cs ...IPXConfig) {
	t.Helper()
	if cs == nil {
		for k, n := range ipxNetworks {
			cs = append(cs, IPXConfig{Frame: ethernet.Kind(k), Network: n, MaxPacket: 65535})
		}
	}
	i, err := h.interfaceNamed("eth0")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cs {
		if err := i.AddIPX(c); err != nil {
			t.Fatal(err)
		}
	}
}

// ipxPair makes two hosts on a cable, with IP and with IPX in all frame types.
func ipxPair(t testing.TB, cs ...IPXConfig) (alpha, beta *Host) {
	t.Helper()
	alpha, beta = pair(t, pipe.AllOffloads)
	addIPX(t, alpha, cs...)
	addIPX(t, beta, cs...)
	return alpha, beta
}

// ipxNode is the node of the host's only interface.
func (h *Host) ipxNode(t testing.TB) ipx.NodeAddr {
	t.Helper()
	i, err := h.interfaceNamed("eth0")
	if err != nil {
		t.Fatal(err)
	}
	return ipx.NodeAddr(i.nic.addr)
}

func TestIPXDatagrams(t *testing.T) {
	alpha, beta := ipxPair(t)
	server, err := beta.ListenPacket("ipx", ":4001")
	if err != nil {
		t.Fatal(err)
	}
	for k, network := range ipxNetworks {
		kind := ethernet.Kind(k)
		t.Run(kind.String(), func(t *testing.T) {
			to := ipx.Addr{Net: network, Node: beta.ipxNode(t), Socket: 0x4001}
			c, err := alpha.Dial("ipx", to.String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(testTimeout))
			server.SetDeadline(time.Now().Add(testTimeout))
			head, _ := newIPXHead(kind, ethernet.Addr{})
			for _, n := range []int{0, 1, 2, 15, 16, 17, 80, 81, 98, 99, 545, 546, 547, head.room(1500) - 31, head.room(1500) - 30} {
				exchange(t, c, server, noise(n))
			}
			if _, err := c.Write(make([]byte, head.room(1500)-29)); !errors.Is(err, syscall.EMSGSIZE) {
				t.Errorf("one octet too many: %v", err)
			}
		})
	}
}

// TestIPXPing asks by the echo protocol and by diagnostics, over each network, one of them with real checksums.
func TestIPXPing(t *testing.T) {
	cs := []IPXConfig{}
	for k, n := range ipxNetworks {
		cs = append(cs, IPXConfig{Frame: ethernet.Kind(k), Network: n, Checksum: ethernet.Kind(k) == ethernet.KindSNAP})
	}
	alpha, beta := ipxPair(t, cs...)
	ctx, cancel := context.WithTimeout(context.Background(), testTimeout)
	defer cancel()
	for k, n := range ipxNetworks {
		for _, kind := range []ipx.PingKind{ipx.PingEcho, ipx.PingDiagnostic} {
			to := ipx.Addr{Net: n, Node: beta.ipxNode(t)}
			r, err := alpha.IPX().Ping(ctx, to, ipx.PingOptions{Kind: kind, Timeout: testTimeout})
			if err != nil || r.From.Node != to.Node || r.From.Net != n {
				t.Errorf("%v, %v: %+v, %v", ethernet.Kind(k), kind, r, err)
			}
		}
	}
	if _, err := newIPXHead(9, hostMAC); err == nil {
		t.Error("a frame type that is none was taken")
	}
	i, _ := alpha.interfaceNamed("eth0")
	i.RemoveIPX(ethernet.KindRaw)
	if err := i.AddIPX(IPXConfig{Frame: ethernet.KindRaw, Network: 0x77, Checksum: true}); err == nil {
		t.Error("raw 802.3 with checksums was taken")
	}
}

// TestIPXSockets: listings name sockets and connections, and counters count.
func TestIPXSockets(t *testing.T) {
	alpha, beta := ipxPair(t)
	c, s := spxPair(t, alpha, beta, ethernet.KindLLC)
	defer c.Close()
	defer s.Close()
	p, err := alpha.ListenPacket("ipx", ":4444")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var found int
	for _, x := range alpha.IPXSockets() {
		switch {
		case x.Network == "ipx" && x.Local.Socket == 0x4444 && x.Owner == "datagram":
			found++
		case x.Network == "spx" && x.Local == c.LocalAddr().(ipx.NetAddr).Addr && x.Remote == s.LocalAddr().(ipx.NetAddr).Addr:
			found++
		}
	}
	if found != 2 {
		t.Errorf("not both are among %+v", alpha.IPXSockets())
	}
	if statOf(t, alpha, "ipxBasicSysInReceives") == 0 || statOf(t, alpha, "spx.opened") != 1 {
		t.Errorf("counters %v", alpha.Stats())
	}
}

// exchange sends b to the server and back.
func exchange(t *testing.T, c net.Conn, server net.PacketConn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatalf("%d octets: %v", len(b), err)
	}
	got := make([]byte, 2000)
	n, from, err := server.ReadFrom(got)
	if err != nil || !bytes.Equal(got[:n], b) {
		t.Fatalf("%d octets arrive as %x, %v", len(b), got[:n], err)
	}
	if from != c.LocalAddr() {
		t.Errorf("from %v, want %v", from, c.LocalAddr())
	}
	if _, err := server.WriteTo(got[:n], from); err != nil {
		t.Fatal(err)
	}
	if n, err = c.Read(got); err != nil || !bytes.Equal(got[:n], b) {
		t.Fatalf("%d octets come back as %x, %v", len(b), got[:n], err)
	}
}

// TestIPXDialNeedsANode: an address that is enough to listen is not enough to dial, and the error tells what is.
func TestIPXDialNeedsANode(t *testing.T) {
	alpha, _ := ipxPair(t)
	for _, network := range []string{"ipx", "spx"} {
		for _, address := range []string{":4001", "0000cafe::4001"} {
			c, err := alpha.Dial(network, address)
			want := "dial " + network + ": address " + address +
				": no node in address: want network:node:socket, like 0000cafe:020000000001:4001"
			var op *net.OpError
			if !errors.As(err, &op) || err.Error() != want || c != nil {
				t.Errorf("%v, %v\nwant %s", c, err, want)
			}
		}
	}
}
