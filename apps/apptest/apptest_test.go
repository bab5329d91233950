package apptest

import (
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// play runs a dialogue with a server that says some text after it got another, and closes.
func play(t *testing.T, expect, say, text string) error {
	t.Helper()
	client, server := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer server.Close()
		if _, err := io.ReadFull(server, make([]byte, len(expect))); err == nil {
			_, _ = io.WriteString(server, say)
		}
	}()
	defer func() { _ = client.Close(); <-done }()
	return Dialogue(client, "file", text)
}

func TestDialogue(t *testing.T) {
	tests := []struct {
		name, expect, say, text string
		want                    string // part of the error; empty: none
	}{
		{"lines", "NOOP\r\n", "250 ok\r\n", "# comment\n\nC: NOOP\nS: 250 ok\nS.\n", ""},
		{"no end of line", "a", "bc\r\n", "C: a\\\nS: b\\\nS: c\n", ""},
		{"escapes", "\x00\t\\*\r\n", "*\r\n", "C: \\x00\\t\\\\\\*\nS: \\*\n", ""},
		{"star in what is sent", "*\r\n", "", "C: *\nS.\n", ""},
		{"wildcard", "", "220 alpha.lab.example ready at noon\r\n", "S: 220 *ready*\n", ""},
		{"wildcard that is empty", "", "220 ready\r\n", "S: 220 ready*\n", ""},
		{"indentation counts", "", "  a\r\n", "S:   a\n", ""},
		{"another line", "", "500 no\r\n", "# one\nS: 250 ok\n", `file:2: got  "500 no\r\n"`},
		{"shorter", "", "25", "S: 250 ok\n", `got  "25" (unexpected EOF)`},
		{"wildcard that does not fit", "", "500 no\r\n", "S: 250 *\n", `want "250 *\r\n"`},
		{"overlap", "", "aa\r\n", "S: aa*a\n", `got  "aa\r\n"`},
		{"more than the end", "", "x", "S.\n", `got "x", want the end`},
		{"unknown escape", "", "", "C: \\q\n", `unknown escape \q`},
		{"cut escape", "", "", "C: \\x4\n", `unknown escape \x4`},
		{"nonsense", "", "", "Q: x\n", "file:1: neither C: nor S:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := play(t, tt.expect, tt.say, tt.text)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s\ngot  %v\nwant %s", tt.text, err, tt.want)
			}
		})
	}
}

func FuzzDialogueLine(f *testing.F) {
	f.Add(`250 \x41 * ok\`)
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, line string) {
		parts, err := unescape(line)
		if err == nil && len(parts) != 1+strings.Count(strings.NewReplacer(`\\`, "", `\*`, "").Replace(line), "*") {
			t.Errorf("%q has %d parts", line, len(parts))
		}
	})
}

func TestClock(t *testing.T) {
	var c Clock
	var got []string
	note := func(s string) func() {
		return func() { got = append(got, s+" "+c.Now().Sub(Epoch).String()) }
	}
	c.AfterFunc(3*time.Second, note("third"))
	c.AfterFunc(time.Second, func() {
		note("first")()
		c.AfterFunc(time.Second, note("second"))
	})
	c.AfterFunc(3*time.Second, note("fourth"))
	stopped := c.AfterFunc(2*time.Second, note("never"))
	c.AfterFunc(time.Hour, note("late"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop: want true, then false")
	}
	c.Advance(10 * time.Second)
	if want := []string{"first 1s", "second 2s", "third 3s", "fourth 3s"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := c.Now().Sub(Epoch); got != 10*time.Second {
		t.Errorf("Now: got %v after the epoch, want 10s", got)
	}
	if got := c.Timers(); got != 1 {
		t.Errorf("Timers: got %d, want 1", got)
	}
}
