package ethernet_test

import (
	"fmt"

	"tapestry/link/ethernet"
)

// A frame is written from its fields and read back through a checked view.
func ExampleParse() {
	f := ethernet.Fields{
		Destination: ethernet.Broadcast,
		Source:      ethernet.Addr{2, 0, 0, 0, 0, 1},
		Tags:        []ethernet.Tag{{VID: 5}},
		Kind:        ethernet.KindSNAP,
		Type:        ethernet.TypeARP,
	}
	payload := make([]byte, 28)
	frame, err := f.AppendTo(nil, len(payload))
	if err != nil {
		panic(err)
	}
	frame = ethernet.Pad(append(frame, payload...))
	h, err := ethernet.Parse(frame)
	fmt.Println(h, err)
	// Output: 02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, 802.1Q vid 5, SNAP 00-00-00 ARP, 28 octets <nil>
}
