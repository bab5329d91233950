package nearest

import "testing"

func TestName(t *testing.T) {
	names := []string{"port", "root", "listing", "index"}
	tests := []struct{ name, got, want string }{
		{"missing letter", "prt", "port"},
		{"exchanged", "prot", "port"},
		{"extra", "lissting", "listing"},
		{"far", "colour", ""},
		{"empty", "", ""},
		{"same", "index", "index"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := Name(tt.got, names); got != tt.want {
				t.Errorf("Name(%q): got %q, want %q", tt.got, got, tt.want)
			}
		})
	}
}
