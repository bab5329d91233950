package http

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	ok      = "printf 'Content-Type: text/plain\\r\\n\\r\\n'\n"
	shebang = "#!/bin/sh\n"
)

// programsFolder has the programs of the tests.
func programsFolder(t *testing.T) string {
	return folder(t, map[string]string{
		"www/page.txt":       "the page",
		"www/cgi-bin/env":    shebang + ok + "env | sort\npwd\n",
		"www/cgi-bin/cat":    shebang + ok + "cat\n",
		"www/cgi-bin/count":  shebang + ok + "wc -c\n",
		"www/cgi-bin/deaf":   shebang + ok + "echo deaf\n",
		"www/cgi-bin/404":    shebang + "printf 'Status: 404 Lost\\nContent-Type: text/plain\\nX-A: 1\\nX-A: 2\\nConnection: x\\n\\nlost'\n",
		"www/cgi-bin/local":  shebang + "printf 'Location: /page.txt\\n\\n'\n",
		"www/cgi-bin/away":   shebang + "printf 'Location: https://www.example.org/\\n\\n'\n",
		"www/cgi-bin/other":  shebang + "printf 'Location: //www.example.org/\\n\\n'\n",
		"www/cgi-bin/round":  shebang + "printf 'Location: /cgi-bin/round\\n\\n'\n",
		"www/cgi-bin/empty":  shebang,
		"www/cgi-bin/head":   shebang + "printf 'Content-Type: text/plain\\n'\n",
		"www/cgi-bin/bad":    shebang + "printf 'Bad Name: x\\n\\n'\n",
		"www/cgi-bin/none":   shebang + "printf 'X-A: 1\\n\\nbody'\n",
		"www/cgi-bin/long":   shebang + "printf 'X-A: '; head -c 100000 /dev/zero | tr '\\0' x; printf '\\n\\n'\n",
		"www/cgi-bin/fail":   shebang + "echo broken >&2\nexit 3\n",
		"www/cgi-bin/loud":   shebang + "head -c 1000000 /dev/zero >&2\n" + ok + "echo done\n",
		"www/cgi-bin/sleep":  shebang + "echo $$ >\"$PWD/pids\"; sleep 1000 & echo $! >>\"$PWD/pids\"\n" + ok + "echo begun\nwait\n",
		"www/cgi-bin/mute":   shebang + "sleep 1000\n",
		"www/cgi-bin/orphan": shebang + "sleep 1000 & echo $! >\"$PWD/pids\"\n" + ok + "echo left\n",
		"www/cgi-bin/flood":  shebang + ok + "cat /dev/zero\n",
		"www/cgi-bin/data":   "not executable",
		"www/cgi-bin/text":   "#!/nonexistent/interpreter\n",
		"www/cgi-bin/sub/x":  shebang + ok,
		"www/cgi-bin/.hid":   shebang + ok,
	})
}

const cgiConfig = `
root = "www"
methods = ["GET", "HEAD", "POST", "OPTIONS"]
cgi = { "/cgi-bin/" = "www/cgi-bin" }
cgi_timeout = "10s"
cgi_path = "/usr/bin:/bin"
cgi_max_output = 30000000
max_body = 20000000
`

