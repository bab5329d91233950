package vxlan_test

import (
	"fmt"
	"net"
	"net/netip"

	"tapestry/link"
	"tapestry/link/vxlan"
)

// Two tunnel ends on this machine, each on a UDP socket of its own.
func ExampleNew() {
	var conns [2]*net.UDPConn
	for i := range conns {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
		if err != nil {
			fmt.Println(err)
			return
		}
		conns[i] = c
	}
	var ends [2]*vxlan.Device
	for i, c := range conns {
		peer := conns[1-i].LocalAddr().(*net.UDPAddr).AddrPort()
		d, err := vxlan.New(vxlan.Config{Conn: c, VNI: 42, Peers: []netip.AddrPort{peer}})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer d.Close()
		ends[i] = d
	}
	ends[0].WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))})
	f := make([]link.Frame, 8)
	n, err := ends[1].ReadFrames(f)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer link.ReleaseAll(f[:n])
	fmt.Println(ends[1].Info().Name, "gave", n, "frame of", f[0].Len(), "octets")
	// Output: vxlan42 gave 1 frame of 60 octets
}
