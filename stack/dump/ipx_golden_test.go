package dump

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/link/pcap"
)

var update = flag.Bool("update", false, "write the golden files anew; read the diff")

const (
	raw   = eth + "0000 " // golden frames of raw 802.3: rawIPX fills in both lengths
	cafe  = "0000cafe:020000000001:"
	beef  = "0000beef:020000000002:"
	alpha = "414c504841 20202020202020202020 20"
	beta  = "42455441 2020202020202020202020 00"
	nets  = "0000cafe 0000beef 000000000000000000000000000000000000000000000000"
)

// rawIPX makes a frame of a packet from cafe to beef: type, source and destination socket, data.
func rawIPX(kind, src, dst, data string) []byte {
	b := unhex(raw + "ffff 0000 00" + kind + "0000beef 020000000002" + dst + "0000cafe 020000000001" + src + data)
	n := len(b) - 14
	b[12], b[13] = byte(n>>8), byte(n)
	b[16], b[17] = byte(n>>8), byte(n)
	return b
}

var goldenIPX = []struct {
	name                 string
	kind, src, dst, data string
	want                 []string // below the line of the frame
}{
	{"rip request", "01", "0453", "0453", "0001 0000f00d ffff ffff", []string{
		"ipx " + cafe + "0453 (RIP) > " + beef + "0453 (RIP), RIP, 0 hops, 40 octets",
		"ipxrip Request, 0000f00d",
	}},
	{"rip response", "01", "0453", "4000", "0002 0000f00d 0001 0002 0000cafe 0010 0010", []string{
		"ipx " + cafe + "0453 (RIP) > " + beef + "4000, RIP, 0 hops, 48 octets",
		"ipxrip Response, 0000f00d 1 hops 2 ticks, 0000cafe 16 hops 16 ticks",
	}},
	{"rip of neither kind", "01", "0453", "0453", "0007 0000f00d 0001 0002", []string{
		"ipx " + cafe + "0453 (RIP) > " + beef + "0453 (RIP), RIP, 0 hops, 40 octets",
		"ipxrip operation 7, 0000f00d 1 hops 2 ticks",
	}},
	{"rip with half an entry", "01", "0453", "0453", "0002 0000f00d 0001", []string{
		"ipx " + cafe + "0453 (RIP) > " + beef + "0453 (RIP), RIP, 0 hops, 38 octets",
		"ipxrip short, 8 octets: 00020000f00d0001",
	}},
	{"sap query", "00", "4000", "0452", "0003 0004", []string{
		"ipx " + cafe + "4000 > " + beef + "0452 (SAP), IPX, 0 hops, 34 octets",
		"ipxsap Nearest Query, 0x0004 (File Server (SLIST source))",
	}},
	{"sap response with a hostile name", "04", "0452", "4000", "0004 9999" + "1b5b324a 0a22" + strings.Repeat("00", 42) + "0000cafe 000000000001 0451 0010", []string{
		"ipx " + cafe + "0452 (SAP) > " + beef + "4000, PEP, 0 hops, 96 octets",
		`ipxsap Nearest Response, "\x1b[2J\n\"" 0x9999 at 0000cafe:000000000001:0451 (NCP), 16 networks`,
	}},
	{"spx data", "05", "4000", "4001", "50 07 0001 0002 ffff 0000 0004 48454c4c4f", []string{
		"ipx " + cafe + "4000 > " + beef + "4001 (IPX Message), SPX, 0 hops, 47 octets",
		"spx 1 > 2, flags send_ack eom, type 0x07, seq 65535, ack 0, alloc 4, 5 octets",
		"data 5 octets: 48454c4c4f",
	}},
	{"spx ii answer", "05", "4000", "4001", "8c 00 0001 0002 0000 0000 0004 05dc", []string{
		"ipx " + cafe + "4000 > " + beef + "4001 (IPX Message), SPX, 0 hops, 44 octets",
		"spx 1 > 2, flags sys v2 neg_size, type 0x00, seq 0, ack 0, alloc 4, size 1500, 0 octets",
	}},
	{"spx end", "05", "4000", "4001", "40 fe 0001 0002 0009 0000 0004", []string{
		"ipx " + cafe + "4000 > " + beef + "4001 (IPX Message), SPX, 0 hops, 42 octets",
		"spx 1 > 2, flags send_ack, type 0xfe (End-of-Connection), seq 9, ack 0, alloc 4, 0 octets",
	}},
	{"spx short", "05", "4000", "4001", "40 fe 0001", []string{
		"ipx " + cafe + "4000 > " + beef + "4001 (IPX Message), SPX, 0 hops, 34 octets",
		"spx short, 4 octets: 40fe0001",
	}},
	{"netbios name", "14", "0455", "0455", nets + "c7 01" + alpha, []string{
		"ipx " + cafe + "0455 (NetBIOS) > " + beef + "0455 (NetBIOS), NetBIOS Broadcast, 0 hops, 80 octets",
		`nbipx Find name "ALPHA"<20>, flags group in_use registered duplicated deregistered, via 0000cafe 0000beef`,
	}},
	{"netbios name cut off", "14", "0455", "0455", nets + "38 01 414c", []string{
		"ipx " + cafe + "0455 (NetBIOS) > " + beef + "0455 (NetBIOS), NetBIOS Broadcast, 0 hops, 66 octets",
		"nbipx short, 36 octets: 0000cafe0000beef000000000000000000000000000000000000000000000000…",
	}},
	{"answer to a netbios broadcast", "04", "0455", "0455", nets + "38 04" + alpha, []string{
		"ipx " + cafe + "0455 (NetBIOS) > " + beef + "0455 (NetBIOS), PEP, 0 hops, 80 octets",
		`nbipx Name in use "ALPHA"<20>, flags 0x20 0x10 0x08, via 0000cafe 0000beef`,
	}},
	{"netbios datagram", "04", "0455", "0455", "00 0b" + alpha + beta + "0102", []string{
		"ipx " + cafe + "0455 (NetBIOS) > " + beef + "0455 (NetBIOS), PEP, 0 hops, 66 octets",
		`nbipx Directed datagram "BETA"<00> > "ALPHA"<20>`,
		"data 2 octets: 0102",
	}},
	{"netbios of no kind", "04", "0455", "0455", "00 2a 0102", []string{
		"ipx " + cafe + "0455 (NetBIOS) > " + beef + "0455 (NetBIOS), PEP, 0 hops, 34 octets",
		"nbipx type 42",
		"data 2 octets: 0102",
	}},
	{"netbios without its networks", "14", "0455", "0455", "0000cafe", []string{
		"ipx " + cafe + "0455 (NetBIOS) > " + beef + "0455 (NetBIOS), NetBIOS Broadcast, 0 hops, 34 octets",
		"nbipx short, 4 octets: 0000cafe",
	}},
	{"nmpi", "14", "4000", "0551", nets + "f3 01 0500" + alpha + beta, []string{
		"ipx " + cafe + "4000 > " + beef + "0551 (NWLink SMB Name Query), NetBIOS Broadcast, 0 hops, 98 octets",
		`nmpi Query name, Machine "ALPHA"<20> from "BETA"<00>, id 0x0005, via 0000cafe 0000beef`,
	}},
	{"diagnostic request", "00", "4000", "0456", "00", []string{
		"ipx " + cafe + "4000 > " + beef + "0456 (Diagnostic), IPX, 0 hops, 31 octets",
		"diagnostic configuration request",
	}},
	{"diagnostic request, but of some", "04", "0456", "0456", "02 020000000001 020000000003", []string{
		"ipx " + cafe + "0456 (Diagnostic) > " + beef + "0456 (Diagnostic), PEP, 0 hops, 43 octets",
		"diagnostic configuration request, but of 020000000001 020000000003",
	}},
	{"diagnostic response", "00", "0456", "4000", "01 00 4002 03 00 02 06 02 00 0000cafe 020000000001 01 0000f00d 000000000001", []string{
		"ipx " + cafe + "0456 (Diagnostic) > " + beef + "4000, IPX, 0 hops, 61 octets",
		"diagnostic configuration response 1.0, SPX socket 4002, IPX/SPX, LAN driver, file server or router" +
			" 0000cafe:020000000001 (LAN board) 0000f00d:000000000001 (virtual board)",
	}},
	{"diagnostic response cut off", "00", "0456", "0456", "01 00 4002 03 00", []string{
		"ipx " + cafe + "0456 (Diagnostic) > " + beef + "0456 (Diagnostic), IPX, 0 hops, 36 octets",
		"diagnostic short, 6 octets: 010040020300",
	}},
	{"message", "00", "4005", "4001", "05 59", []string{
		"ipx " + cafe + "4005 > " + beef + "4001 (IPX Message), IPX, 0 hops, 32 octets",
		"ipxmsg Station is still using the connection, connection 5",
	}},
	{"socket of messages that others use", "00", "4005", "4001", "05 5a", []string{
		"ipx " + cafe + "4005 > " + beef + "4001 (IPX Message), IPX, 0 hops, 32 octets",
		"data 2 octets: 055a",
	}},
	{"serial number", "04", "0457", "0457", "010203040506 07", []string{
		"ipx " + cafe + "0457 (Serialization) > " + beef + "0457 (Serialization), PEP, 0 hops, 37 octets",
		"nw_serial serial number 010203040506",
		"data 1 octets: 07",
	}},
	{"error", "03", "0003", "4000", "0203 0010 ffff 0222 10 04 0000f00d 020000000003 0451 0000cafe 020000000001 4000 0102", []string{
		"ipx " + cafe + "0003 (Error) > " + beef + "4000, Error, 0 hops, 66 octets",
		"error too many hops, parameter 16, 32 octets",
		"ipx 0000cafe:020000000001:4000 > 0000f00d:020000000003:0451 (NCP), PEP, 16 hops, 546 octets",
		"data 2 octets: 0102",
	}},
	{"echo", "02", "4000", "0002", "0102", []string{
		"ipx " + cafe + "4000 > " + beef + "0002 (CISCO PING), Echo, 0 hops, 32 octets",
		"data 2 octets: 0102",
	}},
	{"ncp request", "11", "4003", "0451", "2222 01 05 02 00 15 00", []string{
		"ipx " + cafe + "4003 (IPX Message) > " + beef + "0451 (NCP), NCP, 0 hops, 38 octets",
		"ncp Service request, seq 1, connection 5, task 2, function 0x15",
		"data 1 octets: 00",
	}},
	{"type that nobody took", "20", "4000", "4010", "", []string{
		"ipx " + cafe + "4000 > " + beef + "4010, type 32, 0 hops, 30 octets",
	}},
}

