package ipx_test

import (
	"fmt"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx"
)

// A stack needs a function that sends its packets, and is given those that arrive by Deliver. What is for the node
// itself does not leave it.
func Example() {
	s, err := ipx.NewStack(ipx.StackConfig{Node: ipx.Config{
		Output: func(ipx.PortID, ipx.NodeAddr, []byte) {}, // to the wire
		Random: func() uint32 { return 1 },
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.Do(func(now time.Time, n *ipx.Node) {
		_, err = n.AddPort(now, ipx.PortConfig{Name: "eth0", Network: 0xcafe, Node: ipx.NodeAddr{2, 0, 0, 0, 0, 1}})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := s.ListenPacket(ipx.Addr{Socket: 0x5000}, ipxwire.TypePEP)
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := s.Dial(ipx.Addr{Socket: 0x5001},
		ipx.Addr{Net: 0xcafe, Node: ipx.NodeAddr{2, 0, 0, 0, 0, 1}, Socket: 0x5000})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(client, "hello")
	b := make([]byte, 100)
	n, from, err := server.ReadFrom(b)
	fmt.Println(string(b[:n]), from, err)
	// Output: hello 0000cafe:020000000001:5001 <nil>
}

// An inline handler answers on the goroutine that received the question.
func ExampleStack_Inline() {
	s, err := ipx.NewStack(ipx.StackConfig{Node: ipx.Config{
		Output: func(_ ipx.PortID, to ipx.NodeAddr, packet []byte) {
			if h := ipx.Header(packet); h.Destination().Socket == 0x4009 {
				fmt.Printf("to %v: %s\n", to, h.Data())
			}
		},
		Random: func() uint32 { return 1 },
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	s.Do(func(now time.Time, n *ipx.Node) {
		_, err = n.AddPort(now, ipx.PortConfig{Name: "eth0", Network: 0xcafe, Node: ipx.NodeAddr{2, 0, 0, 0, 0, 1}})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	greet := func(reply, request []byte, _, _ ipx.Addr) []byte { return fmt.Appendf(reply, "hello, %s", request) }
	if _, err := s.Inline(0x5000, greet); err != nil {
		fmt.Println(err)
		return
	}
	peer := ipx.NodeAddr{2, 0, 0, 0, 0, 9}
	question := ipx.Fields{
		Type:        ipxwire.TypePEP,
		Destination: ipx.Addr{Net: 0xcafe, Node: ipx.NodeAddr{2, 0, 0, 0, 0, 1}, Socket: 0x5000},
		Source:      ipx.Addr{Net: 0xcafe, Node: peer, Socket: 0x4009},
	}
	s.Deliver(0, peer, append(question.AppendTo(nil, 5), "peers"...))
	// Output: to 020000000009: hello, peers
}
