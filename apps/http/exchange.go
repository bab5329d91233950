package http

import (
	"errors"
	"io"
	nethttp "net/http"
	"sync"
	"time"
)

// response is the writer of a reply: it remembers what was sent, and bounds how long a client may take for it. On
// HTTP/1 the connection does that; on HTTP/2 a stream can stand still while the connection moves.
type response struct {
	nethttp.ResponseWriter
	control *nethttp.ResponseController
	stream  bool // of HTTP/2
	timeout time.Duration
	status  int
	bytes   int64
}

func newResponse(w nethttp.ResponseWriter, r *nethttp.Request, timeout time.Duration) *response {
	return &response{
		ResponseWriter: w, control: nethttp.NewResponseController(w), stream: r.ProtoMajor >= 2, timeout: timeout,
	}
}

// Unwrap is for [nethttp.ResponseController].
func (w *response) Unwrap() nethttp.ResponseWriter { return w.ResponseWriter }

func (w *response) WriteHeader(code int) {
	if code >= 200 && w.status == 0 {
		w.status = code
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *response) Write(b []byte) (int, error) {
	w.begin()
	n, err := w.ResponseWriter.Write(b)
	w.end(int64(n))
	return n, err
}

// ReadFrom lets files go straight to the connection.
func (w *response) ReadFrom(r io.Reader) (int64, error) {
	if f, ok := w.ResponseWriter.(io.ReaderFrom); ok && !w.stream {
		w.begin()
		n, err := f.ReadFrom(r)
		w.end(n)
		return n, err
	}
	b := copyBuffers.Get().(*[copyBuffer]byte)
	defer copyBuffers.Put(b)
	return io.CopyBuffer(onlyWriter{w}, r, b[:])
}

func (w *response) flush() {
	w.begin()
	_ = w.control.Flush() // the next write tells
	w.end(0)
}

func (w *response) begin() {
	if w.status == 0 {
		w.status = 200
	}
	if w.stream {
		_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout)) // every HTTP/2 writer has it
	}
}

func (w *response) end(n int64) {
	w.bytes += n
	if w.stream {
		_ = w.control.SetWriteDeadline(time.Time{})
	}
}

// finish bounds what net/http still has to send when the handler returned.
func (w *response) finish() {
	if w.stream {
		_ = w.control.SetWriteDeadline(time.Now().Add(w.timeout))
	}
}

// body is the body of a request that must make progress. The deadline is armed before anybody reads, because net/http
// itself reads what a handler leaves.
type body struct {
	io.ReadCloser
	control *nethttp.ResponseController
	timeout time.Duration

	mu      sync.Mutex
	begun   bool // somebody read, so that a client that expects 100 has got it
	got     int  // since the deadline was set
	settled bool // it was read to its end or stopped: the deadline is another's
}

func newBody(w *response, r *nethttp.Request, timeout time.Duration) *body {
	b := &body{ReadCloser: r.Body, control: w.control, timeout: timeout}
	b.arm(time.Now().Add(timeout))
	return b
}

func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	b.begun = true
	b.mu.Unlock()
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.got += n; b.settled {
		return n, err
	}
	switch {
	case errors.Is(err, io.EOF):
		b.settled = true
		b.arm(time.Time{}) // the next request, or a client that goes away, is waited for otherwise
	case err == nil && b.got >= minProgress:
		b.got = 0
		b.arm(time.Now().Add(b.timeout))
	}
	return n, err
}

// stop ends a Read that waits, and the connection of HTTP/1 after the reply.
func (b *body) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.settled {
		b.settled = true
		b.arm(time.Now())
	}
}

func (b *body) arm(t time.Time) { _ = b.control.SetReadDeadline(t) } // net/http's writers all have it

// isOwed tells if the client is sending what nobody reads.
func (b *body) isOwed(r *nethttp.Request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.settled && (b.begun || r.Header.Get("Expect") == "")
}

// lingerTime is how long a refused body is read away, if it makes progress.
const lingerTime = 10 * time.Second

// linger reads a body away for a while after its request was refused: else closing would reset the connection, and the
// client could lose the reply: RFC 9112 §9.6.
func (b *body) linger() {
	t := time.AfterFunc(lingerTime, b.stop)
	defer t.Stop()
	_, _ = io.Copy(io.Discard, b) // it is refused anyway
}
