package http

import (
	"bufio"
	"io"
	nethttp "net/http"
	"strings"
	"testing"

	"tapestry/apps/apptest"
)

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	apptest.Eventually(t, what, cond)
}

// TestRaw sends what clients of net/http would not.
func TestRaw(t *testing.T) {
	const closing = "Connection: close\r\n"
	dir := folder(t, map[string]string{"mondossier/monFichier.html": "<p>corps", "f": "file"})
	tests := []struct {
		name, send, status string
		has                []string
	}{
		// The request of protocols-courses §5.8: no Host, and a space before the colon.
		{"the courses' request",
			"GET /mondossier/monFichier.html HTTP/1.1\r\nUser-Agent : Mozilla/5.0\r\n\r\n", "HTTP/1.1 400 Bad Request", nil},
		{"space before the colon", "GET /f HTTP/1.1\r\nHost: alpha\r\nUser-Agent : Mozilla/5.0\r\n\r\n", "HTTP/1.1 400 ", nil},
		{"no Host", "GET /f HTTP/1.1\r\nUser-Agent: Mozilla/5.0\r\n\r\n", "HTTP/1.1 400 ", nil},
		{"corrected", "GET /mondossier/monFichier.html HTTP/1.1\r\nHost: alpha\r\nUser-Agent: Mozilla/5.0\r\n" + closing + "\r\n",
			"HTTP/1.1 200 OK", []string{"Connection: close", "<p>corps"}},
		{"two Hosts", "GET /f HTTP/1.1\r\nHost: alpha\r\nHost: beta\r\n\r\n", "HTTP/1.1 400 ", nil},
		{"bad Host", "GET /f HTTP/1.1\r\nHost: al<pha\r\n\r\n", "HTTP/1.1 400 ", nil},
		{"HTTP/1.0", "GET /f HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK", []string{"\r\n\r\nfile"}},
		{"HTTP/0.9", "GET /f\r\n", "HTTP/1.1 400 ", nil},
		{"HTTP/3.0", "GET /f HTTP/3.0\r\nHost: alpha\r\n\r\n", "HTTP/1.1 505 ", nil},
		{"HTTP/2 without TLS", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 501 ", nil},
		{"folded field", "GET /f HTTP/1.1\r\nHost: alpha\r\n X: y\r\n\r\n", "HTTP/1.1 400 ", nil},
		{"NUL in a field", "GET /f HTTP/1.1\r\nHost: alpha\r\nX: \x00\r\n\r\n", "HTTP/1.1 400 ", nil},
		{"absolute form", "GET http://beta/f HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n", "HTTP/1.1 200 ", []string{"\r\n\r\nfile"}},
		{"no slash", "GET f HTTP/1.1\r\nHost: alpha\r\n\r\n", "HTTP/1.1 400 ", nil},
		{"dot segments", "GET /../../etc/passwd HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n", "HTTP/1.1 400 ", nil},
		{"dot segments, encoded", "GET /%2e%2e/%2E%2E/etc/passwd HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n", "HTTP/1.1 400 ", nil},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n", "HTTP/1.1 204 ",
			[]string{"Allow: GET, HEAD, PUT, OPTIONS, TRACE\r\n"}},
		{"GET *", "GET * HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n", "HTTP/1.1 400 ", nil},
		{"CONNECT", "CONNECT www.example.org:443 HTTP/1.1\r\nHost: www.example.org:443\r\n" + closing + "\r\n", "HTTP/1.1 405 ",
			[]string{"Allow: "}},
		{"PUT without a length", "PUT /g HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n", "HTTP/1.1 411 ", nil},
		{"two lengths", "PUT /g HTTP/1.1\r\nHost: alpha\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "HTTP/1.1 400 ", nil},
		{"bad length", "PUT /g HTTP/1.1\r\nHost: alpha\r\nContent-Length: -1\r\n\r\nab", "HTTP/1.1 400 ", nil},
		{"bad chunk", "PUT /g HTTP/1.1\r\nHost: alpha\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n", "HTTP/1.1 400 ", nil},
		{"unknown coding", "PUT /g HTTP/1.1\r\nHost: alpha\r\nTransfer-Encoding: gzip\r\n\r\nxx\r\n", "HTTP/1.1 501 ", nil},
		{"header too large", "GET /f HTTP/1.1\r\nHost: alpha\r\nX: " + strings.Repeat("x", 70_000) + "\r\n\r\n", "HTTP/1.1 431 ", nil},
		{"TRACE", "TRACE /f?q HTTP/1.1\r\nHost: alpha\r\nVia: 1.1 a\r\nVia: 1.0 b\r\nCookie: c=1\r\nAuthorization: Basic eDp5\r\n" + closing + "\r\n",
			"HTTP/1.1 200 ", []string{"Content-Type: message/http", "\r\n\r\nTRACE /f?q HTTP/1.1\r\nHost: alpha\r\nConnection: close\r\nVia: 1.1 a\r\nVia: 1.0 b\r\n\r\n"}},
		{"TRACE with a body", "TRACE /f HTTP/1.1\r\nHost: alpha\r\nContent-Length: 1\r\n" + closing + "\r\nx", "HTTP/1.1 400 ", nil},
		{"body not wanted", "GET /f HTTP/1.1\r\nHost: alpha\r\nContent-Length: 3\r\n\r\nabcGET /f HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n",
			"HTTP/1.1 200 ", []string{"fileHTTP/1.1 200 "}},
		{"pipeline", "GET /f HTTP/1.1\r\nHost: alpha\r\n\r\nHEAD /f HTTP/1.1\r\nHost: alpha\r\n\r\nGET /x HTTP/1.1\r\nHost: alpha\r\n" + closing + "\r\n",
			"HTTP/1.1 200 ", []string{"fileHTTP/1.1 200 ", "\r\n\r\nHTTP/1.1 404 "}},
		{"not HTTP", "EHLO mail.example.org\r\n", "HTTP/1.1 400 ", nil},
		{"TLS", "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n", "HTTP/1.1 400 ", nil},
	}
	config := "root = \".\"\nmethods = [\"GET\", \"HEAD\", \"PUT\", \"OPTIONS\", \"TRACE\"]\n"
	serve(t, dir, config, func(t *testing.T, s *site) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				got := s.raw(t, tt.send)
				if !strings.HasPrefix(got, tt.status) {
					t.Errorf("%.200q\n got %.300q\nwant %q", tt.send, got, tt.status)
				}
				for _, want := range tt.has {
					if !strings.Contains(got, want) {
						t.Errorf("%.200q\n got %q\nlacks %q", tt.send, got, want)
					}
				}
			})
		}
	})
}

// TestContinue has a client wait for 100 before it sends its body: RFC 9110 §10.1.1.
func TestContinue(t *testing.T) {
	dir := folder(t, map[string]string{"www/": ""})
	serve(t, dir, writing, func(t *testing.T, s *site) {
		c := s.Dial(t, "tcp", 80)
		r := bufio.NewReader(c)
		put := func(length string) string {
			if _, err := io.WriteString(c, "PUT /f HTTP/1.1\r\nHost: alpha\r\nExpect: 100-continue\r\nContent-Length: "+length+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			return line
		}
		if got := put("4"); !strings.HasPrefix(got, "HTTP/1.1 100 ") {
			t.Fatalf("got %q, want 100", got)
		}
		if _, err := r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, "body"); err != nil {
			t.Fatal(err)
		}
		reply, err := nethttp.ReadResponse(r, nil)
		if err != nil || reply.StatusCode/100 != 2 {
			t.Fatalf("got %v, %v", reply, err)
		}
		if got := put("1000001"); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
			t.Errorf("got %q, want 413 at once", got)
		}
	})
}
