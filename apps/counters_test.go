package apps_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tapestry/apps"
)

func TestCounterSet(t *testing.T) {
	var s apps.CounterSet
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 1000 {
				s.Group("echo").Add("udp.in", 1)
				s.Group("dns").Add("queries", 2)
			}
		})
	}
	wait.Wait()
	s.Group("dns").Add("answers", 0)
	want := []apps.Counter{{Name: "dns.answers"}, {Name: "dns.queries", Value: 16000}, {Name: "echo.udp.in", Value: 8000}}
	if diff := cmp.Diff(want, s.Snapshot()); diff != "" {
		t.Errorf("Snapshot (-want +got):\n%s", diff)
	}
	if got := s.Value("none.such"); got != 0 {
		t.Errorf("a counter that is not there: got %d", got)
	}
}

func TestCountersDoNotAllocate(t *testing.T) {
	g := new(apps.CounterSet).Group("echo")
	g.Add("udp.in", 1)
	if n := testing.AllocsPerRun(100, func() { g.Add("udp.in", 1) }); n != 0 {
		t.Errorf("Add: got %v allocations, want 0", n)
	}
}
