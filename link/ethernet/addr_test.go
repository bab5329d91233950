package ethernet

import "testing"

func TestParseAddr(t *testing.T) {
	want := Addr{0x00, 0x48, 0x0c, 0x18, 0x7a, 0xa2}
	tests := []struct {
		name, in string
		ok       bool
	}{
		{"colons", "00:48:0c:18:7a:a2", true},
		{"dashes", "00-48-0c-18-7a-a2", true},
		{"dots, upper case", "00.48.0C.18.7A.A2", true},
		{"empty", "", false},
		{"mixed separators", "00:48-0c:18:7a:a2", false},
		{"five octets", "00:48:0c:18:7a", false},
		{"seven octets", "00:48:0c:18:7a:a2:00", false},
		{"no hexadecimal", "00:48:0c:18:7a:ag", false},
		{"short octet", "0:048:0c:18:7a:a2", false},
		{"separator that is a digit", "00048000180007a0a", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseAddr(tt.in)
			if (err == nil) != tt.ok || tt.ok && got != want || !tt.ok && !got.IsZero() {
				t.Errorf("ParseAddr(%q) = %v, %v", tt.in, got, err)
			}
		})
	}
}

func FuzzParseAddr(f *testing.F) {
	f.Add("00:48:0c:18:7a:a2")
	f.Add("FF.FF.FF.FF.FF.FF")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddr(s)
		if err != nil {
			return
		}
		if b, err := ParseAddr(a.String()); err != nil || a != b {
			t.Errorf("%q gives %v, which gives %v, %v", s, a, b, err)
		}
	})
}

func TestAddrBits(t *testing.T) {
	tests := []struct {
		name                          string
		a                             Addr
		zero, broadcast, group, local bool
	}{
		{"zero", Addr{}, true, false, false, false},
		{"broadcast", Broadcast, false, true, true, true},
		{"multicast", Addr{0x01, 0, 0x5e}, false, false, true, false},
		{"IPv6 multicast", Addr{0x33, 0x33}, false, false, true, true},
		{"manufacturer's", Addr{0x08, 0, 0x20}, false, false, false, false},
		{"local", Addr{2}, false, false, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.a.IsZero() != tt.zero || tt.a.IsBroadcast() != tt.broadcast || tt.a.IsMulticast() != tt.group || tt.a.IsLocal() != tt.local {
				t.Errorf("%v: zero %v, broadcast %v, multicast %v, local %v", tt.a, tt.a.IsZero(), tt.a.IsBroadcast(), tt.a.IsMulticast(), tt.a.IsLocal())
			}
		})
	}
}

func TestEtherTypeString(t *testing.T) {
	// The protocol types that tables of ARP list in decimal.
	tests := []struct {
		in   EtherType
		want string
	}{
		{2048, "IPv4"}, {2049, "X.75"}, {2053, "X.25"}, {2054, "ARP"}, {2055, "XNS"},
		{32821, "RARP"}, {32824, "DEC LANBridge"}, {32923, "AppleTalk"}, {0x1234, "0x1234"},
	}
	for _, tt := range tests {
		if got := tt.in.String(); got != tt.want {
			t.Errorf("type %d is %q, want %q", uint16(tt.in), got, tt.want)
		}
	}
}
