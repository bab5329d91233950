//go:build linux

package bench

import (
	"os"
	"testing"

	"tapestry/internal/nstest"
)

// TestMain plays the roles in which Run starts the program, since the tests' binary is the program here.
func TestMain(m *testing.M) {
	if status, ok := Role(os.Args[1:]); ok {
		os.Exit(status)
	}
	nstest.Main(m)
}
