package stp

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"tapestry/link/ethernet"
)

// unhex reads hexadecimal digits between which there may be spaces.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// config is a configuration BPDU field by field (IEEE 802.1D-1998 Figure 9-1).
const config = "0000 00 00 81 1000 02005e000001 00000004 8000 02005e000002 8003 0100 1400 0200 0f00"

var configBPDU = BPDU{
	Type: TypeConfig, Flags: TopologyChange | TopologyChangeAck,
	Root: NewBridgeID(0x1000, ethernet.Addr{2, 0, 0x5e, 0, 0, 1}), Cost: 4,
	Bridge: NewBridgeID(0x8000, ethernet.Addr{2, 0, 0x5e, 0, 0, 2}), Port: NewPortID(128, 3),
	MessageAge: NewTicks(time.Second), MaxAge: NewTicks(20 * time.Second),
	HelloTime: NewTicks(2 * time.Second), ForwardDelay: NewTicks(15 * time.Second),
}

func TestParse(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want BPDU
		err  error
	}{
		{name: "config", in: config, want: configBPDU},
		{name: "config with pad", in: config + "00000000", want: configBPDU},
		{name: "tcn", in: "0000 00 80", want: BPDU{Type: TypeTCN}},
		{name: "rapid", in: "0000 02 02" + config[10:] + "00", err: ErrType},
		{name: "another protocol", in: "0001 00 80", err: ErrProtocol},
		{name: "too old", in: strings.Replace(config, "0100 1400", "1400 1400", 1), err: ErrAge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(unhex(t, tt.in))
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Fatalf("Parse = %+v, %v, want %+v, %v", got, err, tt.want, tt.err)
			}
			if b := unhex(t, tt.in); err == nil {
				if again := got.AppendTo(nil); hex.EncodeToString(again) != hex.EncodeToString(b[:len(again)]) {
					t.Errorf("AppendTo = %x, want %x", again, b)
				}
			}
		})
	}
}

func TestString(t *testing.T) {
	const want = "STP config root 1000.02:00:5e:00:00:01 cost 4 bridge 8000.02:00:5e:00:00:02 port 8003 age 1s topology-change ack"
	if got := configBPDU.String(); got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
}

func TestParseTruncated(t *testing.T) {
	for _, s := range []string{config, "0000 00 80"} {
		b := unhex(t, s)
		for i := range b {
			if m, err := Parse(b[:i]); err == nil {
				t.Errorf("Parse of %d octets = %v, want an error", i, m)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{config, "0000 00 80", "0000 02 02 00"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		_ = m.String()
		if again, err := Parse(m.AppendTo(nil)); err != nil || again != m {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
	})
}
