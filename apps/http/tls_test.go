package http

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

// selfSigned makes a certificate for the host of the tests.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "alpha"}, DNSNames: []string{"alpha.lab.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}

// serveTLS is serve for a host with a certificate of its lab.
func serveTLS(t *testing.T, dir, config string, f func(t *testing.T, s *site)) {
	t.Helper()
	cert, pool := selfSigned(t)
	c := apptest.Case{App: App, Dir: dir, Config: config, Env: apps.EnvConfig{
		Clock: apps.RealClock{},
		TLS:   func() (apps.Certificate, error) { return apps.Certificate{Certificate: cert}, nil },
	}}
	serveCase(t, c, func(t *testing.T, s *site) {
		s.transport.TLSClientConfig.RootCAs = pool
		f(t, s)
	})
}

func TestTLS(t *testing.T) {
	dir := programsFolder(t)
	large := strings.Repeat("0123456789", 300_000)
	tests := []struct{ name, config, proto string }{
		{"HTTP/2", "", "HTTP/2.0"},
		{"HTTP/1.1", "http2 = false\n", "HTTP/1.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			serveTLS(t, dir, tt.config+strings.Replace(cgiConfig, `"OPTIONS"`, `"PUT", "TRACE"`, 1), func(t *testing.T, s *site) {
				got := s.do(t, "GET", "https://alpha.lab.example/page.txt", nil)
				if got.Proto != tt.proto || got.body != "the page" {
					t.Errorf("got %s %d %q, want %s", got.Proto, got.StatusCode, got.body, tt.proto)
				}
				if got := s.do(t, "GET", "https://alpha.lab.example/page.txt", nil, "Range: bytes=4-"); got.StatusCode != 206 || got.body != "page" {
					t.Errorf("range: got %d %q", got.StatusCode, got.body)
				}
				if got := s.do(t, "POST", "https://alpha.lab.example/cgi-bin/cat", strings.NewReader(large)); got.body != large {
					t.Errorf("program: got %d and %d octets, want %d", got.StatusCode, len(got.body), len(large))
				}
				if got := s.do(t, "POST", "https://alpha.lab.example/cgi-bin/cat", unsized{strings.NewReader(large)}); got.body != large {
					t.Errorf("program, unknown length: got %d and %d octets, want %d", got.StatusCode, len(got.body), len(large))
				}
				if got := s.do(t, "GET", "https://alpha.lab.example/cgi-bin/env", nil); !strings.Contains(got.body, "\nHTTPS=on\n") ||
					!strings.Contains(got.body, "\nSERVER_PROTOCOL="+tt.proto+"\n") {
					t.Errorf("got %s", got.body)
				}
				if got := s.do(t, "PUT", "https://alpha.lab.example/large", unsized{strings.NewReader(large)}); got.StatusCode/100 != 2 {
					t.Errorf("PUT: got %d", got.StatusCode)
				}
				if got := s.do(t, "GET", "https://alpha.lab.example/large", nil); got.body != large {
					t.Errorf("GET of that: got %d and %d octets", got.StatusCode, len(got.body))
				}
				if got := s.do(t, "PUT", "https://alpha.lab.example/larger", strings.NewReader(strings.Repeat("x", 20_000_001))); got.StatusCode != 413 {
					t.Errorf("PUT, too large: got %d, want 413", got.StatusCode)
				}
				if got := s.do(t, "TRACE", "https://alpha.lab.example/", nil, "X-A: b"); !strings.HasPrefix(got.body, "TRACE / "+tt.proto) {
					t.Errorf("TRACE: got %d %q", got.StatusCode, got.body)
				}
			})
		})
	}
}

func TestCertificateOfFiles(t *testing.T) {
	cert, pool := selfSigned(t)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t, map[string]string{
		"c.pem": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})),
		"k.pem": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	})
	config := "plain = false\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n"
	c := apptest.Case{App: App, Dir: dir, Config: config, Env: apps.EnvConfig{Clock: apps.RealClock{}}}
	serveCase(t, c, func(t *testing.T, s *site) {
		s.transport.TLSClientConfig.RootCAs = pool
		if got := s.do(t, "GET", "https://alpha.lab.example/", nil); got.StatusCode != 200 {
			t.Errorf("got %d", got.StatusCode)
		}
		if !s.OnStack {
			return // there any port answers
		}
		if c, err := s.Client.DialContext(t.Context(), "tcp", s.Addr("tcp", 80)); err == nil {
			_ = c.Close()
			t.Error("port 80 is open, though plain is false")
		}
	})
}

func TestHTTPSRedirect(t *testing.T) {
	serveTLS(t, "", "https_redirect = true\n", func(t *testing.T, s *site) {
		port := ""
		if !s.OnStack { // a free port instead of 443
			_, p, _ := strings.Cut(s.Addr("tcp", 443), ":")
			port = ":" + p
		}
		got := s.do(t, "GET", "http://alpha.lab.example/a%20b?c=d", nil)
		if want := "https://alpha.lab.example" + port + "/a%20b?c=d"; got.StatusCode != 301 || got.Header.Get("Location") != want {
			t.Errorf("got %d %q, want 301 %q", got.StatusCode, got.Header.Get("Location"), want)
		}
		if got := s.do(t, "POST", "/", strings.NewReader("x")); got.StatusCode != 308 {
			t.Errorf("POST: got %d, want 308", got.StatusCode)
		}
		if got := s.do(t, "GET", "https://alpha.lab.example/", nil); got.StatusCode != 200 {
			t.Errorf("by TLS: got %d", got.StatusCode)
		}
	})
}

// TestTLSGarbage sends no TLS to the port of TLS.
func TestTLSGarbage(t *testing.T) {
	serveTLS(t, "", "header_timeout = \"200ms\"\n", func(t *testing.T, s *site) {
		for _, text := range []string{"GET / HTTP/1.1\r\nHost: alpha\r\n\r\n", "\x16\x03\x01\xff\xff", "", strings.Repeat("\x00", 1000)} {
			c := s.Dial(t, "tcp", 443)
			if _, err := io.WriteString(c, text); err != nil {
				t.Fatal(err)
			}
			_, _ = io.ReadAll(c) // what comes does not matter, but that it ends
			_ = c.Close()
		}
		if got := s.do(t, "GET", "https://alpha.lab.example/", nil); got.StatusCode != 200 {
			t.Errorf("got %d", got.StatusCode)
		}
	})
}

func TestNoCertificate(t *testing.T) {
	dir := folder(t, map[string]string{"c.pem": "rubbish", "k.pem": "rubbish"})
	for _, config := range []string{"tls = true", "plain = false", "https_redirect = true", "certificate = \"c.pem\"\nkey = \"k.pem\""} {
		d, err := apps.ParseConfig(filepath.Join(dir, "lab.toml"), []byte(config))
		if err != nil {
			t.Fatal(err)
		}
		if s, err := App.New(apps.NewEnv(apps.EnvConfig{}), d.Table()); err == nil {
			t.Errorf("%s: got %v, want an error", config, s)
		}
	}
}
