package stack_test

import (
	"fmt"
	"io"
	"net/netip"

	"tapestry/link/pipe"
	"tapestry/stack"
)

// Two hosts on a cable: one answers datagrams on the goroutine that receives them, and accepts a connection.
func ExampleHost_Dial() {
	a, b := pipe.New(pipe.Config{Names: [2]string{"eth0", "eth0"}})
	alpha, err := stack.New(stack.Config{Name: "alpha", Names: map[string][]netip.Addr{"beta": {netip.MustParseAddr("198.51.100.1")}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer alpha.Close()
	beta, err := stack.New(stack.Config{Name: "beta"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer beta.Close()
	alpha.AddInterface(a, stack.InterfaceConfig{Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.2/24")}})
	beta.AddInterface(b, stack.InterfaceConfig{Addresses: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/24")}})

	beta.Inline("udp", ":echo", func(reply, request []byte, _, _ netip.AddrPort) []byte {
		return append(append(reply, "echo of "...), request...)
	})
	l, err := beta.Listen("tcp", ":http")
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

	u, err := alpha.Dial("udp", "beta:echo")
	if err != nil {
		fmt.Println(err)
		return
	}
	u.Write([]byte("a datagram"))
	buf := make([]byte, 100)
	n, _ := u.Read(buf)
	fmt.Println(string(buf[:n]))

	c, err := alpha.Dial("tcp", "beta:http")
	if err != nil {
		fmt.Println(err)
		return
	}
	text, _ := io.ReadAll(c)
	fmt.Println(string(text))
	// Output:
	// echo of a datagram
	// hello tcp
}
