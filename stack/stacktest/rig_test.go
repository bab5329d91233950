package stacktest_test

import (
	"io"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// TestTenLines: what a user writes first.
func TestTenLines(t *testing.T) {
	stacktest.Run(t, stacktest.Config{}, func(t *testing.T, n *stacktest.Net) {
		alpha, beta := n.Host("alpha"), n.Host("beta")
		l, err := beta.Listen("tcp", ":7")
		if err != nil {
			t.Fatal(err)
		}
		go func() { // ends with the connection
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			io.Copy(c, c)
		}()
		c, err := alpha.Dial("tcp", "beta:7")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		start := time.Now()
		for range 10 {
			time.Sleep(time.Minute)
			b := make([]byte, 5)
			if _, err := c.Write([]byte("hello")); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
				t.Fatalf("%q, %v", b, err)
			}
		}
		if d := time.Since(start); d != 10*time.Minute {
			t.Errorf("ten exchanges a minute apart took %v on a perfect wire", d)
		}
	})
}
