//go:build linux

package bench

import (
	"bytes"
	"io"
	"net"
	nethttp "net/http"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
)

// script is a connection that says what is written in it.
type script struct{ io.Reader }

func (script) Write(b []byte) (int, error)     { return len(b), nil }
func (script) CloseWrite() error               { return nil }
func (script) Close() error                    { return nil }
func (script) SetPatience(time.Duration) error { return nil }

func TestResponse(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 5\r\n\r\n"
	for _, tt := range []struct {
		name, in string
		body     int
		want     string // in the error
	}{
		{name: "whole", in: head + "hello", body: 5},
		{name: "empty body", in: "HTTP/1.1 200 OK\r\nContent-Length:0\r\n\r\n"},
		{name: "another status", in: "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", want: "404"},
		{name: "no length", in: "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", want: errLength.Error()},
		{name: "negative length", in: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", want: errLength.Error()},
		{name: "no number", in: "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", want: "invalid syntax"},
		{name: "cut in the head", in: head[:30], want: "EOF"},
		{name: "cut in the body", in: head + "hel", want: "EOF"},
		{name: "endless head", in: "HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", 100), want: errHead.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, c := range []conn{script{strings.NewReader(tt.in)}, script{iotest.OneByteReader(strings.NewReader(tt.in))}} {
				r := response{room: make([]byte, 128)}
				err := r.read(c)
				if tt.want == "" && (err != nil || r.body != tt.body) {
					t.Errorf("a body of %d, %v; want %d", r.body, err, tt.body)
				}
				if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
					t.Errorf("%v, want an error with %q", err, tt.want)
				}
			}
		})
	}
}

// TestHTTPGet runs the client against net/http in memory.
func TestHTTPGet(t *testing.T) {
	l := newMemoryListener()
	defer l.Close()
	body := make([]byte, 300_000)
	go nethttp.Serve(l, nethttp.HandlerFunc(func(w nethttp.ResponseWriter, r *nethttp.Request) {
		nethttp.ServeContent(w, r, r.URL.Path, time.Time{}, bytes.NewReader(body))
	}))
	c := &call{net: hostDialer{l}, network: "tcp", to: "198.51.100.2:80", duration: 20 * time.Millisecond, streams: 3}
	r, err := httpGet("large.bin")(c)
	if err != nil || r.Count == 0 || r.Times.Max == 0 {
		t.Errorf("%+v, %v; want requests and their times", r, err)
	}
}

// memoryListener accepts what is dialled.
type memoryListener struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newMemoryListener() *memoryListener {
	return &memoryListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *memoryListener) Dial(string, string) (net.Conn, error) {
	a, b := net.Pipe()
	select {
	case l.conns <- b:
		return a, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Addr() net.Addr { return &net.TCPAddr{} }
func (l *memoryListener) Close() error   { l.close.Do(func() { close(l.done) }); return nil }
