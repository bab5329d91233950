package stack_test

import (
	"fmt"
	"io"

	"tapestry/link/ethernet"
	"tapestry/link/pipe"
	"tapestry/stack"
	"tapestry/stack/ipx"
)

// Two hosts on a cable with IPX in frames of type 802.2: one answers datagrams on the goroutine that receives them, and
// accepts a connection of SPX.
func ExampleInterface_AddIPX() {
	a, b := pipe.New(pipe.Config{Names: [2]string{"eth0", "eth0"}})
	var hosts []*stack.Host
	for i, dev := range []*pipe.End{a, b} {
		h, err := stack.New(stack.Config{Name: []string{"alpha", "beta"}[i]})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer h.Close()
		eth0, err := h.AddInterface(dev, stack.InterfaceConfig{})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := eth0.AddIPX(stack.IPXConfig{Frame: ethernet.KindLLC, Network: 0xcafe}); err != nil {
			fmt.Println(err)
			return
		}
		hosts = append(hosts, h)
	}
	alpha, beta := hosts[0], hosts[1]

	beta.IPX().Inline(0x4007, func(reply, request []byte, _, _ ipx.Addr) []byte {
		return append(append(reply, "echo of "...), request...)
	})
	l, err := beta.Listen("spx", ":4001")
	if err != nil {
		fmt.Println(err)
		return
	}
	go func() {
		if c, err := l.Accept(); err == nil {
			fmt.Fprintf(c, "hello %v", c.RemoteAddr().Network())
			c.Close()
		}
	}()

	d, err := alpha.Dial("ipx", "0000cafe:020000000002:4007")
	if err != nil {
		fmt.Println(err)
		return
	}
	d.Write([]byte("a datagram"))
	buf := make([]byte, 100)
	n, _ := d.Read(buf)
	fmt.Println(string(buf[:n]))

	c, err := alpha.Dial("spx", "0000cafe:020000000002:4001")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := io.ReadAll(c)
	fmt.Println(string(text))
	// Output:
	// echo of a datagram
	// hello spx
}
