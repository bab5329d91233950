package wiretest

import (
	"encoding/hex"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/diag"
)

// Wireshark has no dissector for the body, but knows the socket and finds nothing to remark.
func TestDiagnostic(t *testing.T) {
	all, err := diag.AppendRequest(nil)
	if err != nil {
		t.Fatal(err)
	}
	few, err := diag.AppendRequest(nil, make([]ipxwire.Node, diag.MaxExclusions)...)
	if err != nil {
		t.Fatal(err)
	}
	networks := []diag.LocalNetwork{{Type: diag.VirtualBoard, Network: 0x1111, Node: ipxwire.Node{5: 1}}}
	answer, err := diag.Response{Major: 1, Components: []diag.Component{
		{ID: diag.IPXSPX}, {ID: diag.RouterDriver}, {ID: diag.LANDriver}, {ID: diag.FileServer, Networks: networks},
	}}.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	bodies := [][]byte{all, few, answer}
	var packets [][]byte
	for _, b := range bodies {
		packets = append(packets, packet(ipxwire.TypePEP, ipxwire.SocketDiagnostic, b))
	}
	for i, got := range judge(t, packets, "ipx.dst.socket", "data.data") {
		if body := hex.EncodeToString(bodies[i]); got[0] != "0x0456" || got[1] != body {
			t.Errorf("tshark reads %q, want socket 0x0456 and %s", got, body)
		}
	}
}
