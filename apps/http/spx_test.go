package http

import (
	"context"
	"net"
	nethttp "net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

// overSPX has the client of s reach the server over SPX.
func overSPX(s *site) {
	s.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return s.Client.DialContext(ctx, "spx", s.Addr("spx", spxSocket))
	}
}

// serveSPX is serve with a client that uses SPX.
func serveSPX(t *testing.T, dir, config string, env apps.EnvConfig, f func(t *testing.T, s *site)) {
	t.Helper()
	env.Clock, env.HostName = apps.RealClock{}, "alpha"
	serveCase(t, apptest.Case{App: App, Dir: dir, Config: config, Env: env}, func(t *testing.T, s *site) {
		overSPX(s)
		f(t, s)
	})
}

// TestSPX gets a file, a large one, an error and a program's reply over SPX, where TCP is off, and reads the log.
func TestSPX(t *testing.T) {
	dir := programsFolder(t)
	large := strings.Repeat("0123456789", 100_000)
	if err := os.WriteFile(filepath.Join(dir, "www/large.txt"), []byte(large), 0o644); err != nil {
		t.Fatal(err)
	}
	config := "plain = false\nspx = true\naccess_log = \"log\"\n" + cgiConfig
	serveSPX(t, dir, config, apps.EnvConfig{}, func(t *testing.T, s *site) {
		for _, tt := range []struct {
			path, want string
			code       int
		}{{"/page.txt", "the page", 200}, {"/large.txt", large, 200}, {"/absent", "*", 404}} {
			if got := s.do(t, "GET", tt.path, nil); got.StatusCode != tt.code || tt.want != "*" && got.body != tt.want {
				t.Errorf("%s: got %d, %d octets", tt.path, got.StatusCode, len(got.body))
			}
		}
		got := s.do(t, "GET", "/cgi-bin/env", nil)
		if !strings.Contains(got.body, "\nREMOTE_ADDR=0000cafe.02") || strings.Contains(got.body, "_PORT=\n") {
			t.Errorf("a program's environment lacks the client:\n%s", got.body)
		}
		log, err := os.ReadFile(filepath.Join(dir, "log"))
		if err != nil || !strings.Contains(string(log), "0000cafe.") || strings.Contains(string(log), "0000cafe:") {
			t.Errorf("the log lacks the client: %v\n%s", err, log)
		}
	})
}

// TestSPXRedirect holds that what has no TLS is not sent there, while plain HTTP on TCP is.
func TestSPXRedirect(t *testing.T) {
	cert, _ := selfSigned(t)
	env := apps.EnvConfig{TLS: func() (apps.Certificate, error) { return apps.Certificate{Certificate: cert}, nil }}
	dir := folder(t, map[string]string{"page.txt": "the page"})
	serveSPX(t, dir, "root = \".\"\nspx = true\nhttps_redirect = true\n", env, func(t *testing.T, s *site) {
		if got := s.do(t, "GET", "/page.txt", nil); got.StatusCode != 200 || got.body != "the page" {
			t.Errorf("SPX: got %d %q", got.StatusCode, got.body)
		}
		s.transport.CloseIdleConnections()
		s.transport.DialContext = transport(s.Server).DialContext
		if got := s.do(t, "GET", "/page.txt", nil); got.StatusCode != nethttp.StatusMovedPermanently {
			t.Errorf("TCP: got %d, want 301", got.StatusCode)
		}
	})
}

func TestSplitAddress(t *testing.T) {
	tests := []struct{ name, address, host, port string }{
		{"IPv4", "198.51.100.1:80", "198.51.100.1", "80"},
		{"IPv6", "[2001:db8::1]:80", "2001:db8::1", "80"},
		{"with a zone", "[fe80::1%eth0]:80", "fe80::1", "80"},
		{"SPX", "0000cafe:020000000001:4001", "0000cafe.020000000001", "4001"},
		{"a pipe", "pipe", "pipe", ""},
		{"nothing", "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if host, port := splitAddress(tt.address); host != tt.host || port != tt.port {
				t.Errorf("%q: got %q and %q, want %q and %q", tt.address, host, port, tt.host, tt.port)
			}
		})
	}
}
