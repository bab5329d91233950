package stacktest_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// A test function of a user: in it, an hour passes while nobody waits for it.
func ExampleRun() {
	test := func(t *testing.T) {
		stacktest.Run(t, stacktest.Config{Impair: "loss=5%,delay=20ms"}, func(t *testing.T, n *stacktest.Net) {
			server, client := n.Host("server"), n.Host("client")
			l, err := server.Listen("tcp", ":80")
			if err != nil {
				t.Fatal(err)
			}
			go func() { // ends with the connection
				if c, err := l.Accept(); err == nil {
					time.Sleep(time.Hour)
					io.WriteString(c, "late")
					c.Close()
				}
			}()
			c, err := client.Dial("tcp", "server:80")
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			b, err := io.ReadAll(c)
			if string(b) != "late" || err != nil {
				t.Errorf("%q, %v", b, err)
			}
		})
	}
	_ = test // go test calls it
	fmt.Println("run it with: go run tapestry/stack/stacktest/vtime test")
	// Output: run it with: go run tapestry/stack/stacktest/vtime test
}

// A station opens a connection by hand and looks at the answer.
func ExampleStation() {
	test := func(t *testing.T) {
		stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
			host, peer := n.Host("host"), n.Station("peer")
			peer.SendIP(host.Link(), stacktest.IPv4{Src: peer.Addr4(), Dst: host.Addr4()},
				stacktest.TCP{SrcPort: 5000, DstPort: 80, Seq: 1, Flags: "S"})
			peer.Expect(t, time.Second, "reset", func(p stacktest.Packet) bool { return p.Flags() == "RA" })
		})
	}
	_ = test // go test calls it
	// Output:
}
