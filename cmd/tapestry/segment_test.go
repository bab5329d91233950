package main

import (
	"slices"
	"strings"
	"testing"
)

func TestJoinPort(t *testing.T) {
	for _, tt := range []struct{ name, args, want string }{
		{"nothing", "", ""},
		{"a segment", "lan", "lan"},
		{"a port", "lan alpha", "lan/alpha"},
		{"a port in one word", "lan/alpha loss=1%", "lan/alpha loss=1%"},
		{"a port in two", "dmz gate.eth1 rx loss=1%", "dmz/gate.eth1 rx loss=1%"},
		{"keys", "lan loss=5% delay=10ms", "lan loss=5% delay=10ms"},
		{"off", "lan off loss=5%", "lan off loss=5%"},
		{"a direction", "lan rx off", "lan rx off"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := joinPort(strings.Fields(tt.args)); !slices.Equal(got, strings.Fields(tt.want)) {
				t.Errorf("%q becomes %q, want %q", tt.args, got, tt.want)
			}
		})
	}
}