func TestCGI(t *testing.T) {
	dir := programsFolder(t)
	if err := os.Symlink("/usr/bin/env", filepath.Join(dir, "www/cgi-bin/link")); err != nil {
		t.Fatal(err)
	}
	large := strings.Repeat("0123456789", 1_000_000)
	tests := []struct {
		name, method, path string
		body               io.Reader
		code               int
		field, value       string
		want               string // body; "*": any
	}{
		{"post", "POST", "/cgi-bin/cat", strings.NewReader("hello"), 200, "Content-Type", "text/plain", "hello"},
		{"chunks", "POST", "/cgi-bin/cat", unsized{strings.NewReader("hello")}, 200, "", "", "hello"},
		{"large", "POST", "/cgi-bin/cat", strings.NewReader(large), 200, "", "", large},
		{"large chunks", "POST", "/cgi-bin/count", unsized{strings.NewReader(large)}, 200, "", "", "10000000\n"},
		{"too large", "POST", "/cgi-bin/cat", strings.NewReader(large + large + "x"), 413, "", "", "*"},
		{"too large chunks", "POST", "/cgi-bin/cat", unsized{strings.NewReader(large + large + "x")}, 413, "", "", "*"},
		{"input not read", "POST", "/cgi-bin/deaf", strings.NewReader(strings.Repeat("x", 200_000)), 200, "", "", "deaf\n"},
		{"head", "HEAD", "/cgi-bin/deaf", nil, 200, "Content-Type", "text/plain", ""},
		{"status", "GET", "/cgi-bin/404", nil, 404, "X-A", "1", "lost"},
		{"no connection fields", "GET", "/cgi-bin/404", nil, 404, "Connection", "", "lost"},
		{"local redirect", "POST", "/cgi-bin/local", strings.NewReader("x"), 200, "Etag", "*", "the page"},
		{"client redirect", "GET", "/cgi-bin/away", nil, 302, "Location", "https://www.example.org/", ""},
		{"other host", "GET", "/cgi-bin/other", nil, 302, "Location", "//www.example.org/", ""},
		{"round and round", "GET", "/cgi-bin/round", nil, 502, "", "", "*"},
		{"no output", "GET", "/cgi-bin/empty", nil, 502, "", "", "*"},
		{"no end of the header", "GET", "/cgi-bin/head", nil, 502, "", "", "*"},
		{"bad field", "GET", "/cgi-bin/bad", nil, 502, "", "", "*"},
		{"no type", "GET", "/cgi-bin/none", nil, 502, "", "", "*"},
		{"long header", "GET", "/cgi-bin/long", nil, 502, "", "", "*"},
		{"failure", "GET", "/cgi-bin/fail", nil, 502, "", "", "*"},
		{"much on standard error", "GET", "/cgi-bin/loud", nil, 200, "", "", "done\n"},
		{"background process", "GET", "/cgi-bin/orphan", nil, 200, "", "", "left\n"},
		{"not executable", "GET", "/cgi-bin/data", nil, 403, "", "", "*"},
		{"no interpreter", "GET", "/cgi-bin/text", nil, 500, "", "", "*"},
		{"absent", "GET", "/cgi-bin/absent", nil, 404, "", "", "*"},
		{"the folder", "GET", "/cgi-bin/", nil, 404, "", "", "*"},
		{"a folder", "GET", "/cgi-bin/sub", nil, 404, "", "", "*"},
		{"in a folder", "GET", "/cgi-bin/sub/x", nil, 404, "", "", "*"},
		{"hidden", "GET", "/cgi-bin/.hid", nil, 404, "", "", "*"},
		{"link", "GET", "/cgi-bin/link", nil, 404, "", "", "*"},
		{"climbing", "GET", "/cgi-bin/%2e%2e/cgi-bin/deaf", nil, 301, "Location", "/cgi-bin/deaf", ""},
		{"PUT", "PUT", "/cgi-bin/cat", strings.NewReader("x"), 405, "Allow", "GET, HEAD, POST, OPTIONS", "*"},
		{"OPTIONS", "OPTIONS", "/cgi-bin/cat", nil, 204, "Allow", "GET, HEAD, POST, OPTIONS", ""},
		{"POST to a file", "POST", "/page.txt", strings.NewReader("x"), 405, "Allow", "GET, HEAD, OPTIONS", "*"},
	}
	serve(t, dir, cgiConfig, func(t *testing.T, s *site) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				if seeker, ok := tt.body.(io.Seeker); ok {
					_, _ = seeker.Seek(0, io.SeekStart) // a strings.Reader can
				} else if u, ok := tt.body.(unsized); ok {
					_, _ = u.Reader.(io.Seeker).Seek(0, io.SeekStart)
				}
				got := s.do(t, tt.method, "http://alpha.lab.example"+tt.path, tt.body)
				v := got.Header.Get(tt.field)
				if got.StatusCode != tt.code || tt.field != "" && v != tt.value && (tt.value != "*" || v == "") {
					t.Errorf("got %d %q, want %d %s: %s", got.StatusCode, got.Header, tt.code, tt.field, tt.value)
				}
				if tt.want != "*" && got.body != tt.want {
					t.Errorf("got %d octets %.100q, want %d octets %.100q", len(got.body), got.body, len(tt.want), tt.want)
				}
			})
		}
		checkGone(t, filepath.Join(dir, "www/cgi-bin/pids"))
	})
}

