package e2e

import (
	"strings"
	"testing"
)

// webLab has a web server with everything on that curl can try.
const webLab = `
[tap.tap0]
address = ["198.51.100.1/24", "2001:db8:51::1/64"]

[host.alpha]
  [[host.alpha.interface]]
  tap     = "tap0"
  address = ["198.51.100.2/24", "2001:db8:51::2/64"]
  [host.alpha.app.http]
  root    = "www"
  listing = true
  cgi     = { "/cgi-bin/" = "bin" }
  methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"]
`

func webFiles() map[string]string {
	return map[string]string{
		"www/digits.txt":  "0123456789",
		"www/sub/one.txt": "one\n",
		"secret.txt":      "do not show\n",
		"bin/hello": `#!/bin/sh
printf 'Content-Type: text/plain\r\nX-From: cgi\r\n\r\n'
echo "$REQUEST_METHOD $QUERY_STRING $REMOTE_ADDR $GATEWAY_INTERFACE"
cat
`,
	}
}

// TestHTTP runs one curl a row; what it prints must hold what is wanted.
func TestHTTP(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	l := startLab(t, webLab, options{files: webFiles()})
	l.sh(t, "ln -s ../secret.txt www/link.txt; ln -s /etc www/etc")
	const status, u, tls = ` -o /dev/null -w '%{http_code}'`, " http://198.51.100.2", " --cacert $TAPESTRY_CA https://198.51.100.2"
	tests := []struct {
		name, args string
		want       []string
	}{
		{"whole file", u + "/digits.txt", []string{"0123456789"}},
		{"range", "-i -r 2-5" + u + "/digits.txt", []string{" 206 ", "Content-Range: bytes 2-5/10", "\n2345"}},
		{"last octets", "-i -r -3" + u + "/digits.txt", []string{" 206 ", "bytes 7-9/10", "\n789"}},
		{"two ranges", "-i -r 0-1,8-9" + u + "/digits.txt", []string{" 206 ", "multipart/byteranges", "bytes 0-1/10", "\n01\r", "bytes 8-9/10", "\n89\r"}},
		{"range beyond the end", "-i -r 10-" + u + "/digits.txt", []string{" 416 ", "bytes */10"}},
		{"not modified since", "-z www/digits.txt" + status + u + "/digits.txt", []string{"304"}},
		{"modified since", "-z '2001-01-01'" + u + "/digits.txt", []string{"0123456789"}},
		{"matching ETag", "--etag-save e" + u + "/digits.txt; curl -sS --etag-compare e" + status + u + "/digits.txt", []string{"304"}},
		{"failed precondition", `-H 'If-Match: "other"'` + status + u + "/digits.txt", []string{"412"}},
		{"head", "-I" + u + "/digits.txt", []string{" 200 ", "Content-Length: 10\r"}},
		{"listing", u + "/sub/", []string{"one.txt"}},
		{"folder without slash", "-i" + u + "/sub", []string{" 301 ", "/sub/"}},
		{"no such file", status + u + "/none", []string{"404"}},
		{"unknown method", "-X BREW -i" + u + "/digits.txt", []string{" 50"}},
		{"options", "-i -X OPTIONS" + u + "/digits.txt", []string{"Allow: ", "PUT", "TRACE"}},
		{"trace", "-i -X TRACE -H 'X-Mark: seen'" + u + "/digits.txt", []string{"message/http", "TRACE /digits.txt HTTP/1.1", "X-Mark: seen"}},
		{"put and get", "-T www/digits.txt -w '%{http_code} '" + u + "/put.txt; curl -sS" + u + "/put.txt", []string{"201 ", "0123456789"}},
		{"delete", "-X DELETE" + status + u + "/put.txt; curl -sS" + status + u + "/put.txt", []string{"204404"}},
		{"CGI", "-i" + u + "'/cgi-bin/hello?a=b'", []string{"X-From: cgi", "GET a=b 198.51.100.1 CGI/1.1"}},
		{"CGI with a body", "-d body" + u + "/cgi-bin/hello", []string{"POST ", "\nbody"}},
		{"CGI over IPv6", "'http://[2001:db8:51::2]/cgi-bin/hello'", []string{"2001:db8:51::1 CGI/1.1"}},
		{"HTTP/2", "--http2 -w ' version %{http_version}'" + tls + "/digits.txt", []string{"0123456789 version 2"}},
		{"HTTP/1.1 over TLS", "--http1.1 -w ' version %{http_version}'" + tls + "/digits.txt", []string{"0123456789 version 1.1"}},
		{"TLS over IPv6", "--cacert $TAPESTRY_CA 'https://[2001:db8:51::2]/digits.txt'", []string{"0123456789"}},
		{"two requests on a connection", "-w '%{num_connects} '" + u + "/digits.txt" + u + "/sub/one.txt", []string{"1 one", "0 "}},
		{"dots lead nowhere", "--path-as-is" + status + u + "/../secret.txt", []string{"40"}},
		{"nor do escaped dots", "--path-as-is" + status + u + "/%2e%2e/secret.txt", []string{"40"}},
		{"nor escaped slashes", "--path-as-is" + status + u + "/..%2fsecret.txt", []string{"40"}},
		{"nor symbolic links", status + u + "/link.txt", []string{"40"}},
		{"of folders", status + u + "/etc/passwd", []string{"40"}},
		{"nor beside a program", "--path-as-is" + status + u + "/cgi-bin/../../secret.txt", []string{"40"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := l.sh(t, "curl -sS "+tt.args)
			for _, want := range tt.want {
				if !strings.Contains(out, want) {
					t.Errorf("curl %s gives no %q:\n%s", tt.args, want, out)
				}
			}
			if strings.Contains(out, "do not show") {
				t.Errorf("curl %s shows a file outside of the root", tt.args)
			}
		})
	}
}

