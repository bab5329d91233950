package spx_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"tapestry/stack/ipx"
	"tapestry/stack/spx"
)

// A node alone, which calls itself.
func ExampleTransport() {
	stack, err := ipx.NewStack(ipx.StackConfig{Node: ipx.Config{
		Random: rand.Uint32,
		Output: func(ipx.PortID, ipx.NodeAddr, []byte) {}, // there is no wire
	}})
	if err != nil {
		fmt.Println(err)
		return
	}
	node := ipx.NodeAddr{2, 0, 0, 0, 0, 1}
	stack.Do(func(now time.Time, n *ipx.Node) {
		_, err = n.AddPort(now, ipx.PortConfig{Name: "eth0", Network: 0xcafe, Node: node, MaxPacket: 1500})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	transport, err := spx.New(stack, spx.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer transport.Close()
	listener, err := transport.Listen(0x5001)
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HELLO")
		_ = conn.Close()
	}()
	conn, err := transport.Dial(context.Background(), ipx.Addr{Net: 0xcafe, Node: node, Socket: 0x5001})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := io.ReadAll(conn)
	fmt.Println(conn.RemoteAddr(), string(text), err)
	// Output: 0000cafe:020000000001:5001 HELLO <nil>
}
