package diag

import (
	"bytes"
	"encoding/hex"
	"errors"
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

var (
	alpha = ipxwire.Node{2, 0, 0, 0, 0, 0xa}
	beta  = ipxwire.Node{2, 0, 0, 0, 0, 0xb}
)

var goldenRequests = []struct {
	name    string
	octets  string
	exclude []ipxwire.Node
	text    string
}{
	{"everybody", "00", nil, "configuration request"},
	{
		"but two", "02 02000000000a 02000000000b", []ipxwire.Node{alpha, beta},
		"configuration request, but of 02000000000a 02000000000b",
	},
}

func TestRequest(t *testing.T) {
	for _, tt := range goldenRequests {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(tt.octets)
			r, err := ParseRequest(append(bytes.Clone(b), "padding"...))
			if err != nil || !bytes.Equal(r, b) || r.String() != tt.text {
				t.Fatalf("got %x, %v, %v, want %q", []byte(r), err, r, tt.text)
			}
			for _, n := range tt.exclude {
				if !r.Excludes(n) {
					t.Errorf("%v is not excluded", n)
				}
			}
			if r.Excludes(ipxwire.Node{2, 5: 1}) {
				t.Error("another node is excluded")
			}
			if got, err := AppendRequest(nil, tt.exclude...); err != nil || !bytes.Equal(got, b) {
				t.Errorf("writes %x, %v, want %x", got, err, b)
			}
			for i := range b {
				if _, err := ParseRequest(b[:i]); !errors.Is(err, ErrRequest) {
					t.Errorf("%x: %v, want %v", b[:i], err, ErrRequest)
				}
			}
		})
	}
}

func TestRequestLimit(t *testing.T) {
	b, err := AppendRequest(nil, make([]ipxwire.Node, MaxExclusions)...)
	if r, err2 := ParseRequest(b); err != nil || err2 != nil || r.Len() != MaxExclusions {
		t.Errorf("80 nodes: %v, %v", err, err2)
	}
	if _, err := AppendRequest(nil, make([]ipxwire.Node, MaxExclusions+1)...); !errors.Is(err, ErrExclusions) {
		t.Errorf("81 nodes are written: %v", err)
	}
	if _, err := ParseRequest(append([]byte{81}, make([]byte, 81*6)...)); !errors.Is(err, ErrExclusions) {
		t.Errorf("81 nodes are read: %v", err)
	}
}

var goldenResponses = []struct {
	name     string
	octets   string
	response Response
	text     string
}{
	{
		"a client", "0101 4002 04 00 02 03 09",
		Response{1, 1, 0x4002, []Component{{ID: IPXSPX}, {ID: LANDriver}, {ID: Shell}, {ID: DOSApplication}}},
		"configuration response 1.1, SPX socket 4002, IPX/SPX, LAN driver, shell, DOS application",
	},
	{
		"a server", "0100 0000 03 00 01 06 02 01 aaaaaa01 000000000001 00 00001111 02000000000a",
		Response{1, 0, 0, []Component{{ID: IPXSPX}, {ID: RouterDriver}, {ID: FileServer, Networks: []LocalNetwork{
			{VirtualBoard, 0xaaaaaa01, ipxwire.Node{5: 1}}, {LANBoard, 0x1111, alpha},
		}}}},
		"configuration response 1.0, SPX socket 0000, IPX/SPX, router driver, file server or router " +
			"aaaaaa01:000000000001 (virtual board) 00001111:02000000000a (LAN board)",
	},
	{
		"a router, and what is unknown", "0100 0000 05 04 05 00 0c 07 01 09 0000beef 02000000000b 05 01 02 0000cafe 02000000000a",
		Response{1, 0, 0, []Component{
			{ID: VAPShell}, {ID: Router}, {ID: 12},
			{ID: NondedicatedServer, Networks: []LocalNetwork{{9, 0xbeef, beta}}},
			{ID: Router, Networks: []LocalNetwork{{RemoteLine, 0xcafe, alpha}}},
		}},
		"configuration response 1.0, SPX socket 0000, VAP shell, router, component 12, nondedicated server or router " +
			"0000beef:02000000000b (type 9), router 0000cafe:02000000000a (remote line)",
	},
}

func TestResponse(t *testing.T) {
	for _, tt := range goldenResponses {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(tt.octets)
			r, err := ParseResponse(append(bytes.Clone(b), "padding"...))
			if err != nil || !reflect.DeepEqual(r, tt.response) || r.String() != tt.text {
				t.Fatalf("got %+v, %v\n%v\nwant %+v\n%v", r, err, r, tt.response, tt.text)
			}
			if got, err := r.AppendTo(nil); err != nil || !bytes.Equal(got, b) {
				t.Errorf("writes %x, %v, want %x", got, err, b)
			}
			for i := range b {
				if _, err := ParseResponse(b[:i]); !errors.Is(err, ErrResponse) {
					t.Errorf("%x: %v, want %v", b[:i], err, ErrResponse)
				}
			}
		})
	}
}

func TestResponseLimit(t *testing.T) {
	for _, r := range []Response{
		{Components: make([]Component, 256)},
		{Components: []Component{{ID: Router, Networks: make([]LocalNetwork, 256)}}},
		{Components: []Component{{ID: Shell, Networks: make([]LocalNetwork, 1)}}},
	} {
		if b, err := r.AppendTo(nil); !errors.Is(err, ErrCount) || len(b) > 0 {
			t.Errorf("%d components are written: %v", len(r.Components), err)
		}
	}
	if s := NetworkType(7).String(); s != "type 7" {
		t.Errorf("an unknown network type is %q", s)
	}
}

func FuzzRequest(f *testing.F) {
	for _, tt := range goldenRequests {
		f.Add(unhex(tt.octets))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRequest(b)
		if err != nil {
			return
		}
		var nodes []ipxwire.Node
		for i := range r.Len() {
			nodes = append(nodes, r.Node(i))
		}
		if got, err := AppendRequest(nil, nodes...); err != nil || !bytes.Equal(got, r) || r.String() == "" {
			t.Errorf("writes %x, %v, want %x", got, err, []byte(r))
		}
	})
}

func FuzzResponse(f *testing.F) {
	for _, tt := range goldenResponses {
		f.Add(unhex(tt.octets))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseResponse(b)
		if err != nil {
			return
		}
		got, err := r.AppendTo(nil)
		if err != nil || !bytes.HasPrefix(b, got) || r.String() == "" {
			t.Errorf("writes %x, %v, want the start of %x", got, err, b)
		}
	})
}
