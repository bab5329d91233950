package rigs

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// The service under test keeps its connection and sends a report of 20,000 octets for each line that it reads.
const reportSize = 20_000

func serveReports(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() { // ends with the connection
			defer c.Close()
			for lines := bufio.NewScanner(c); lines.Scan(); {
				if _, err := c.Write(make([]byte, reportSize)); err != nil {
					return
				}
			}
		}()
	}
}

// TestDeadline asks for 200 reports over a link of 2 Mbit/s with 40 ms one way, 1 % loss in bursts and a queue of
// 45 frames. What was promised: a median below 250 ms, 99 of 100 within a second and a half.
func TestDeadline(t *testing.T) {
	const link = "rate=2mbit,queue=45,delay=40ms,jitter=3ms,loss=1%,burst=2"
	stacktest.Run(t, stacktest.Config{Seed: 3}, func(t *testing.T, n *stacktest.Net) {
		client, server := n.Host("client"), n.Host("server")
		n.Impair(server, link)
		l, err := server.Listen("tcp", ":9000")
		if err != nil {
			t.Fatal(err)
		}
		go serveReports(l) // ends with the server
		c, err := client.Dial("tcp", "server:9000")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()

		var took []time.Duration
		for i := range 200 {
			start := time.Now()
			fmt.Fprintf(c, "report %d\n", i)
			if _, err := io.CopyN(io.Discard, c, reportSize); err != nil {
				t.Fatalf("report %d: %v", i, err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		median, p99 := took[len(took)/2], took[len(took)*99/100]
		t.Logf("median %v, 99 %% %v, longest %v, %v of virtual time", median, p99, took[len(took)-1], n.Elapsed())
		if median > 250*time.Millisecond {
			t.Errorf("median %v, promised 250 ms", median)
		}
		if p99 > 1500*time.Millisecond {
			t.Errorf("99 of 100 within %v, promised 1.5 s", p99)
		}
	})
}
