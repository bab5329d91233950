package chargen

import (
	"bufio"
	"bytes"
	"strings"
	"testing"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

// TestPattern compares with the lines that RFC 864 prints.
func TestPattern(t *testing.T) {
	const ascii = ` !"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\]^_` + "`abcdefghijklmnopqrstuvwxyz{|}~"
	lines := strings.SplitAfter(string(pattern()), "\r\n")
	tests := []struct {
		name string
		line int
		want string
	}{
		{"first", 0, ascii[:72]},
		{"second", 1, ascii[1:73]},
		{"last without a seam", 23, ascii[23:95]},
		{"seam", 24, ascii[24:] + " "},
		{"last", 94, "~" + ascii[:71]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := lines[tt.line]; got != tt.want+"\r\n" {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
	if n := len(pattern()); n != 7030 {
		t.Errorf("period: got %d octets, want 7030", n)
	}
	if n := len(block()); n < 64<<10 || n%period != 0 {
		t.Errorf("block: got %d octets, want 64 KiB or more, and whole periods", n)
	}
}

// slowOracle makes the endless text one octet at a time.
type slowOracle struct{ line, column int }

func (o *slowOracle) next() byte {
	defer func() {
		if o.column++; o.column == 74 {
			o.line, o.column = o.line+1, 0
		}
	}()
	switch o.column {
	case 72:
		return '\r'
	case 73:
		return '\n'
	}
	return ' ' + byte((o.line+o.column)%95)
}

func TestChargenStream(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		c := s.Dial(t, "tcp", port)
		if _, err := c.Write([]byte("thrown away")); err != nil {
			t.Fatal(err)
		}
		if err := apps.CloseWrite(c); err != nil { // the server goes on
			t.Fatal(err)
		}
		r, o := bufio.NewReaderSize(c, 64<<10), new(slowOracle)
		for i := range 4 << 20 {
			got, err := r.ReadByte()
			if err != nil {
				t.Fatal(err)
			}
			if want := o.next(); got != want {
				t.Fatalf("octet %d: got %q, want %q", i, got, want)
			}
		}
		_ = c.Close()
		apptest.Eventually(t, "the end of the session", func() bool {
			return s.Counters.Value("chargen.tcp.octets") >= 4<<20
		})
	})
}

func TestChargenDatagrams(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		c := s.Dial(t, "udp", port)
		lengths := map[int]bool{}
		b := make([]byte, 1000)
		for range 20 {
			if _, err := c.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
			n, err := c.Read(b)
			if err != nil || n < 1 || n > 512 {
				t.Fatalf("got %d octets, %v, want 1 to 512", n, err)
			}
			lengths[n] = true
		}
		if len(lengths) < 10 {
			t.Errorf("20 answers have %d lengths, want more", len(lengths))
		}
	})
}

func TestDatagramsBeginLines(t *testing.T) {
	var b []byte
	for n := range uint64(10000) {
		b = appendDatagram(b[:0], n)
		if len(b) < 1 || len(b) > 512 || !beginsLine(b) {
			t.Fatalf("answer %d: %q", n, b)
		}
	}
}

func beginsLine(b []byte) bool {
	for line := range ring {
		if bytes.HasPrefix(block()[line*lineSize:], b) {
			return true
		}
	}
	return false
}

func TestChargenSPX(t *testing.T) {
	c := apptest.Case{App: App, Config: "spx = true\nipx = true"}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		stream, o := s.Dial(t, "spx", 0x8019), new(slowOracle)
		r := bufio.NewReaderSize(stream, 64<<10)
		for i := range 1 << 20 {
			got, err := r.ReadByte()
			if err != nil {
				t.Fatal(err)
			}
			if want := o.next(); got != want {
				t.Fatalf("octet %d: got %q, want %q", i, got, want)
			}
		}
		packets, b := s.Dial(t, "ipx", 0x9019), make([]byte, 1000)
		if _, err := packets.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		if n, err := packets.Read(b); err != nil || n < 1 || n > 512 { // fits into IPX's least packet of 576
			t.Errorf("a datagram: got %d octets, %v, want 1 to 512", n, err)
		}
	})
}
