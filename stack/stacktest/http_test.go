package stacktest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"tapestry/stack/stacktest"
)

// TestHTTP: the standard library's server and client live on hosts of a rig. Connections that are kept alive end with the
// hosts, so a test has to close what it has read, and no more.
func TestHTTP(t *testing.T) {
	stacktest.Run(t, stacktest.Config{Impair: "delay=10ms"}, func(t *testing.T, n *stacktest.Net) {
		server, client := n.Host("server"), n.Host("client")
		l, err := server.Listen("tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		dials := 0
		web := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Minute)
			io.WriteString(w, r.URL.Path)
		})}
		go web.Serve(l) // ends with the host
		hc := http.Client{Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (c net.Conn, err error) {
				dials++
				return client.DialContext(ctx, network, address)
			},
			IdleConnTimeout: time.Hour,
		}}
		for _, path := range []string{"/a", "/b"} {
			r, err := hc.Get("http://server" + path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r.Body)
			r.Body.Close()
			if err != nil || string(b) != path {
				t.Errorf("%s: %q, %v", path, b, err)
			}
		}
		if dials != 1 {
			t.Errorf("%d connections for two requests", dials)
		}
	})
}
