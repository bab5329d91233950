package netbios

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tapestry/internal/ipxwire"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func makeName(s string, kind byte) Name {
	n, err := MakeName(s, kind)
	if err != nil {
		panic(err)
	}
	return n
}

const (
	nets    = "0000cafe 0000beef 00000000 00000000 00000000 00000000 00000000 00000000"
	radius  = "524144495553 202020202020202020 1e"
	browser = "0102 5f5f4d5342524f5753455f5f 02 01"
)

var list = List{0xcafe, 0xbeef}

// golden are packets with their meaning.
var golden = []struct {
	name         string
	octets       string
	isPropagated bool
	message      Message
	text         string
}{
	{
		name: "find name", octets: nets + "00 01" + browser, isPropagated: true,
		message: Message{HasNetworks: true, Networks: list, Type: FindName, Name: Name(unhex(browser)), Data: []byte{}},
		text:    "Find name <01><02>__MSBROWSE__<02><01>",
	},
	{
		name: "name recognized", octets: nets + "c4 02" + radius,
		message: Message{HasNetworks: true, Networks: list, Flags: 0xc4, Type: NameRecognized, Name: makeName("radius", 0x1e), Data: []byte{}},
		text:    "Name recognized RADIUS<1e>, group, used, registered",
	},
	{
		name: "session data", octets: "50 06 0102 0304 0500 0600 0000 0600 0700 0800 414243414243",
		message: Message{Flags: 0x50, Type: SessionData, Session: Session{0x201, 0x403, 5, 6, 0, 6, 7, 8}, Data: []byte("ABCABC")},
		text:    "Session data 0201 > 0403, send 5, receive 7, 6 octets at 0 of 6",
	},
	{
		name: "session end", octets: "80 07 0100 0200 0500 0000 0000 0000 0700 0800",
		message: Message{Flags: 0x80, Type: SessionEnd, Session: Session{1, 2, 5, 0, 0, 0, 7, 8}, Data: []byte{}},
		text:    "Session end 0001 > 0002, send 5, receive 7, 0 octets at 0 of 0",
	},
	{
		name: "datagram", octets: "00 0b" + radius + browser,
		message: Message{Type: DirectedDatagram, Receiver: makeName("RADIUS", 0x1e), Sender: Name(unhex(browser)), Data: []byte{}},
		text:    "Directed datagram <01><02>__MSBROWSE__<02><01> > RADIUS<1e>, 0 octets",
	},
	{
		name: "status query", octets: "00 09",
		message: Message{Type: StatusQuery, Data: []byte{}},
		text:    "Status query, 0 octets",
	},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(tt.octets)
			m, err := Parse(b, tt.isPropagated)
			if err != nil || !reflect.DeepEqual(m, tt.message) || m.String() != tt.text {
				t.Fatalf("got %+v, %v\n%v\nwant %+v\n%v", m, err, m, tt.message, tt.text)
			}
			if got := m.AppendTo(nil); !bytes.Equal(got, b) {
				t.Errorf("writes %x, want %x", got, b)
			}
		})
	}
}

// What is cut is an error, or a shorter packet that writes as it was.
func TestTruncated(t *testing.T) {
	for _, tt := range golden {
		b := unhex(tt.octets)
		for i := range b {
			m, err := Parse(b[:i:i], tt.isPropagated)
			if err == nil && !bytes.Equal(m.AppendTo(nil), b[:i]) {
				t.Errorf("%x writes %x", b[:i], m.AppendTo(nil))
			}
			if fixed := len(b) - len(tt.message.Data); err == nil && i < fixed && tt.name != "name recognized" {
				t.Errorf("%s cut to %d of %d: no error", tt.name, i, fixed)
			}
		}
	}
	for i := range nmpiLen {
		if _, err := ParseNMPI(make([]byte, i)); !errors.Is(err, ErrShort) {
			t.Errorf("NMPI of %d octets: %v", i, err)
		}
	}
	for i := range NetworksLen {
		if _, err := ParseNetworks(make([]byte, i)); !errors.Is(err, ErrShort) {
			t.Errorf("a list of %d octets: %v", i, err)
		}
	}
}

