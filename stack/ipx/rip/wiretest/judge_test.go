// Package wiretest holds the codecs of RIP, SAP, diagnostics and NetBIOS against others: tshark as the judge of what is
// written, and captures from the wild of what is read. It has tests alone, since a protocol core starts no program.
package wiretest

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
)

// station is the one that packets of tests are from.
var station = ipxwire.Addr{Net: 0xcafe, Node: ipxwire.Node{2, 0, 0, 0, 0, 1}}

// packet gives a broadcast from station, from a socket to the same.
func packet(kind ipxwire.PacketType, socket ipxwire.Socket, data []byte) []byte {
	from := station
	from.Socket = socket
	to := ipxwire.Addr{Net: station.Net, Node: ipxwire.Broadcast, Socket: socket}
	return append(ipxwire.Fields{Type: kind, Source: from, Destination: to}.AppendTo(nil, len(data)), data...)
}

// judge gives, for each packet, what tshark reads in some fields of it: the values of one field joined by commas. The
// test fails if tshark finds a packet malformed or has anything to remark, and is skipped where there is no tshark.
func judge(t testing.TB, packets [][]byte, fields ...string) [][]string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ipx.pcap")
	if err := os.WriteFile(file, appendCapture(nil, packets), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-n", "-r", file, "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"}
	remarks := []string{"_ws.malformed", "_ws.expert", "_ws.unreassembled"}
	for _, f := range slices.Concat(remarks, fields) {
		args = append(args, "-e", f)
	}
	out, err := exec.Command(nstest.Tool(t, "tshark"), args...).Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(lines) != len(packets) {
		t.Fatalf("tshark read %d of %d packets:\n%s", len(lines), len(packets), out)
	}
	all := make([][]string, len(lines))
	for i, l := range lines {
		values := strings.Split(l, "|")
		if r := strings.Join(values[:len(remarks)], ""); r != "" {
			t.Errorf("tshark remarks %q on\n%x", values[:len(remarks)], packets[i])
		}
		all[i] = values[len(remarks):]
	}
	return all
}

// captured gives the IPX packets of a capture in the folder that TAPESTRY_CAPTURES names, all of 802.2 frames, or skips
// the test.
func captured(t testing.TB, name string) []ipxwire.Header {
	t.Helper()
	dir := os.Getenv("TAPESTRY_CAPTURES")
	if dir == "" {
		t.Skip("needs captures of others: set TAPESTRY_CAPTURES to a folder that holds " + name)
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var all []ipxwire.Header
	const llc = 17
	for b = b[fileHeader:]; len(b) > recordHeader; {
		n := int(binary.LittleEndian.Uint32(b[8:]))
		frame := b[recordHeader:][:n]
		b = b[recordHeader+n:]
		h, err := ipxwire.ParseHeader(frame[llc:])
		if err != nil {
			t.Fatalf("%v in %x", err, frame)
		}
		all = append(all, h)
	}
	return all
}

const (
	fileHeader   = 24
	recordHeader = 16
)

// appendCapture writes the classic format, with each packet in a frame of Ethernet II.
func appendCapture(b []byte, packets [][]byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, 0xa1b2c3d4)
	b = le.AppendUint16(le.AppendUint16(b, 2), 4) // version
	b = append(b, make([]byte, 8)...)
	b = le.AppendUint32(le.AppendUint32(b, 262144), 1) // Ethernet
	for i, p := range packets {
		frame := append([]byte{}, p[6+4:6+10]...) // destination node
		frame = append(frame, p[18+4:18+10]...)   // source node
		frame = append(append(frame, 0x81, 0x37), p...)
		if len(frame) < 60 {
			frame = append(frame, make([]byte, 60-len(frame))...)
		}
		b = le.AppendUint32(le.AppendUint32(b, uint32(i)), 0)
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(frame))), uint32(len(frame)))
		b = append(b, frame...)
	}
	return b
}
