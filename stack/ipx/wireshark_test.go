package ipx

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/stack/ipx/diag"
	"tapestry/stack/ipx/sap"
)

// everyKind has a row of networks send every kind of packet that nodes send, and gives what was on the wires.
func everyKind(t *testing.T) (packets []Header) {
	x := newRow(t, false)
	x.a.cfg.SendErrors, x.b.cfg.SendErrors, x.r.cfg.SendErrors = true, true, true
	x.run(converge)
	s := sap.Service{Type: 4, Name: "LIBRARY", Addr: addr(food, 2, ipxwire.SocketNCP), Port: sap.Local}
	if err := x.b.SAP().AddStatic(x.now, s); err != nil {
		t.Fatal(err)
	}
	ask, err := diag.AppendRequest(nil, node(0x11))
	if err != nil {
		t.Fatal(err)
	}
	all := func(s SocketNumber) Addr { return Addr{Node: ipxwire.Broadcast, Socket: s} }
	for _, c := range []struct {
		typ  PacketType
		to   Addr
		data []byte
	}{
		{ipxwire.TypeEcho, addr(food, 2, ipxwire.SocketEcho), []byte("echo")},
		{ipxwire.TypePEP, addr(food, 2, 0x4444), []byte("no such socket")},
		{ipxwire.TypePEP, addr(0xdead, 2, 0x4444), []byte("no such network")},
		{ipxwire.TypePEP, addr(food, 2, ipxwire.SocketDiagnostic), ask},
		{ipxwire.TypePEP, addr(beef, 0x21, ipxwire.SocketDiagnostic), ask},
		{ipxwire.TypePEP, all(ipxwire.SocketDiagnostic), ask},
		{ipxwire.TypeNetBIOS, all(0x4455), make([]byte, 50)},
		{ipxwire.TypeUnknown, addr(food, 2, 0x4444), nil},
		{21, addr(food, 2, 0x4444), []byte("experimental")},
	} {
		f := Fields{Type: c.typ, Destination: c.to, Source: Addr{Socket: 0x4123}}
		if err := x.a.Send(x.now, f, c.data); err != nil {
			t.Fatal(err)
		}
		x.run(time.Second)
	}
	x.a.SAP().Query(x.now, sap.AllPorts, sap.NearestQuery, 4)
	x.run(2 * time.Minute)
	return append(append(x.cafe.taken, x.beef.taken...), x.food.taken...)
}

// TestWireshark holds what nodes send against Wireshark: it remarks nothing, and reads the fields that were meant.
func TestWireshark(t *testing.T) {
	packets := everyKind(t)
	file := filepath.Join(t.TempDir(), "ipx.pcap")
	if err := os.WriteFile(file, appendCapture(nil, packets), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", file, "-T", "fields", "-E", "separator=|", "-E", "occurrence=f"}
	for _, f := range []string{
		"_ws.malformed", "_ws.expert", "ipx.checksum", "ipx.len", "ipx.hops", "ipx.packet_type",
		"ipx.dst.net", "ipx.dst.node", "ipx.dst.socket", "ipx.src.net", "ipx.src.node", "ipx.src.socket",
	} {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(nstest.Tool(t, "tshark"), args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(packets) {
		t.Fatalf("tshark read %d of %d packets", len(lines), len(packets))
	}
	kinds := map[string]int{}
	for i, h := range packets {
		to, from := h.Destination(), h.Source()
		want := fmt.Sprintf("||0xffff|%d|%d|0x%02x|%s|%s", h.Len(), h.Hops(), uint8(h.Type()), fieldsOf(to),
			fieldsOf(from))
		if lines[i] != want {
			t.Errorf("%x\ntshark %s\nwant   %s", []byte(h), lines[i], want)
		}
		kinds[fmt.Sprintf("%v to %v", h.Type(), to.Socket)]++
	}
	for _, k := range []string{
		"RIP to RIP", "PEP to SAP", "PEP to diagnostic", "PEP to 4123", "echo to echo", "echo to 4123",
		"error to error", "NetBIOS to 4455", "type 21 to 4444",
	} {
		if kinds[k] == 0 {
			t.Errorf("no packet of kind %s was sent; there are %v", k, kinds)
		}
	}
}

// fieldsOf gives an address as tshark prints its fields.
func fieldsOf(a Addr) string {
	return fmt.Sprintf("0x%08x|%v|0x%04x", uint32(a.Net), net.HardwareAddr(a.Node[:]), uint16(a.Socket))
}

// appendCapture writes the classic format, with each packet in a frame of Ethernet II.
func appendCapture(b []byte, packets []Header) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, 0xa1b2c3d4)
	b = le.AppendUint16(le.AppendUint16(b, 2), 4) // version
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(le.AppendUint32(b, 1<<16), 1) // Ethernet
	for i, p := range packets {
		to, from := p.Destination().Node, p.Source().Node
		frame := append(append([]byte{}, to[:]...), from[:]...)
		frame = append(append(frame, 0x81, 0x37), p...)
		b = le.AppendUint32(le.AppendUint32(b, uint32(i)), 0)
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(frame))), uint32(len(frame)))
		b = append(b, frame...)
	}
	return b
}
