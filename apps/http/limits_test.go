package http

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

// TestSlowClients has clients stop in the middle of everything: the server ends each connection.
func TestSlowClients(t *testing.T) {
	dir := folder(t, map[string]string{"www/large": strings.Repeat("x", 20<<20)})
	config := writing + "header_timeout = \"100ms\"\nidle_timeout = \"100ms\"\nbody_timeout = \"300ms\"\nwrite_timeout = \"100ms\"\n"
	config = strings.Replace(config, "1000000", "100000000", 1)
	tests := []struct{ name, send, want string }{
		{"nothing", "", ""},
		{"half a header", "GET /large HT", "HTTP/1.1 400 "},
		{"no end of the header", "GET /large HTTP/1.1\r\nHost: alpha\r\nX: ", ""},
		{"no next request", "HEAD /absent HTTP/1.1\r\nHost: alpha\r\n\r\n", "HTTP/1.1 405 "},
		{"half a body", "PUT /f HTTP/1.1\r\nHost: alpha\r\nContent-Length: 10\r\n\r\nabc", "HTTP/1.1 408 "},
		{"half a chunk", "PUT /f HTTP/1.1\r\nHost: alpha\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc", "HTTP/1.1 408 "},
		{"body nobody reads", "GET /absent HTTP/1.1\r\nHost: alpha\r\nContent-Length: 10\r\n\r\n", "HTTP/1.1 404 "},
	}
	serve(t, dir, config, func(t *testing.T, s *site) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := s.raw(t, tt.send)
				if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
					t.Errorf("got %.100q, want %q", got, tt.want)
				}
			})
		}
		t.Run("reply not taken", func(t *testing.T) {
			c := s.Dial(t, "tcp", 80)
			if _, err := io.WriteString(c, "GET /large HTTP/1.1\r\nHost: alpha\r\nConnection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			before := s.Counters.Value("http.requests")
			eventually(t, "the end of the request", func() bool { return s.Counters.Value("http.requests") > before })
			if n, _ := io.Copy(io.Discard, c); n >= 20<<20 {
				t.Errorf("got all %d octets", n)
			}
		})
		t.Run("slow but steady", func(t *testing.T) {
			var b bytes.Buffer
			b.WriteString("PUT /g HTTP/1.1\r\nHost: alpha\r\nConnection: close\r\nContent-Length: 65536\r\n\r\n")
			b.Write(make([]byte, 65536))
			c := s.Dial(t, "tcp", 80)
			for b.Len() > 0 { // 8 KiB in 80 ms: twice as long as the timeout
				if _, err := c.Write(b.Next(8 << 10)); err != nil {
					t.Fatal(err)
				}
				time.Sleep(80 * time.Millisecond)
			}
			if got, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 20") {
				t.Errorf("got %.100q, %v", got, err)
			}
		})
	})
}

// TestSlowStream has a client of HTTP/2 take nothing of one stream: the stream ends, and the connection goes on.
func TestSlowStream(t *testing.T) {
	dir := folder(t, map[string]string{"large": strings.Repeat("x", 20<<20), "small": "small"})
	serveTLS(t, dir, "root = \".\"\nwrite_timeout = \"200ms\"\n", func(t *testing.T, s *site) {
		reply, err := s.client.Get("https://alpha.lab.example/large")
		if err != nil {
			t.Fatal(err)
		}
		defer reply.Body.Close() // read to its end
		eventually(t, "the end of the stream", func() bool { return s.Counters.Value("http.requests") == 1 })
		if n, err := io.Copy(io.Discard, reply.Body); err == nil {
			t.Errorf("got all %d octets", n)
		}
		if got := s.do(t, "GET", "https://alpha.lab.example/small", nil); got.body != "small" {
			t.Errorf("got %d %q", got.StatusCode, got.body)
		}
		if n := s.Counters.Value("http.connections"); n != 1 {
			t.Errorf("connections: got %d, want 1", n)
		}
	})
}

func TestMaxConnections(t *testing.T) {
	serve(t, "", "max_connections = 2\n", func(t *testing.T, s *site) {
		var held []net.Conn
		for range 2 {
			c := s.Dial(t, "tcp", 80)
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: alpha\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			readUntil(t, c, "200 OK")
			held = append(held, c)
		}
		third := s.Dial(t, "tcp", 80)
		if _, err := io.WriteString(third, "GET / HTTP/1.1\r\nHost: alpha\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the limit", func() bool { return s.Counters.Value("http.connections.delayed") > 0 })
		_ = held[0].Close()
		readUntil(t, third, "200 OK")
	})
}

