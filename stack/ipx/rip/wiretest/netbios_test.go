package wiretest

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"tapestry/internal/ipxwire"
	"tapestry/stack/ipx/netbios"
)

func netbiosName(t *testing.T, s string, kind byte) netbios.Name {
	n, err := netbios.MakeName(s, kind)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// What tshark is to read of each: its type, control and flags, the networks, and the numbers of a session.
func TestNetBIOS(t *testing.T) {
	list := netbios.List{0xcafe, 0xbeef}
	alpha, beta := netbiosName(t, "ALPHA", 0x20), netbiosName(t, "BETA", 0)
	tests := []struct {
		name    string
		kind    ipxwire.PacketType
		message netbios.Message
		want    string
	}{
		{
			"find name", ipxwire.TypeNetBIOS,
			netbios.Message{HasNetworks: true, Networks: list, Type: netbios.FindName, Name: alpha},
			"0x01||0x00|0x0000cafe,0x0000beef|",
		},
		{
			"name recognized", ipxwire.TypePEP,
			netbios.Message{HasNetworks: true, Networks: list, Flags: 0xc4, Type: netbios.NameRecognized, Name: alpha},
			"0x02||0xc4|0x0000cafe,0x0000beef|",
		},
		{
			"session data", ipxwire.TypePEP,
			netbios.Message{
				Flags: 0x50, Type: netbios.SessionData, Session: netbios.Session{
					SourceID: 0x201, DestinationID: 0x403, SendSequence: 5, TotalLength: 6, Offset: 0x102, Length: 6,
					ReceiveSequence: 7, BytesReceived: 8,
				}, Data: []byte("ABCABC"),
			},
			"0x06|0x50|||0x0201,0x0403,5,6,258,6,7,8",
		},
		{
			"session end", ipxwire.TypePEP, netbios.Message{Flags: 0x80, Type: netbios.SessionEnd},
			"0x07|0x80|||0x0000,0x0000,0,0,0,0,0,0",
		},
		{
			"datagram", ipxwire.TypePEP, netbios.Message{Type: netbios.DirectedDatagram, Receiver: alpha, Sender: beta},
			"0x0b|0x00|||",
		},
		{"status query", ipxwire.TypePEP, netbios.Message{Type: netbios.StatusQuery}, "0x09||||"},
	}
	var packets [][]byte
	for _, tt := range tests {
		packets = append(packets, packet(tt.kind, ipxwire.SocketNetBIOS, tt.message.AppendTo(nil)))
	}
	got := judge(t, packets, "nmpi.packettype", "nmpi.conn_control", "nmpi.name_flags", "nmpi.ipx_network",
		"nmpi.session.src_conn_id", "nmpi.session.dest_conn_id", "nmpi.session.send_seq_number",
		"nmpi.session.total_data_length", "nmpi.session.offset", "nmpi.session.data_length",
		"nmpi.session.recv_seq_number", "nmpi.session.bytes_received")
	for i, tt := range tests {
		session := strings.Trim(strings.Join(got[i][4:], ","), ",")
		if s := strings.Join(append(got[i][:4:4], session), "|"); s != tt.want {
			t.Errorf("%s: tshark reads %s, want %s", tt.name, s, tt.want)
		}
	}
}

func TestNMPI(t *testing.T) {
	m := netbios.NMPI{
		Networks: netbios.List{0xcafe, 0xbeef}, Opcode: netbios.FindMailslotName, NameType: netbios.Machine, ID: 0x1234,
		Requested: netbiosName(t, "ALPHA", 0), Source: netbiosName(t, "BETA", 3),
	}
	packets := [][]byte{packet(ipxwire.TypeNetBIOS, ipxwire.SocketNWLink, m.AppendTo(nil))}
	got := judge(t, packets, "nmpi.opcode", "nmpi.name_type", "nmpi.messageid", "nmpi.ipx_network")
	if s := strings.Join(got[0], "|"); s != "0xfd|0x01|0x1234|0x0000cafe,0x0000beef" {
		t.Errorf("tshark reads %s", s)
	}
}

// All NetBIOS of the capture reads and writes back.
func TestCapturedNetBIOS(t *testing.T) {
	counts := map[string]int{}
	for _, h := range captured(t, "ipx.pcap") {
		var b []byte
		switch h.Destination().Socket {
		case ipxwire.SocketNetBIOS:
			m, err := netbios.Parse(h.Data(), h.Type() == ipxwire.TypeNetBIOS)
			if err != nil {
				t.Fatalf("%v in %v", err, h)
			}
			counts[m.Type.String()]++
			b = m.AppendTo(nil)
		case ipxwire.SocketNWLink:
			m, err := netbios.ParseNMPI(h.Data())
			if err != nil {
				t.Fatalf("%v in %v", err, h)
			}
			counts[m.Opcode.String()]++
			b = m.AppendTo(nil)
		default:
			continue
		}
		if !bytes.Equal(b, h.Data()) {
			t.Errorf("writes %x, want %x", b, h.Data())
		}
	}
	if want := map[string]int{"Find name": 21, "Directed datagram": 3, "Mailslot write": 3}; !maps.Equal(counts, want) {
		t.Errorf("read %v, want %v", counts, want)
	}
}
