package sap

import (
	"bytes"
	"encoding/hex"
	"errors"
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

func name(s string) (n Name) {
	copy(n[:], s)
	return n
}

var (
	server  = ipxwire.Addr{Net: 0xcafe, Node: ipxwire.Node{5: 1}, Socket: 0x451}
	printer = ipxwire.Addr{Net: 0xbeef, Node: ipxwire.Node{2, 0, 0, 0, 0, 7}, Socket: 0x8060}
)

// golden are packets with their meaning.
var golden = []struct {
	name    string
	octets  string
	op      Operation
	kind    Type
	entries []Entry
	text    string
}{
	{
		name: "general query", octets: "0001 ffff", op: GeneralQuery, kind: AnyType,
		text: "General Query, Any Service or Wildcard",
	},
	{
		name: "nearest query", octets: "0003 0004", op: NearestQuery, kind: FileServer,
		text: "Nearest Query, File Server (SLIST source)",
	},
	{
		name: "nearest response",
		octets: "0004 0004 414c504841" + strings.Repeat("00", 43) +
			"0000cafe 000000000001 0451 0001",
		op: NearestResponse, entries: []Entry{{FileServer, name("ALPHA"), server, 1}},
		text: "Nearest Response; ALPHA, File Server (SLIST source), 0000cafe:000000000001:0451, 1 hops",
	},
	{
		name: "general response",
		octets: "0002 0278 54524545" + strings.Repeat("5f", 43) + "00" + "0000cafe 000000000001 0451 0002" +
			"0047 505249 1b5b" + strings.Repeat("00", 43) + "0000beef 020000000007 8060 0010",
		op: GeneralResponse, entries: []Entry{
			{DirectoryServer, name("TREE" + strings.Repeat("_", 43)), server, 2},
			{AdvertisingPrintServer, name("PRI\x1b["), printer, 16},
		},
		text: "General Response; TREE___________________________________________, Directory Server (NetWare 4.x), " +
			"0000cafe:000000000001:0451, 2 hops; PRI\\x1b[, Advertising Print Server, 0000beef:020000000007:8060, 16 hops",
	},
	{name: "unknown", octets: "0005 1234", op: 5, text: "operation 5"},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(unhex(tt.octets))
			if err != nil {
				t.Fatal(err)
			}
			if m.Operation() != tt.op || m.Type() != tt.kind || m.Len() != len(tt.entries) || m.String() != tt.text {
				t.Errorf("got %v, %v with %d entries\n%v\nwant %v, %v with %d\n%v",
					m.Operation(), m.Type(), m.Len(), m, tt.op, tt.kind, len(tt.entries), tt.text)
			}
			for i, want := range tt.entries {
				if got := m.Entry(i); got != want {
					t.Errorf("entry %d is %v, want %v", i, got, want)
				}
			}
			if got := rewrite(m); tt.op != 5 && !bytes.Equal(got, m) {
				t.Errorf("writes %x, want %x", got, []byte(m))
			}
		})
	}
}

// rewrite writes a packet from what was read of it.
func rewrite(m Message) []byte {
	if m.Operation().isQuery() {
		return AppendQuery(nil, m.Operation(), m.Type())
	}
	var entries []Entry
	for i := range m.Len() {
		entries = append(entries, m.Entry(i))
	}
	return AppendResponse(nil, m.Operation(), entries...)
}

func TestTruncated(t *testing.T) {
	for _, tt := range golden {
		b := unhex(tt.octets)
		for i := range b {
			_, err := Parse(b[:i])
			whole := i > 2 && tt.op.isResponse() && (i-2)%EntryLen == 0
			if (err == nil) != whole {
				t.Errorf("%x: error %v", b[:i], err)
			}
		}
	}
	many := append([]byte{0, 2}, make([]byte, EntryLen*(maxParsed+1))...)
	if _, err := Parse(many); !errors.Is(err, ErrEntries) {
		t.Errorf("64 entries: %v, want %v", err, ErrEntries)
	}
	if m, err := Parse(many[:len(many)-EntryLen]); err != nil || m.Len() != maxParsed {
		t.Errorf("63 entries: %v", err)
	}
}

func TestName(t *testing.T) {
	if n, err := MakeName("alpha_1"); err != nil || n != name("ALPHA_1") {
		t.Errorf("MakeName gives %v, %v", n, err)
	}
	for _, s := range []string{"", "a\x00b", "\x1b[2J", "grün", strings.Repeat("A", 48)} {
		if n, err := MakeName(s); err == nil {
			t.Errorf("MakeName(%q) gives %v", s, n)
		}
	}
	for _, tt := range []struct{ name, want string }{
		{"", ""},
		{"ALPHA\x00garbage", "ALPHA"},
		{"\x1b]0;X\x07", `\x1b]0;X\x07`},
		{`A\x41`, `A\\x41`},
		{strings.Repeat("Z", 48), strings.Repeat("Z", 48)},
		{"\xff\x7f\n", `\xff\x7f\x0a`},
	} {
		if got := name(tt.name).String(); got != tt.want {
			t.Errorf("%q prints as %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := name("A\x00garbage").clean(); got != name("A") {
		t.Errorf("clean gives %q", got[:])
	}
}

func FuzzParse(f *testing.F) {
	for _, tt := range golden {
		f.Add(unhex(tt.octets))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		s := m.String()
		for i := range len(s) {
			if s[i] < ' ' || s[i] > '~' {
				t.Fatalf("%q does not print", s)
			}
		}
		switch op := m.Operation(); {
		case op.isQuery():
			b = b[:queryLen]
		case !op.isResponse():
			return
		}
		if got := rewrite(m); !bytes.Equal(got, b) {
			t.Errorf("writes %x, want %x", got, b)
		}
	})
}