// panicking is a host whose name cannot be told.
type panicking struct{ apps.HostControl }

func (panicking) Name() string { panic("no name") }

func TestPanic(t *testing.T) {
	c := apptest.Case{App: App, Env: apps.EnvConfig{Host: panicking{}}}
	serveCase(t, c, func(t *testing.T, s *site) {
		for range 2 {
			if got := s.do(t, "GET", "/", nil); got.StatusCode != 500 {
				t.Errorf("got %d, want 500", got.StatusCode)
			}
		}
		if got := s.do(t, "GET", "/x", nil); got.StatusCode != 404 {
			t.Errorf("got %d, want 404", got.StatusCode)
		}
		if n := s.Counters.Value("http.panics"); n != 2 {
			t.Errorf("panics: got %d, want 2", n)
		}
	})
}

// host is one with addresses and tools.
type host struct{}

func (host) Name() string                   { return "alpha" }
func (host) Domain() string                 { return "lab.example" }
func (host) Names() map[string][]netip.Addr { return nil }
func (host) Addresses() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("198.51.100.2/24")}
}

type tools struct{ apps.LabCommands }

func (tools) Netstat(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "tcp <listen>\n")
	return err
}

func TestWelcome(t *testing.T) {
	c := apptest.Case{App: App, Env: apps.EnvConfig{Host: host{}, Lab: tools{}}}
	serveCase(t, c, func(t *testing.T, s *site) {
		got := s.do(t, "GET", "/", nil)
		for _, want := range []string{"<title>alpha.lab.example</title>", "<li>198.51.100.2/24</li>", "tcp &lt;listen&gt;", "[host.alpha.app.http]"} {
			if !strings.Contains(got.body, want) {
				t.Errorf("lacks %q", want)
			}
		}
		if t.Failed() {
			t.Log(got.body)
		}
		if got := s.do(t, "GET", "/favicon.ico", nil); got.StatusCode != 404 {
			t.Errorf("got %d, want 404", got.StatusCode)
		}
		if got := s.do(t, "HEAD", "/", nil); got.StatusCode != 200 || got.body != "" {
			t.Errorf("HEAD: got %d %q", got.StatusCode, got.body)
		}
	})
}

func TestAccessLog(t *testing.T) {
	dir := folder(t, map[string]string{"f": "1234"})
	c := apptest.Case{App: App, Dir: dir, Config: "root = \".\"\naccess_log = \"access.log\"\n"}
	serveCase(t, c, func(t *testing.T, s *site) {
		s.do(t, "GET", "/f?a=%22", nil, "User-Agent: evil\"\u00e9", "Referer: http://www.example.org/")
		s.do(t, "GET", "/absent", nil, "User-Agent: ")
		eventually(t, "the log", func() bool { return s.Counters.Value("http.requests") == 2 })
		b, err := os.ReadFile(filepath.Join(dir, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(b), "\n")
		lines = lines[max(0, len(lines)-3):] // of this network
		const first = ` - - [01/Jan/2000:00:00:00 +0000] "GET /f?a=%22 HTTP/1.1" 200 4 "http://www.example.org/" "evil\"\u00e9"`
		if len(lines) != 3 || !strings.HasSuffix(lines[0], first) || !strings.Contains(lines[1], `"GET /absent HTTP/1.1" 404 `) {
			t.Errorf("got %q, want %q and another line", lines, first)
		}
		if got := s.Counters.Value("http.responses.2xx"); got != 1 {
			t.Errorf("responses.2xx: got %d, want 1", got)
		}
	})
}

// TestShutdown stops a server while a client takes a file.
func TestShutdown(t *testing.T) {
	dir := folder(t, map[string]string{"large": strings.Repeat("x", 50<<20)})
	serve(t, dir, "root = \".\"\n", func(t *testing.T, s *site) {
		c := s.Dial(t, "tcp", 80)
		if _, err := io.WriteString(c, "GET /large HTTP/1.1\r\nHost: alpha\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		readUntil(t, c, "200 OK")
	})
}
