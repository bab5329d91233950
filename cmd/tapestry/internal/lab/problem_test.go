package lab

import (
	"fmt"
	"strings"
	"testing"
)

func TestDidYouMean(t *testing.T) {
	var many []string
	for i := range 300 {
		many = append(many, fmt.Sprintf("h%03d", i))
	}
	tests := []struct {
		name, got string
		known     []string
		want      string
	}{
		{"near", "lam", []string{"wan", "lan"}, `; did you mean "lan"?`},
		{"far", "elsewhere", []string{"wan", "lan"}, "; known are lan, wan"},
		{"nothing known", "lan", nil, ""},
		{"many", "elsewhere", many, "; known are " + strings.Join(many[:mostKnown], ", ") + " and 280 more"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := didYouMean(tt.got, tt.known); got != tt.want {
				t.Errorf("didYouMean(%q) = %q, want %q", tt.got, got, tt.want)
			}
		})
	}
}