func TestCGIEnvironment(t *testing.T) {
	dir := programsFolder(t)
	t.Setenv("TAPESTRY_SECRET", "x")
	serve(t, dir, cgiConfig, func(t *testing.T, s *site) {
		got := s.do(t, "POST", "http://alpha.lab.example:80/cgi-bin/env/extra%20path/x?a=b&c=%20d", strings.NewReader("12345"),
			"Content-Type: text/x", "Proxy: evil", "Authorization: Basic eDp5", "X-One: 1", "X-One: 2", "X_One: 3",
			"Cookie: a=1", "Cookie: b=2", "User-Agent: test")
		www, bin := filepath.Join(dir, "www"), filepath.Join(dir, "www/cgi-bin")
		for _, want := range []string{
			"CONTENT_LENGTH=5", "CONTENT_TYPE=text/x", "GATEWAY_INTERFACE=CGI/1.1", "HTTP_COOKIE=a=1; b=2",
			"HTTP_HOST=alpha.lab.example:80", "HTTP_USER_AGENT=test", "HTTP_X_ONE=1, 2", "PATH=/usr/bin:/bin",
			"PATH_INFO=/extra path/x", "PATH_TRANSLATED=" + www + "/extra path/x", "QUERY_STRING=a=b&c=%20d",
			"REQUEST_METHOD=POST", "REQUEST_URI=/cgi-bin/env/extra%20path/x?a=b&c=%20d", "SCRIPT_FILENAME=" + bin + "/env",
			"SCRIPT_NAME=/cgi-bin/env", "SERVER_NAME=alpha.lab.example", "SERVER_PROTOCOL=HTTP/1.1",
			"SERVER_SOFTWARE=" + serverName, bin,
		} {
			if !strings.Contains("\n"+got.body, "\n"+want+"\n") {
				t.Errorf("lacks %q", want)
			}
		}
		if s.OnStack && (!strings.Contains(got.body, "\nREMOTE_ADDR=198.51.100.1\n") || !strings.Contains(got.body, "\nSERVER_PORT=80\n")) {
			t.Error("lacks the addresses")
		}
		for _, not := range []string{"HTTP_PROXY", "AUTHORIZATION", "TAPESTRY_SECRET", "HTTP_CONTENT", "HTTPS="} {
			if strings.Contains(got.body, not) {
				t.Errorf("has %q", not)
			}
		}
		if t.Failed() {
			t.Log(got.body)
		}
	})
}

// checkGone waits until no process of the file's numbers lives.
func checkGone(t *testing.T, file string) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "the end of the program's processes", func() bool { return !alive(pid) })
	}
}

// alive tells if a process is there, and not only waits to be reaped by whoever adopted it.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestCGILimits(t *testing.T) {
	dir := programsFolder(t)
	config := strings.Replace(cgiConfig, "10s", "300ms", 1)
	serve(t, dir, config, func(t *testing.T, s *site) {
		if got := s.do(t, "GET", "/cgi-bin/mute", nil); got.StatusCode != 504 {
			t.Errorf("a program that says nothing: got %d, want 504", got.StatusCode)
		}
		got := s.raw(t, "GET /cgi-bin/sleep HTTP/1.1\r\nHost: alpha\r\n\r\n")
		if !strings.Contains(got, "begun") || strings.HasSuffix(got, "0\r\n\r\n") {
			t.Errorf("a program that does not end: got %q, want a reply that is cut", got)
		}
		checkGone(t, filepath.Join(dir, "www/cgi-bin/pids"))
		if n := s.Counters.Value("http.cgi.timeouts"); n != 2 {
			t.Errorf("cgi.timeouts: got %d, want 2", n)
		}
	})
	config = strings.Replace(cgiConfig, "30000000", "1000000", 1)
	serve(t, dir, config, func(t *testing.T, s *site) {
		got := s.raw(t, "GET /cgi-bin/flood HTTP/1.0\r\n\r\n")
		if len(got) > 1_001_000 {
			t.Errorf("got %d octets, want no more than cgi_max_output", len(got))
		}
		if n := s.Counters.Value("http.cgi.cut"); n != 1 {
			t.Errorf("cgi.cut: got %d, want 1", n)
		}
	})
}

