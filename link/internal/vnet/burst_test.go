package vnet

import "testing"

func TestBurstPolicy(t *testing.T) {
	var b burst
	looked := func(calls int, second bool) (n int) {
		for range calls {
			if b.looks() {
				n++
				b.found(second)
			}
		}
		return n
	}
	if n := looked(1, false); n != 1 {
		t.Errorf("looked %d times in the first call, want 1", n)
	}
	if n := looked(1700, false); n < 100 || n > 110 {
		t.Errorf("looked %d times in 1700 calls with one frame each, want one in 17", n)
	}
	looked(maxLone+1, true)
	if n := looked(100, true); n != 100 {
		t.Errorf("looked %d times in 100 calls with bursts, want each time", n)
	}
}
