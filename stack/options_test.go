package stack

import (
	"strings"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// TestRecovery holds that TCPConfig.Recovery reaches the engine.
func TestRecovery(t *testing.T) {
	for _, tt := range []struct {
		name string
		want tcpip.TCPRecovery
	}{{"", 0}, {"sack", 0}, {"rack", tcpip.TCPRACKLossDetection}} {
		h, err := New(Config{TCP: TCPConfig{Recovery: tt.name}})
		if err != nil {
			t.Fatalf("%q: %v", tt.name, err)
		}
		defer h.Close()
		var got tcpip.TCPRecovery
		if e := h.ns.TransportProtocolOption(tcp.ProtocolNumber, &got); e != nil || got != tt.want {
			t.Errorf("recovery %q: the engine has %d, %v, want %d", tt.name, got, e, tt.want)
		}
	}
}

func TestTCPConfigErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  TCPConfig
		want string
	}{
		{"congestion", TCPConfig{Congestion: "bbr"}, `congestion control "bbr": want cubic or reno`},
		{"recovery", TCPConfig{Recovery: "RACK"}, `loss recovery "RACK": want sack or rack`},
		{"buffer", TCPConfig{SendBuffer: Buffer{3, 2, 1}}, "TCP buffer sizes 3, 2, 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h, err := New(Config{TCP: tt.cfg})
			if err == nil {
				h.Close()
				t.Fatal("a host was made of it")
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
