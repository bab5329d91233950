package rip

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// golden are packets with their meaning. The second is what Windows NT sends of its internal network.
var golden = []struct {
	name    string
	octets  string
	op      Operation
	entries []Entry
	text    string
}{
	{
		name: "all", octets: "0001 ffffffff 0010 0000", op: Request, entries: []Entry{{All, 16, 0}},
		text: "Request, ffffffff",
	},
	{
		name: "windows", octets: "0002 a8f87967 0001 0002", op: Response, entries: []Entry{{0xa8f87967, 1, 2}},
		text: "Response, a8f87967 1 hops 2 ticks",
	},
	{
		name: "two", octets: "0002 0000beef 0002 0003 0000f00d 0010 0102", op: Response,
		entries: []Entry{{0xbeef, 2, 3}, {0xf00d, 16, 0x102}},
		text:    "Response, 0000beef 2 hops 3 ticks, 0000f00d 16 hops 258 ticks",
	},
	{name: "none", octets: "0002", op: Response, text: "Response"},
	{name: "unknown", octets: "0007 0000beef 0001 0001", op: 7, entries: []Entry{{0xbeef, 1, 1}}, text: "operation 7, 0000beef 1 hops 1 ticks"},
}

func TestGolden(t *testing.T) {
	for _, tt := range golden {
		t.Run(tt.name, func(t *testing.T) {
			m, err := Parse(unhex(tt.octets))
			if err != nil {
				t.Fatal(err)
			}
			if m.Operation() != tt.op || m.Len() != len(tt.entries) || m.String() != tt.text {
				t.Errorf("got %v with %d entries, %q, want %v with %d, %q", m.Operation(), m.Len(), m, tt.op, len(tt.entries), tt.text)
			}
			for i, want := range tt.entries {
				if got := m.Entry(i); got != want {
					t.Errorf("entry %d is %v, want %v", i, got, want)
				}
			}
			if got := Append(nil, tt.op, tt.entries...); !bytes.Equal(got, m) {
				t.Errorf("writes %x, want %x", got, []byte(m))
			}
		})
	}
}

func TestTruncated(t *testing.T) {
	for _, tt := range golden {
		b := unhex(tt.octets)
		for i := range b {
			_, err := Parse(b[:i])
			if whole := i >= 2 && (i-2)%EntryLen == 0; (err == nil) != whole {
				t.Errorf("%x: error %v", b[:i], err)
			}
		}
	}
	if _, err := Parse(make([]byte, 2+EntryLen*(maxParsed+1))); !errors.Is(err, ErrEntries) {
		t.Errorf("512 entries: %v, want %v", err, ErrEntries)
	}
	if m, err := Parse(make([]byte, 2+EntryLen*maxParsed)); err != nil || m.Len() != maxParsed {
		t.Errorf("511 entries: %v", err)
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
		var entries []Entry
		for i := range m.Len() {
			entries = append(entries, m.Entry(i))
		}
		if len(m.String()) > 16+48*m.Len() {
			t.Errorf("%d entries in %d octets of text", m.Len(), len(m.String()))
		}
		if got := Append(nil, m.Operation(), entries...); !bytes.Equal(got, b) {
			t.Errorf("writes %x, want %x", got, b)
		}
	})
}
