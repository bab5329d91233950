package stacktest_test

import (
	"bytes"
	"flag"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"tapestry/stack"
	"tapestry/stack/stacktest"
)

var update = flag.Bool("update", false, "write the golden files anew; read the diff")

const throughputFile = "testdata/throughput.txt"

// The cells of the table.
var (
	congestions = []string{"cubic", "reno"}
	losses      = []string{"0%", "0.1%", "1%", "2%", "5%"}
	delays      = []time.Duration{0, 10 * time.Millisecond, 50 * time.Millisecond, 200 * time.Millisecond}
)

const (
	bulkTime  = 20 * time.Second
	bulkLimit = "rate=10mbit,queue=100"
)

// TestThroughput holds that bulk TCP over wires of each loss and delay is as fast, in virtual time, as the golden table
// says, to the last digit: it is a function of the code alone. A change of TCP shows as a diff of the table.
func TestThroughput(t *testing.T) {
	if testing.Short() && !*update {
		t.Skip("-short: a quarter of an hour of bulk transfer takes a while")
	}
	start := time.Now()
	var b strings.Builder
	fmt.Fprintf(&b, "# TCP throughput in kbit/s by loss of data segments and delay each way: one connection, %v of virtual time, %s.\n", bulkTime, bulkLimit)
	b.WriteString("# go run ./stack/stacktest/vtime test -run Throughput ./stack/stacktest -update\n")
	for _, cc := range congestions {
		fmt.Fprintf(&b, "\n%-7s", cc)
		for _, l := range losses {
			fmt.Fprintf(&b, "%8s", l)
		}
		b.WriteByte('\n')
		for _, d := range delays {
			fmt.Fprintf(&b, "%-7s", d)
			for _, l := range losses {
				fmt.Fprintf(&b, "%8d", bulk(t, cc, l, d)*8/1000/int(bulkTime/time.Second))
			}
			b.WriteByte('\n')
		}
	}
	t.Logf("%d transfers of %v in %v", len(congestions)*len(losses)*len(delays), bulkTime, time.Since(start))
	compareGolden(t, throughputFile, b.String())
}

func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the table differs from %s; if that is meant, -update and read the diff\ngot\n%s\nwant\n%s", name, got, want)
	}
}

// bulk gives how many octets arrive within bulkTime of the dial.
func bulk(t *testing.T, congestion, loss string, delay time.Duration) (n int) {
	stacktest.Run(t, stacktest.Config{NoCapture: true}, func(t *testing.T, r *stacktest.Net) {
		from := r.AddHost(stacktest.HostConfig{
			Name: "from", Stack: stack.Config{TCP: stack.TCPConfig{Congestion: congestion}},
			Tx: fmt.Sprintf("loss=%s,delay=%s,%s", loss, delay, bulkLimit),
		})
		to := r.AddHost(stacktest.HostConfig{Name: "to", Tx: fmt.Sprintf("delay=%s", delay)})
		l, err := to.Listen("tcp", ":9")
		if err != nil {
			t.Fatal(err)
		}
		end := time.Now().Add(bulkTime)
		go send(from, net.JoinHostPort(to.Addr4().String(), "9")) // ends with the host
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetReadDeadline(end)
		b := make([]byte, 64<<10)
		for {
			k, err := c.Read(b)
			n += k
			if err != nil {
				return
			}
		}
	})
	return n
}

func send(h *stacktest.Host, address string) {
	c, err := h.Dial("tcp", address)
	if err != nil {
		return
	}
	defer c.Close()
	for b := bytes.Repeat([]byte("tapestry"), 4096); ; {
		if _, err := c.Write(b); err != nil {
			return
		}
	}
}
