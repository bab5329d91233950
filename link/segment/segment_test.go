package segment

import (
	"testing"

	"tapestry/link"
	"tapestry/link/linktest"
)

func TestDevice(t *testing.T) {
	tests := []struct {
		name    string
		segment Config
		port    PortConfig
	}{
		{"switch", Config{}, PortConfig{}},
		{"switch with offload", Config{}, PortConfig{Offload: AllOffloads}},
		{"switch, checksum only", Config{}, PortConfig{Offload: link.OffloadChecksum}},
		{"hub", Config{Kind: Hub}, PortConfig{Offload: AllOffloads}},
		{"small MTU", Config{}, PortConfig{MTU: 1280}},
		{"jumbo", Config{Kind: Hub}, PortConfig{MTU: 9000}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(t testing.TB) (link.Device, link.Device) {
				s := newSegment(t, tt.segment)
				var devices [2]link.Device
				for i := range devices {
					d, err := s.NewDevice(tt.port)
					if err != nil {
						t.Fatal(err)
					}
					devices[i] = d
				}
				return devices[0], devices[1]
			})
		})
	}
}

func newSegment(t testing.TB, c Config) *Segment {
	t.Helper()
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
