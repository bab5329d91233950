package qemu_test

import (
	"fmt"
	"net"

	"tapestry/link/qemu"
)

// A wire that QEMU joins with -netdev socket,id=n,connect=127.0.0.1:PORT.
func ExampleListen() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	dev, err := qemu.Listen(l, qemu.Config{Name: "vm1"})
	if err != nil {
		l.Close()
		fmt.Println(err)
		return
	}
	defer dev.Close()
	fmt.Println(dev.Info().Name, "has carrier:", dev.Info().Up)
	// Output: vm1 has carrier: false
}