// TestHTTPMethodNotAllowed holds that a method which is not configured changes nothing.
func TestHTTPMethodNotAllowed(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	out := mustRun(t, "", `curl -sS -i -X PUT -d x http://198.51.100.2/a; curl -sS -i -X TRACE http://198.51.100.2/`, options{})
	if strings.Count(out, "HTTP/1.1 405 ") != 2 || strings.Count(out, "Allow: GET, HEAD, OPTIONS") != 2 {
		t.Errorf("want 405 with Allow twice:\n%s", out)
	}
}

// TestHTTPMalformed sends what no client of ours would.
func TestHTTPMalformed(t *testing.T) {
	t.Parallel()
	need(t, "nc")
	l := startLab(t, "", options{})
	tests := []struct{ name, request, want string }{
		{"good", `GET / HTTP/1.1\r\nHost: alpha\r\nConnection: close\r\n\r\n`, "HTTP/1.1 200 "},
		{"HTTP/1.0", `GET / HTTP/1.0\r\n\r\n`, "HTTP/1.0 200 "},
		{"space before the colon", `GET / HTTP/1.1\r\nHost : alpha\r\n\r\n`, "HTTP/1.1 400 "},
		{"space before the colon of another field", `GET / HTTP/1.1\r\nHost: alpha\r\nX-A : b\r\n\r\n`, "HTTP/1.1 400 "},
		{"no Host", `GET / HTTP/1.1\r\n\r\n`, "HTTP/1.1 400 "},
		{"two Hosts", `GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`, "HTTP/1.1 400 "},
		{"no HTTP", `hello\r\n\r\n`, "HTTP/1.1 400 "},
		{"another version", `GET / HTTP/3.0\r\nHost: a\r\n\r\n`, "HTTP/1.1 505 "},
		{"two lengths", `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx`, "HTTP/1.1 400 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out := l.sh(t, "printf '"+tt.request+"' | nc -N -w5 198.51.100.2 80")
			if !strings.HasPrefix(out, tt.want) {
				t.Errorf("%s is answered\n%s\nwant %s", tt.request, out, tt.want)
			}
		})
	}
}

// TestHTTPLargeBodies moves 100 MB each way, while a slow reader has one too.
func TestHTTPLargeBodies(t *testing.T) {
	t.Parallel()
	need(t, "curl", "sha256sum")
	out := mustRun(t, webLab, `
head -c 100000000 /dev/urandom >big
cp big www/big
curl -sS --limit-rate 20k -o slow http://198.51.100.2/big & slow=$!
curl -fsS -T big http://198.51.100.2/put4
curl -fsS --cacert $TAPESTRY_CA -T big 'https://[2001:db8:51::2]/put6'
sha256sum <big
curl -fsS http://198.51.100.2/big | sha256sum
curl -fsS 'http://[2001:db8:51::2]/big' | sha256sum
curl -fsS --http2 --cacert $TAPESTRY_CA https://198.51.100.2/big | sha256sum
sha256sum <www/put4
sha256sum <www/put6
kill -0 $slow
kill $slow
test $(wc -c <slow) -lt 100000000
cmp -n $(wc -c <slow) slow big
`, options{files: webFiles()})
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 6 {
		t.Fatalf("want 6 sums, got\n%s", out)
	}
	for _, l := range lines {
		if l != lines[0] {
			t.Fatalf("a body was changed under way:\n%s", out)
		}
	}
}
