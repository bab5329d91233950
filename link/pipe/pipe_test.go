package pipe

import (
	"testing"

	"tapestry/link"
	"tapestry/link/linktest"
)

func TestDevice(t *testing.T) {
	tests := []struct {
		name   string
		config Config
	}{
		{"plain", Config{}},
		{"offload", Config{Offload: AllOffloads}},
		{"checksum only", Config{Offload: link.OffloadChecksum}},
		{"small MTU", Config{MTU: 1280}},
		{"jumbo", Config{MTU: 9000, Offload: AllOffloads}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			linktest.TestDevice(t, func(testing.TB) (link.Device, link.Device) {
				a, b := New(tt.config)
				return a, b
			})
		})
	}
}
