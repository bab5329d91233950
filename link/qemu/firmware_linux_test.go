package qemu

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/stack"
)

// TestFirmware boots a VM that has no system at all: iPXE, the firmware of its network card, has an address, fetches a
// file and is pinged. It needs no kernel.
func TestFirmware(t *testing.T) {
	qemu := nstest.Tool(t, "qemu-system-x86_64")
	l := listen(t, "tcp")
	card := nic{"net0", "socket,connect=" + l.Addr().String(), prefix("198.51.100.1/24"), prefix("198.51.100.9/24"),
		must(t)(Listen(l, Config{}))}
	h := hostOn(t, []nic{card})
	serve(t, h, bytes.Repeat([]byte("x"), 123_456))

	start := time.Now()
	c := power(t, qemu, card)
	defer c.off(t)
	c.expect(t, "Ctrl-B for the iPXE command line")
	c.say("\x02")
	c.expect(t, "iPXE>")
	for _, command := range []string{
		"set net0/ip 198.51.100.9", "set net0/netmask 255.255.255.0", "ifopen net0", "imgfetch --name page http://198.51.100.1/",
	} {
		c.enter(t, command)
		c.expect(t, "iPXE>")
	}
	c.enter(t, "imgstat")
	c.expect(t, "page : 123456 bytes")

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if r, err := h.Ping(ctx, card.guest.Addr(), stack.PingOptions{Size: 1000}); err != nil || r.From != card.guest.Addr() {
		t.Errorf("ping: %+v, %v", r, err)
	}
	counts(t, h, map[string]uint64{"icmpInEchoReps": 1, "tcpPassiveOpens": 1})
	t.Logf("over after %v", time.Since(start).Round(10*time.Millisecond))
}

// console is the serial line of a VM.
type console struct {
	cmd    *exec.Cmd
	cancel context.CancelFunc
	in     io.Writer
	out    chan []byte
	all    []byte // that was said
	seen   int    // of it, by expect
}

// power switches a VM on that boots from the network.
func power(t *testing.T, qemu string, card nic) *console {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), bootTime)
	c := &console{cancel: cancel, out: make(chan []byte), cmd: exec.CommandContext(ctx, qemu,
		"-nodefaults", "-no-user-config", "-nographic", "-accel", "tcg", "-m", "64", "-serial", "stdio", "-monitor", "none", "-boot", "n",
		"-netdev", card.netdev+",id="+card.name, "-device", "virtio-net-pci,netdev="+card.name)}
	in, err := c.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.in = in
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.out)
		for {
			b := make([]byte, 4096)
			n, err := out.Read(b)
			if err != nil {
				return
			}
			c.out <- b[:n]
		}
	}()
	return c
}

func (c *console) say(s string) { fmt.Fprint(c.in, s) }

// enter types a line, each letter when the one before has come back: the serial port of a busy VM loses what it has not
// looked at.
func (c *console) enter(t *testing.T, line string) {
	t.Helper()
	for _, letter := range line {
		c.say(string(letter))
		c.expect(t, string(letter))
	}
	c.say("\n")
}

// expect waits until the VM has said text, after what was expected before.
func (c *console) expect(t *testing.T, text string) {
	t.Helper()
	for {
		if i := strings.Index(string(c.all[c.seen:]), text); i >= 0 {
			c.seen += i + len(text)
			return
		}
		b, ok := <-c.out
		if !ok {
			t.Fatalf("the VM is off, or said too little in %v; want %q after:\n%s", bootTime, text, c.all)
		}
		c.all = append(c.all, b...)
	}
}

func (c *console) off(t *testing.T) {
	c.cancel()
	for range c.out { // nothing more is of interest
	}
	c.cmd.Wait()
	if t.Failed() {
		t.Logf("the console:\n%s", c.all)
	}
}
