//go:build soak

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// The long tests start their own binary once more inside the lab, as the peer that no installed program is. Its first
// argument is clientWord, so that init ends it before any test begins.

const clientWord = "soak-client"

// clientModes are what the peer can do: with a number, an address, and its output.
var clientModes = map[string]func(n int64, address string, w io.Writer) error{
	"pattern": writePattern,
	"noise":   writeNoise,
	"connect": connectInTurn,
	"hold":    holdAtOnce,
}

func init() {
	if len(os.Args) < 4 || os.Args[1] != clientWord {
		return
	}
	n, err := strconv.ParseInt(os.Args[3], 10, 64)
	if err == nil {
		err = clientModes[os.Args[2]](n, os.Args[len(os.Args)-1], os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// client gives the options of a lab in which scripts can say $CLIENT mode number address.
func client(t testing.TB) options {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return options{env: []string{"CLIENT=" + exe + " " + clientWord}}
}

// repeat writes n octets of a block, over and over.
func repeat(w io.Writer, block []byte, n int64) error {
	for n > 0 {
		b := block[:min(int64(len(block)), n)]
		if _, err := w.Write(b); err != nil {
			return err
		}
		n -= int64(len(b))
	}
	return nil
}

// writePattern writes what a character generator sends, computed octet by octet: RFC 864, "Data Syntax".
func writePattern(n int64, _ string, w io.Writer) error {
	const columns, lines = 74, 95
	block := make([]byte, columns*lines*64)
	for i := range block {
		switch line, column := i/columns, i%columns; column {
		case 72:
			block[i] = '\r'
		case 73:
			block[i] = '\n'
		default:
			block[i] = byte(' ' + (line+column)%lines)
		}
	}
	return repeat(w, block, n)
}

// writeNoise writes octets that look random and are the same in each run.
func writeNoise(n int64, _ string, w io.Writer) error {
	_, err := io.CopyN(w, rand.NewChaCha8([32]byte{}), n)
	return err
}

const clientPatience = 20 * time.Second

// exchange sends two octets to an echo server and wants them back.
func exchange(c net.Conn, n int64) error {
	sent := []byte{byte(n), byte(n >> 8)}
	if err := c.SetDeadline(time.Now().Add(clientPatience)); err != nil {
		return err
	}
	if _, err := c.Write(sent); err != nil {
		return err
	}
	got := make([]byte, len(sent))
	if _, err := io.ReadFull(c, got); err != nil {
		return err
	}
	if !bytes.Equal(got, sent) {
		return fmt.Errorf("sent %x, echoed %x", sent, got)
	}
	return nil
}

// connectInTurn makes n connections, one after the other.
func connectInTurn(n int64, address string, _ io.Writer) error {
	for i := range n {
		c, err := net.DialTimeout("tcp", address, clientPatience)
		if err == nil {
			err = exchange(c, i)
			c.Close()
		}
		if err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
	}
	return nil
}

// holdAtOnce opens n connections, says "open", waits for its standard input to end, and uses each.
func holdAtOnce(n int64, address string, w io.Writer) error {
	conns := make([]net.Conn, n) // the process's end closes them
	for i := range conns {
		c, err := net.DialTimeout("tcp", address, clientPatience)
		if err != nil {
			return fmt.Errorf("with %d open: %w", i, err)
		}
		conns[i] = c
	}
	fmt.Fprintln(w, "open")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	for i, c := range conns {
		if err := exchange(c, int64(i)); err != nil {
			return fmt.Errorf("connection %d of %d: %w", i, n, err)
		}
	}
	fmt.Fprintln(w, "used")
	return nil
}

// pid gives the lab's own process, which is a child of the one that was started where the user is not root.
func (l *runningLab) pid(t testing.TB) int {
	t.Helper()
	var i struct{ PID int }
	if err := json.Unmarshal([]byte(l.tool(t, "info", "--json")), &i); err != nil || i.PID == 0 {
		t.Fatalf("info --json: %v, process %d", err, i.PID)
	}
	return i.PID
}

// counters reads all of the lab's counters.
func (l *runningLab) counters(t testing.TB) map[string]uint64 {
	t.Helper()
	var list []struct {
		Name  string
		Value uint64
	}
	if err := json.Unmarshal([]byte(l.tool(t, "stats", "--json")), &list); err != nil {
		t.Fatal(err)
	}
	m := make(map[string]uint64, len(list))
	for _, c := range list {
		m[c.Name] = c.Value
	}
	return m
}
