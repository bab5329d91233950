package ipxtunnel_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/ipxtunnel"
)

func listen() (net.PacketConn, error) { return net.ListenPacket("udp", "127.0.0.1:0") }

// A server for emulators, and a station that joins it as an emulator would.
func Example() {
	conn, err := listen()
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := ipxtunnel.NewServer(ipxtunnel.ServerConfig{Conn: conn})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	at := netip.MustParseAddrPort(conn.LocalAddr().String())
	station, err := ipxtunnel.Dial(ctx, ipxtunnel.ClientConfig{Listen: listen, Server: at})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer station.Close()

	b, _ := ethernet.Fields{
		Destination: ethernet.Broadcast, Source: station.Info().Addr, Type: ethernet.TypeIPX,
	}.AppendTo(nil, 35)
	b = ipxwire.Fields{
		Destination: ipxwire.Addr{Node: ipxwire.Broadcast, Socket: 0x4001},
		Source:      ipxwire.Addr{Node: ipxwire.Node(station.Info().Addr), Socket: 0x4001},
	}.AppendTo(b, 5)
	station.WriteFrames([]link.Frame{link.NewFrame(append(b, "hello"...))})

	f := make([]link.Frame, 1)
	if _, err := server.ReadFrames(f); err != nil {
		fmt.Println(err)
		return
	}
	defer link.ReleaseAll(f)
	fmt.Printf("from the server's only client: %t, %s\n",
		server.Clients()[0].Node == ipxwire.Node(station.Info().Addr), f[0].AppendTo(nil)[14+30:14+35])
	// Output: from the server's only client: true, hello
}
