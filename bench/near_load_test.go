//go:build linux

package bench

import "testing"

func TestOther(t *testing.T) {
	for _, tt := range []struct {
		name, to, service, want string
	}{
		{"another port", "198.51.100.2:7", "sink", "198.51.100.2:9"},
		{"no such service", "198.51.100.2:7", "drain", ""},
		{"no address", "host", "sink", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &call{to: tt.to}
			got, err := c.other(tt.service)
			if got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("%s of %s is %q, %v; want %q", tt.service, tt.to, got, err, tt.want)
			}
		})
	}
}