func TestTypes(t *testing.T) {
	for v, want := range map[Type]string{
		CheckName: "Check name", NameInUse: "Name in use", DeregisterName: "Deregister name",
		SessionEndACK: "Session end ACK", StatusResponse: "Status response", 12: "type 12", 0: "type 0",
	} {
		if v.String() != want {
			t.Errorf("type %d is %q, want %q", uint8(v), v, want)
		}
	}
	if s := NameFlags(3).String(); s != ", duplicated, deregistered" {
		t.Errorf("flags are %q", s)
	}
	if _, err := MakeName(strings.Repeat("A", 16), 0); !errors.Is(err, ErrName) {
		t.Errorf("a name of 16 octets: %v", err)
	}
}

// The list grows by a network a router, and is full after eight.
func TestPropagation(t *testing.T) {
	data := append(bytes.Repeat([]byte{0xee}, NetworksLen), "name"...)
	n, err := ParseNetworks(data)
	if err != nil {
		t.Fatal(err)
	}
	for hops := range uint8(MaxNetworks) {
		if network := ipxwire.Network(hops + 1); n.Has(network, hops) || !n.Record(network, hops) || !n.Has(network, hops+1) {
			t.Errorf("after %d hops a network is not recorded once", hops)
		}
		if n.Has(0xeeeeeeee, hops+1) {
			t.Errorf("after %d hops a slot that nobody filled counts", hops+1)
		}
	}
	for _, hops := range []uint8{8, 15, 255} {
		if n.Record(9, hops) || n.Has(9, hops) {
			t.Errorf("a ninth network is recorded after %d hops", hops)
		}
	}
	if want := "00000001 00000002 00000003 00000004 00000005 00000006 00000007 00000008"; n.String() != want || string(data[NetworksLen:]) != "name" {
		t.Errorf("list is %v, want %v; behind it %q", n, want, data[NetworksLen:])
	}
	if got := n.list().AppendTo(nil); !bytes.Equal(got, n) {
		t.Errorf("writes %x, want %x", got, []byte(n))
	}
	if a := testing.AllocsPerRun(100, func() { n.Record(3, 2); n.Has(3, 3) }); a != 0 {
		t.Errorf("propagation allocates %v times", a)
	}
}

var goldenNMPI = NMPI{
	Networks: list, Opcode: FindMailslotName, NameType: Machine, ID: 0x1234, Requested: makeName("ALPHA", 0),
	Source: makeName("BETA", 3), Data: []byte{},
}

const octetsNMPI = nets + "fd 01 3412" + "414c504841 20202020202020202020 00" + "42455441 2020202020202020202020 03"

func TestNMPI(t *testing.T) {
	b := unhex(octetsNMPI)
	m, err := ParseNMPI(b)
	want := "Find mailslot name ALPHA<00> (Machine) from BETA<03>, id 4660, 0 octets"
	if err != nil || !reflect.DeepEqual(m, goldenNMPI) || m.String() != want {
		t.Errorf("got %+v, %v\n%v\nwant %+v\n%v", m, err, m, goldenNMPI, want)
	}
	if got := m.AppendTo(nil); !bytes.Equal(got, b) {
		t.Errorf("writes %x, want %x", got, b)
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range golden {
		f.Add(unhex(tt.octets), tt.isPropagated)
	}
	f.Add(unhex(octetsNMPI), true)
	f.Fuzz(func(t *testing.T, b []byte, isPropagated bool) {
		check := func(got []byte, s fmt.Stringer) {
			if !bytes.Equal(got, b) {
				t.Errorf("writes %x, want %x", got, b)
			}
			for _, c := range []byte(s.String()) {
				if c < ' ' || c > '~' {
					t.Errorf("%q does not print", s)
				}
			}
		}
		if m, err := Parse(b, isPropagated); err == nil {
			check(m.AppendTo(nil), m)
		}
		if m, err := ParseNMPI(b); err == nil {
			check(m.AppendTo(nil), m)
		}
	})
}
