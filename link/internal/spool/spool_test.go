package spool

import (
	"slices"
	"testing"
)

func TestQueue(t *testing.T) {
	var q Queue[int]
	var got []int
	begin, first := make(chan bool), make(chan bool)
	q.Start(2, func(values <-chan int) {
		for v := range values {
			if got == nil {
				close(first)
				<-begin
			}
			got = append(got, v)
		}
	})
	q.Put(1)
	<-first // it is out of the queue, and the goroutine waits
	for i, want := range []bool{true, true, false} {
		if taken, closed := q.Put(i + 2); taken != want || closed {
			t.Errorf("value %d: taken %v, closed %v; want %v, false", i+2, taken, closed, want)
		}
	}
	close(begin)
	q.Close()
	q.Close()
	if want := []int{1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if taken, closed := q.Put(9); taken || !closed {
		t.Errorf("after Close: taken %v, closed %v", taken, closed)
	}
}