// TestCGIClientGone has the client leave while the program runs.
func TestCGIClientGone(t *testing.T) {
	dir := programsFolder(t)
	serve(t, dir, cgiConfig, func(t *testing.T, s *site) {
		c := s.Dial(t, "tcp", 80)
		if _, err := io.WriteString(c, "GET /cgi-bin/sleep HTTP/1.1\r\nHost: alpha\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		readUntil(t, c, "begun")
		start := time.Now()
		_ = c.Close()
		checkGone(t, filepath.Join(dir, "www/cgi-bin/pids"))
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("it took %v", d)
		}
	})
}

// TestCGIShutdown stops the server while a program runs.
func TestCGIShutdown(t *testing.T) {
	dir := programsFolder(t)
	serve(t, dir, cgiConfig, func(t *testing.T, s *site) {
		c := s.Dial(t, "tcp", 80)
		if _, err := io.WriteString(c, "GET /cgi-bin/sleep HTTP/1.1\r\nHost: alpha\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		readUntil(t, c, "begun")
	})
	checkGone(t, filepath.Join(dir, "www/cgi-bin/pids"))
}

// TestCGILateBody has a client send the body when program and server have given up on it: it must not become a request.
func TestCGILateBody(t *testing.T) {
	dir := programsFolder(t)
	serve(t, dir, cgiConfig, func(t *testing.T, s *site) {
		c := s.Dial(t, "tcp", 80)
		const request = "GET /page.txt HTTP/1.1\r\nHost: alpha\r\n\r\n"
		if _, err := fmt.Fprintf(c, "POST /cgi-bin/deaf HTTP/1.1\r\nHost: alpha\r\nContent-Length: %d\r\n\r\n", len(request)); err != nil {
			t.Fatal(err)
		}
		readUntil(t, c, "deaf")
		eventually(t, "the end of the request", func() bool { return s.Counters.Value("http.requests") == 1 })
		_, _ = io.WriteString(c, request) // the connection may be closed
		if b, _ := io.ReadAll(c); strings.Contains(string(b), "the page") {
			t.Errorf("got %q", b)
		}
	})
}

func readUntil(t *testing.T, r io.Reader, want string) {
	t.Helper()
	for b := bufio.NewReader(r); ; {
		line, err := b.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line, want) {
			return
		}
	}
}

// TestCGIProcesses fills every slot, and has the next request wait for one.
func TestCGIProcesses(t *testing.T) {
	dir := programsFolder(t)
	serve(t, dir, cgiConfig+"cgi_processes = 1\n", func(t *testing.T, s *site) {
		c := s.Dial(t, "tcp", 80)
		if _, err := io.WriteString(c, "GET /cgi-bin/sleep HTTP/1.1\r\nHost: alpha\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		readUntil(t, c, "begun")
		time.AfterFunc(50*time.Millisecond, func() { _ = c.Close() })
		if got := s.do(t, "GET", "/cgi-bin/deaf", nil); got.body != "deaf\n" {
			t.Errorf("got %d %q", got.StatusCode, got.body)
		}
	})
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{
		"Content-Type: text/plain\r\n\r\nbody", "Status: 404 x\n\n", "Location: /x?y\n\n", "Location: http://x\n\n", "\n", "x", "A: b",
		"Content-Type: x\nStatus: 99\n\n", "A\x00: b\n\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readReply(bufio.NewReader(strings.NewReader(string(b))))
		if err != nil {
			return
		}
		if p.local == nil && (p.status < 200 || p.status > 999) {
			t.Errorf("%q: got status %d", b, p.status)
		}
		if p.local != nil {
			if c, err := canonical(p.local); err == nil && !strings.HasPrefix(c, "/") {
				t.Errorf("%q: got %q", b, c)
			}
		}
	})
}

// TestReplyTruncated cuts a head everywhere: it is an error or a shorter body, never a panic.
func TestReplyTruncated(t *testing.T) {
	const whole = "Content-Type: text/plain\r\nStatus: 201 Made\r\n\r\n"
	for i := range len(whole) {
		if p, err := readReply(bufio.NewReader(strings.NewReader(whole[:i]))); err == nil {
			t.Errorf("%q: got %v, want an error", whole[:i], p)
		}
	}
	p, err := readReply(bufio.NewReader(strings.NewReader(whole)))
	if err != nil || p.status != 201 {
		t.Errorf("got %v, %v", p, err)
	}
}
