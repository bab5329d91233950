package main

import (
	"strings"
	"testing"
)

func TestFetch(t *testing.T) {
	body, err := fetch()
	if err != nil {
		t.Fatal(err)
	}
	if want := "alpha greets 198.51.100.3:"; !strings.HasPrefix(body, want) {
		t.Errorf("got %q, want it to start with %q", body, want)
	}
}
