package stacktest_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
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
	bulkSize  = 4_000_000 // octets; slow cells take minutes of virtual time, which are free, and so average best
	bulkSeeds = 3
	bulkLimit = "rate=10mbit,queue=10000" // longer than any window: what is lost is what the column says
)

const throughputHead = `# TCP throughput in kbit/s by loss of data segments and delay each way: one connection, %d octets, %s, median of %d seeds.
# The engine's Reno is no RFC 5681 Reno: in congestion avoidance too its window grows by a segment with each ACK, not with each
# round trip (§3.1), since gVisor's reno.go leaves in its count what that is modulo the new window, not the old. So it outruns
# CUBIC where segments are lost, and its long windows make the first row uneven. CUBIC is the default.
# go run ./stack/stacktest/vtime test -run Throughput ./stack/stacktest -update
`

// TestThroughput holds that bulk TCP over wires of each loss and delay is as fast, in virtual time, as the golden table
// says, to the last digit: it is a function of the code alone. A change of TCP shows as a diff of the table.
func TestThroughput(t *testing.T) {
	if testing.Short() && !*update {
		t.Skip("-short: more than an hour of bulk transfers takes a while")
	}
	start := time.Now()
	var b strings.Builder
	fmt.Fprintf(&b, throughputHead, bulkSize, bulkLimit, bulkSeeds)
	for _, cc := range congestions {
		fmt.Fprintf(&b, "\n%-7s", cc)
		for _, l := range losses {
			fmt.Fprintf(&b, "%8s", l)
		}
		b.WriteByte('\n')
		for _, d := range delays {
			fmt.Fprintf(&b, "%-7s", d)
			for _, l := range losses {
				fmt.Fprintf(&b, "%8d", throughput(t, cc, l, d))
			}
			b.WriteByte('\n')
		}
	}
	t.Logf("%d transfers of %d octets in %v", len(congestions)*len(losses)*len(delays)*bulkSeeds, bulkSize, time.Since(start))
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

// throughput gives the median of the seeds, in kbit/s.
func throughput(t *testing.T, congestion, loss string, delay time.Duration) int {
	var kbits []int
	for seed := range int64(bulkSeeds) {
		back := fmt.Sprintf("delay=%s", delay)
		took := bulk(t, seed+1, congestion, fmt.Sprintf("loss=%s,%s,%s", loss, back, bulkLimit), back)
		kbits = append(kbits, int(bulkSize*8*time.Millisecond/took))
	}
	slices.Sort(kbits)
	return kbits[len(kbits)/2]
}

// bulk gives how long bulkSize octets take from the dial on, over a wire that does there and back.
func bulk(t *testing.T, seed int64, congestion, there, back string) (took time.Duration) {
	stacktest.Run(t, stacktest.Config{NoCapture: true, Seed: seed}, func(t *testing.T, r *stacktest.Net) {
		tcp := stack.TCPConfig{Congestion: congestion}
		from := r.AddHost(stacktest.HostConfig{Name: "from", Stack: stack.Config{TCP: tcp}, Tx: there})
		to := r.AddHost(stacktest.HostConfig{Name: "to", Tx: back})
		l, err := to.Listen("tcp", ":9")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		go send(from, net.JoinHostPort(to.Addr4().String(), "9")) // ends with the host
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if n, err := io.CopyN(io.Discard, c, bulkSize); err != nil {
			t.Fatalf("%s, %s: after %d octets: %v", congestion, there, n, err)
		}
		took = time.Since(start)
	})
	return took
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
