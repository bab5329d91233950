//go:build soak

package stacktest_test

import "testing"

// TestSoakRepeats: go run ./stack/stacktest/vtime test -tags soak -run Soak ./stack/stacktest
func TestSoakRepeats(t *testing.T) { repeats(t, 100) }
