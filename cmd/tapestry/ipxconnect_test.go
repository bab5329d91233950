package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const smallIPX = `
[segment.lan]
[tap.tap0]
segment = "lan"
[[host.ws1.interface]]
segment = "lan"
mac = "02:00:00:00:00:01"
ipx = { network = "0000cafe" }
[[host.srv.interface]]
segment = "lan"
mac = "02:00:00:00:00:02"
ipx = { network = "0000cafe" }
[host.srv.app.echo]
spx = true
`

// TestIPXTools has the tools of IPX on a lab of two hosts.
func TestIPXTools(t *testing.T) {
	u := user{uid: os.Getuid(), dir: runtimeDir(t, os.Getuid())}
	b := u.start(t, file(t, smallIPX))
	for _, tt := range []struct {
		name   string
		args   string
		status int
		want   string // a regular expression over output and error output
	}{
		{"connect", "ipx connect srv:8007 -W 0.1", 0, `^$`},
		{"connect in JSON", "ipx connect srv:8007 -W 0.1 --json", 0,
			`^\{"remote":"0000cafe:020000000002:8007","spx2":true\}\n$`},
		{"nobody listens", "ipx connect srv:9999 --timeout 0.1", 2,
			"^tapestry: .*nobody listens at socket 9999 there.*--host srv`\n$"},
		{"nobody listens for long", "ipx connect srv:9999 --timeout 1.2", 2,
			`^connecting to 0000cafe:020000000002:9999\ntapestry: `},
		{"ping in JSON", "ping srv -c 1 --json", 0, `^\{.*\}\n\{.*"rtt_ns":\d+.*\}\n$`},
		{"no tunnels", "ipx tunnels", 0, `^nobody has joined`},
		{"flag of the parent", "ipx --json", 2, `flags stand behind one of the commands, like tapestry ipx ports --json`},
		{"flag of nobody", "ipx ports --jsno", 2, `unknown flag: --jsno; see tapestry ipx ports --help`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, log, status := u.tapestry(t, strings.Fields(tt.args)...)
			if status != tt.status || !regexp.MustCompile(tt.want).MatchString(out+log) {
				t.Errorf("status %d, want %d and %s:\n%s%s", status, tt.status, tt.want, out, log)
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) { interruptConnect(t, u) })
	t.Run("dump in JSON", func(t *testing.T) { dumpJSON(t, u) })
	b.stop(t, unix.SIGINT)
}

// interruptConnect ends one that waits for its peer.
func interruptConnect(t *testing.T, u user) {
	c := u.program(t, binary, "ipx", "connect", "srv:9999", "--timeout", "60")
	log, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, len("connecting"))
	if _, err := io.ReadFull(log, b); err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(log)
	if c.Wait(); c.ProcessState.ExitCode() != 2 || !strings.HasSuffix(string(rest), "\ntapestry: interrupted\n") {
		t.Errorf("status %d, %s%s", c.ProcessState.ExitCode(), b, rest)
	}
}

// dumpJSON has a ping shown, one object a line.
func dumpJSON(t *testing.T, u user) {
	c := u.program(t, binary, "dump", "--host", "srv", "--json", "-c", "2")
	var out bytes.Buffer
	c.Stdout = &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait() }() // ends with the program
	for over := false; !over; {
		u.tapestry(t, "ping", "srv", "-c", "1", "-W", "0.2")
		select {
		case err := <-done:
			over = true
			if err != nil {
				t.Error(err)
			}
		default:
		}
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for _, line := range lines {
		var f struct {
			Data []byte
			Text []string
		}
		if err := json.Unmarshal([]byte(line), &f); err != nil || len(f.Data) == 0 || len(f.Text) < 2 ||
			!strings.HasPrefix(f.Text[0], "ethernet ") {
			t.Errorf("%v of %s", err, line)
		}
	}
	if len(lines) != 2 {
		t.Errorf("%d lines: %s", len(lines), out.String())
	}
}

// TestReadInput: who is asked for input can leave.
func TestReadInput(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	r, w := io.Pipe()
	defer w.Close()
	if _, err := readInput(ctx, r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	b, err := readInput(t.Context(), strings.NewReader("hello"))
	if err != nil || string(b) != "hello" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := readInput(t.Context(), strings.NewReader(strings.Repeat("x", 10000))); err == nil {
		t.Error("too much is taken")
	}
}
