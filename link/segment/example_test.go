package segment_test

import (
	"fmt"

	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/segment"
)

// Two stations on a switch. The first frame goes everywhere, because nobody knows its receiver; the answer goes to
// the station that sent it.
func Example() {
	lan, err := segment.New(segment.Config{Name: "lan"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lan.Close()
	alpha, _ := lan.NewDevice(segment.PortConfig{Name: "alpha", Addr: ethernet.Addr{2, 0, 0, 0, 0, 0xa}})
	beta, _ := lan.NewDevice(segment.PortConfig{Name: "beta", Addr: ethernet.Addr{2, 0, 0, 0, 0, 0xb}})

	send := func(from, to *segment.Device) {
		h := ethernet.Fields{Destination: to.Info().Addr, Source: from.Info().Addr, Type: 0x88b5}
		b, _ := h.AppendTo(nil, 0)
		from.WriteFrames([]link.Frame{link.NewFrame(ethernet.Pad(b))})
		f := make([]link.Frame, 1)
		if n, err := to.ReadFrames(f); n == 1 && err == nil {
			fmt.Println(to.Info().Name, "reads", f[0].Len(), "octets")
			f[0].Release()
		}
	}
	send(alpha, beta)
	send(beta, alpha)
	for _, a := range lan.Addrs() {
		fmt.Println(a.Addr, "is behind", a.Port)
	}
	// Output:
	// beta reads 60 octets
	// alpha reads 60 octets
	// 02:00:00:00:00:0a is behind alpha
	// 02:00:00:00:00:0b is behind beta
}