func TestGoldenIPX(t *testing.T) {
	for _, tt := range goldenIPX {
		t.Run(tt.name, func(t *testing.T) {
			_, got, _ := strings.Cut(Frame(rawIPX(tt.kind, tt.src, tt.dst, tt.data)), "\n")
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestIPXChecksum(t *testing.T) {
	b := unhex(eth + "8137 ffff 001f 00 04 0000beef 020000000002 4010 0000cafe 020000000001 4000 61")
	h := ipxwire.Header(b[14:])
	for sum, want := range map[uint16]string{
		0xffff:      "31 octets\ndata",
		h.Sum():     fmt.Sprintf(", checksum 0x%04x\ndata", h.Sum()),
		h.Sum() ^ 1: fmt.Sprintf(", bad checksum 0x%04x\ndata", h.Sum()^1),
	} {
		h.SetChecksum(sum)
		if got := Frame(b); !strings.Contains(got, want) {
			t.Errorf("checksum %04x: got\n%s", sum, got)
		}
	}
	h.SetChecksum(h.Sum())
	if got := Frame(b[:len(b)-1]); !strings.Contains(got, fmt.Sprintf("checksum 0x%04x, 1 missing", h.Checksum())) {
		t.Errorf("cut off: got\n%s", got)
	}
}

// TestIPXCaptures holds our text of frames from the wild against that of testdata.
func TestIPXCaptures(t *testing.T) {
	dir := os.Getenv("TAPESTRY_CAPTURES")
	if dir == "" {
		t.Skip("needs captures of others: set TAPESTRY_CAPTURES to a folder that holds ipx.pcap and ipx-invalid-length.pcap")
	}
	for _, name := range []string{"ipx", "ipx-invalid-length"} {
		got := captureText(t, filepath.Join(dir, name+".pcap"))
		file := filepath.Join("testdata", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: text differs from %s; run with -update and read the diff. Got\n%s", name, file, got)
		}
	}
}

func captureText(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	r, err := pcap.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	for {
		p, err := r.Next()
		if err == io.EOF {
			return string(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		text = append(AppendFrame(text, p.Data), "\n\n"...)
	}
}
