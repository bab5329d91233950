package spx

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
	"tapestry/internal/nstest"
	"tapestry/link/pcap"
)

// TestWireshark has Wireshark read what two ends say to each other on a wire that loses, and compares each field.
func TestWireshark(t *testing.T) {
	tool := nstest.Tool(t, "tshark")
	for _, c := range []Config{{Idle: time.Second}, {NoSPX2: true, Idle: time.Second}} {
		packets := conversation(t, c)
		file := filepath.Join(t.TempDir(), "spx.pcapng")
		writeCapture(t, file, packets)
		args := []string{"-n", "-r", file, "-T", "fields", "-E", "separator=,", "-E", "occurrence=f"}
		for _, f := range []string{
			"ipx.len", "spx.ctl", "spx.type", "spx.src", "spx.dst", "spx.seq", "spx.ack", "spx.alloc", "spx.neg_size",
			"spx.ctl.v2", "spx.ctl.neg_size", "_ws.malformed", "_ws.expert.message",
		} {
			args = append(args, "-e", f)
		}
		out, err := exec.Command(tool, args...).Output()
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
		if err != nil || len(rows) != len(packets) {
			t.Fatalf("%d lines for %d packets, %v", len(rows), len(packets), err)
		}
		for i, h := range packets {
			if want := wiresharkRow(h); !slices.Equal(rows[i], want) {
				t.Fatalf("packet %d, %v:\nread %q\nwant %q", i, h, rows[i], want)
			}
		}
		t.Logf("%d packets", len(packets))
	}
}

// wiresharkRow is what Wireshark should read: it shows the four flags of SPX as one value, those of SPX II apart, and
// nothing where they or the size are not.
func wiresharkRow(h Header) []string {
	size, v2, neg := "", "", ""
	if h.isSized() {
		size = fmt.Sprint(h.Size())
	}
	if h.Control()&ControlSPX2 != 0 {
		v2, neg = "1", fmt.Sprint(uint8(h.Control()&ControlNegotiate)/uint8(ControlNegotiate))
	}
	return []string{
		fmt.Sprint(h.IPX().Len()), fmt.Sprintf("0x%02x", uint8(h.Control())>>4), fmt.Sprintf("0x%02x", h.Stream()),
		fmt.Sprint(h.SourceID()), fmt.Sprint(h.DestinationID()), fmt.Sprint(h.Sequence()), fmt.Sprint(h.Acknowledge()),
		fmt.Sprint(h.Allocation()), size, v2, neg, "", "",
	}
}

// conversation is every kind of packet: opening, data with losses, probes, both ways of ending.
func conversation(t *testing.T, c Config) (packets []Header) {
	w := newWorld(t, 7, c, c)
	w.log = func(_ int, h Header) { packets = append(packets, h) }
	a, b := w.pair()
	w.impair = harsh
	for i := range 20 {
		w.writeAll(0, a, string(bytes.Repeat([]byte{byte(i + 1)}, 3000)))
		w.run(time.Second, nil)
		w.at(1)
		_, _ = readAll(b)
	}
	w.run(3*time.Second, nil)
	w.at(0)
	if a.spx2 {
		if err := a.closeWrite(); err != nil {
			t.Fatal(err)
		}
		w.run(3*time.Second, nil)
		w.at(1)
	}
	b.close()
	w.run(time.Minute, nil)
	seen := map[Control]bool{}
	for _, h := range packets {
		seen[h.Control()&^ControlSPX2] = true
	}
	for _, want := range []Control{ControlSystem, ControlSystem | ControlAck, ControlAck, ControlAck | ControlEOM} {
		if !seen[want] {
			t.Errorf("no packet with control %02x", uint8(want))
		}
	}
	return packets
}

func writeCapture(t *testing.T, file string, packets []Header) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := pcap.NewWriter(f, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, h := range packets {
		to, from := h.IPX().Destination().Node, h.IPX().Source().Node
		frame := append(append(append(frameAddrs(to, from), 0x81, 0x37), h...), make([]byte, len(h)&1)...)
		if err := w.Write(pcap.Packet{Time: epoch.Add(time.Duration(i)), Interface: "lan", Data: frame}); err != nil {
			t.Fatal(err)
		}
	}
}

func frameAddrs(to, from ipxwire.Node) []byte { return append(to[:], from[:]...) }
