package http

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

// long is when the files of tests were changed.
var long = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

// folder makes a folder with files; a name that ends in "/" is a folder.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		mode := os.FileMode(0o644)
		if strings.HasPrefix(text, "#!") {
			mode = 0o755
		}
		if err := os.WriteFile(full, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(full, long, long); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// site is a server that runs, and a client of it.
type site struct {
	*apptest.Server
	client    *nethttp.Client
	transport *nethttp.Transport // of the client
}

// serve runs f against a server with this table on every network. The clock is the machine's, as files have its times.
func serve(t *testing.T, dir, config string, f func(t *testing.T, s *site)) {
	t.Helper()
	c := apptest.Case{App: App, Dir: dir, Config: config, Env: apps.EnvConfig{Clock: apps.RealClock{}, HostName: "alpha"}}
	serveCase(t, c, f)
}

func serveCase(t *testing.T, c apptest.Case, f func(t *testing.T, s *site)) {
	t.Helper()
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		tr := transport(s)
		defer tr.CloseIdleConnections()
		f(t, &site{Server: s, transport: tr, client: &nethttp.Client{
			Transport:     tr,
			Timeout:       20 * time.Second,
			CheckRedirect: func(*nethttp.Request, []*nethttp.Request) error { return nethttp.ErrUseLastResponse },
		}})
	})
}

// transport reaches the server under every name.
func transport(s *apptest.Server) *nethttp.Transport {
	return &nethttp.Transport{
		DisableCompression: true,
		ForceAttemptHTTP2:  true,
		TLSClientConfig:    &tls.Config{},
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			port := 80
			if strings.HasSuffix(address, ":443") {
				port = 443
			}
			return s.Client.DialContext(ctx, "tcp", s.Addr("tcp", port))
		},
	}
}

// result is a reply that was read.
type result struct {
	*nethttp.Response
	body string
}

// do sends a request; fields come as "Name: value".
func (s *site) do(t *testing.T, method, url string, body io.Reader, fields ...string) result {
	t.Helper()
	if strings.HasPrefix(url, "/") {
		url = "http://alpha.lab.example" + url
	}
	r, err := nethttp.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	reply, err := s.client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	defer reply.Body.Close() // read to its end
	b, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatalf("%s %s: body: %v", method, url, err)
	}
	return result{reply, string(b)}
}

// raw sends octets, and gives what comes until the server closes.
func (s *site) raw(t *testing.T, request string) string {
	t.Helper()
	c := s.Dial(t, "tcp", 80)
	defer c.Close() // at its end anyway
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}
