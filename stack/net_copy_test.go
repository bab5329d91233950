package stack

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"tapestry/link/pipe"
)

// noise is n octets that no two places of a stream share.
func noise(n int) []byte {
	r, b := rand.New(rand.NewPCG(1, uint64(n))), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// connected gives both ends of a connection of two hosts, closed with the test.
func connected(t testing.TB, o int) (near, far *TCPConn) {
	t.Helper()
	alpha, beta := pair(t, offloads[o].o)
	c, s := accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(peer4, 0).String())
	t.Cleanup(func() { c.Close(); s.Close() })
	c.SetDeadline(time.Now().Add(testTimeout))
	s.SetDeadline(time.Now().Add(testTimeout))
	return c.(*TCPConn), s.(*TCPConn)
}

// feed sends b on c in pieces and says that this is all.
func feed(t testing.TB, c *TCPConn, b []byte, piece int) {
	go func() { // ends with b or with the connection
		for len(b) > 0 {
			n, err := c.Write(b[:min(piece, len(b))])
			if err != nil {
				return
			}
			b = b[n:]
		}
		c.CloseWrite()
	}()
}

// awkward is a writer that does something else than to take all after so many octets.
type awkward struct {
	bytes.Buffer
	after int
	then  func(p []byte) (int, error)
}

func (a *awkward) Write(p []byte) (int, error) {
	if a.Len()+len(p) <= a.after || a.then == nil {
		return a.Buffer.Write(p)
	}
	then := a.then
	a.then = nil
	return then(p)
}

var errAwkward = errors.New("awkward")

// TestWriteToAwkward: nothing is lost with writers that take a part, fail, or panic: what they did not take is read later.
func TestWriteToAwkward(t *testing.T) {
	tests := []struct {
		name string
		then func(a *awkward, p []byte) (int, error)
		want error
	}{
		{"nothing taken", func(*awkward, []byte) (int, error) { return 0, errAwkward }, errAwkward},
		{"a part taken", func(a *awkward, p []byte) (int, error) { a.Buffer.Write(p[:len(p)/3]); return len(p) / 3, errAwkward }, errAwkward},
		{"all taken and an error", func(a *awkward, p []byte) (int, error) { a.Buffer.Write(p); return len(p), errAwkward }, errAwkward},
		{"short", func(a *awkward, p []byte) (int, error) { a.Buffer.Write(p[:1]); return 1, nil }, io.ErrShortWrite},
		{"more than there is", func(_ *awkward, p []byte) (int, error) { return len(p) + 1, nil }, errInvalidWrite},
		{"less than nothing", func(*awkward, []byte) (int, error) { return -1, nil }, errInvalidWrite},
		{"panic", func(*awkward, []byte) (int, error) { panic(errAwkward) }, errAwkward},
	}
	for o := range offloads {
		near, far := connected(t, o)
		for i, tt := range tests {
			want := noise(300_000 + i)
			go near.Write(want) // ends when the test has read it
			a := &awkward{after: 100_000 + 999*i}
			a.then = func(p []byte) (int, error) { return tt.then(a, p) }
			n, err := writeToRecovered(far, a)
			if !errors.Is(err, tt.want) || tt.name != "panic" && n != int64(a.Len()) {
				t.Errorf("%s, %s: WriteTo = %d, %v, want %d, %v", offloads[o].name, tt.name, n, err, a.Len(), tt.want)
			}
			rest := make([]byte, len(want)-a.Len())
			if _, err := io.ReadFull(far, rest); err != nil {
				t.Fatalf("%s, %s: the rest: %v", offloads[o].name, tt.name, err)
			}
			if got := append(a.Bytes(), rest...); !bytes.Equal(got, want) {
				t.Errorf("%s, %s: the stream differs after %d octets", offloads[o].name, tt.name, same(got, want))
			}
		}
	}
}

// same is how long the common start of a and b is.
func same(a, b []byte) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

func writeToRecovered(c *TCPConn, w io.Writer) (n int64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	return c.WriteTo(w)
}

// TestWriteToExact: all octets in order, whatever the sender's pieces are, up to the end of the stream.
func TestWriteToExact(t *testing.T) {
	for o := range offloads {
		for _, piece := range []int{1, 100, 1448, 10_000, 1 << 20} {
			near, far := connected(t, o)
			want := noise(min(3_000_000, piece*3000))
			feed(t, near, want, piece)
			var got bytes.Buffer
			n, err := far.WriteTo(&got)
			if n != int64(len(want)) || err != nil || !bytes.Equal(got.Bytes(), want) {
				t.Errorf("%s, pieces of %d: WriteTo = %d, %v; the first %d of %d octets are right",
					offloads[o].name, piece, n, err, same(got.Bytes(), want), len(want))
			}
		}
	}
}

// TestWriteToClose: Close in the middle of a slow write neither waits for it nor takes the memory away, and the peer is told.
func TestWriteToClose(t *testing.T) {
	for _, who := range []string{"connection", "host"} {
		near, far := connected(t, 0)
		want := noise(1 << 20)
		feed(t, near, want, len(want))
		in, out, end := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		a := &awkward{after: 200_000}
		a.then = func(p []byte) (int, error) {
			close(in)
			<-out
			return a.Buffer.Write(p)
		}
		go func() { // ends with the connection
			_, err := far.WriteTo(a)
			end <- err
		}()
		<-in
		if who == "host" {
			far.host.Close()
		} else if err := far.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := far.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: second Close: %v, want %v", who, err, net.ErrClosed)
		}
		if _, err := io.Copy(io.Discard, struct{ io.Reader }{near}); err == nil { // the reset
			t.Errorf("%s: the peer was not told", who)
		}
		// What is received meanwhile would take the lent memory if it were free.
		churn(t)
		close(out)
		if err := <-end; !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: WriteTo = %v, want %v", who, err, net.ErrClosed)
		}
		if got := a.Bytes(); !bytes.Equal(got, want[:len(got)]) {
			t.Errorf("%s: the stream differs after %d of %d octets", who, same(got, want), len(got))
		}
		if n := len(far.host.ns.RegisteredEndpoints()); n > 0 && who == "connection" {
			t.Errorf("%d endpoints left", n)
		}
	}
}

// churn has other connections take memory from the pools.
func churn(t *testing.T) {
	near, far := connected(t, 0)
	feed(t, near, make([]byte, 4<<20), 64<<10)
	if n, err := io.Copy(io.Discard, struct{ io.Reader }{far}); n != 4<<20 || err != nil {
		t.Errorf("churn: %d, %v", n, err)
	}
}

// TestWriteToDeadline: a deadline ends WriteTo, and the next one goes on where it was.
func TestWriteToDeadline(t *testing.T) {
	near, far := connected(t, 0)
	want := noise(100_000)
	near.Write(want[:50_000])
	var got bytes.Buffer
	far.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := far.WriteTo(&got); n != 50_000 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("WriteTo = %d, %v, want 50000 and a timeout", n, err)
	}
	far.SetReadDeadline(time.Now().Add(testTimeout))
	feed(t, near, want[50_000:], 7000)
	if n, err := far.WriteTo(&got); n != 50_000 || err != nil || !bytes.Equal(got.Bytes(), want) {
		t.Errorf("WriteTo = %d, %v; the first %d of 100000 octets are right", n, err, same(got.Bytes(), want))
	}
}

// TestReadFromExact: all octets of every kind of reader arrive, and a reader that can be placed stands behind what was sent.
func TestReadFromExact(t *testing.T) {
	want := noise(1_500_000)
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, want, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	memory := bytes.NewReader(want)
	tests := []struct {
		name string
		r    io.Reader
		left int // of want, that r does not give
	}{
		{"file", file, 0},
		{"memory", memory, 0},
		{"text", strings.NewReader(string(want)), 0},
		{"a part", &io.LimitedReader{R: memory, N: 700_001}, len(want) - 700_001},
		{"more than all", &io.LimitedReader{R: memory, N: 1 << 40}, 0},
		{"a section", io.NewSectionReader(file, 0, 99_999), len(want) - 99_999},
		{"buffer", bytes.NewBuffer(bytes.Clone(want)), 0},
		{"octets", iotest.OneByteReader(bytes.NewReader(want[:3000])), len(want) - 3000},
		{"halves", iotest.HalfReader(bytes.NewReader(want)), 0},
		{"data with its end", iotest.DataErrReader(bytes.NewReader(want)), 0},
		{"nothing", strings.NewReader(""), len(want)},
	}
	for o := range offloads {
		for _, tt := range tests {
			for _, s := range []io.Seeker{file, memory} {
				s.Seek(0, io.SeekStart)
			}
			if s, ok := tt.r.(io.Seeker); ok {
				s.Seek(0, io.SeekStart)
			} else if o > 0 && tt.name != "a part" {
				continue // used up
			}
			if l, ok := tt.r.(*io.LimitedReader); ok && o > 0 {
				l.N = 700_001
			}
			near, far := connected(t, o)
			got := collect(far)
			n, err := near.ReadFrom(tt.r)
			near.CloseWrite()
			part := want[:len(want)-tt.left]
			if b := <-got; n != int64(len(part)) || err != nil || !bytes.Equal(b, part) {
				t.Errorf("%s, %s: ReadFrom = %d, %v, want %d; the first %d of %d octets are right",
					offloads[o].name, tt.name, n, err, len(part), same(b, part), len(b))
			}
			if s, ok := tt.r.(io.Seeker); ok {
				if at, _ := s.Seek(0, io.SeekCurrent); at != n {
					t.Errorf("%s: stands at %d, want %d", tt.name, at, n)
				}
			}
			if l, ok := tt.r.(*io.LimitedReader); ok && tt.name == "a part" && l.N != 0 {
				t.Errorf("%s: %d left, want 0", tt.name, l.N)
			}
		}
	}
}

// collect gives what c receives until its end.
func collect(c *TCPConn) <-chan []byte {
	got := make(chan []byte, 1)
	go func() { // ends with the connection
		b, _ := io.ReadAll(struct{ io.Reader }{c})
		got <- b
	}()
	return got
}

// cut is a file that becomes shorter while it is sent, or cannot be read from some place on.
type cut struct {
	of  *bytes.Reader
	at  int64
	err error
}

func (c *cut) Seek(off int64, whence int) (int64, error) { return c.of.Seek(off, whence) }

func (c *cut) ReadAt(p []byte, off int64) (int, error) {
	if off >= c.at {
		return 0, c.err
	}
	n, err := c.of.ReadAt(p[:min(int64(len(p)), c.at-off)], off)
	if n < len(p) {
		err = c.err
	}
	return n, err
}

func (c *cut) Read(p []byte) (int, error) {
	at, _ := c.Seek(0, io.SeekCurrent)
	n, err := c.ReadAt(p, at)
	c.Seek(int64(n), io.SeekCurrent)
	return n, err
}

func TestReadFromCut(t *testing.T) {
	want := noise(1_000_000)
	for _, tt := range []struct {
		name string
		at   int64
		err  error
		want error
	}{
		{"cut short", 500_003, io.EOF, nil},
		{"cut at once", 0, io.EOF, nil},
		{"unreadable", 400_001, errAwkward, errAwkward},
	} {
		near, far := connected(t, 0)
		got := collect(far)
		n, err := near.ReadFrom(&cut{bytes.NewReader(want), tt.at, tt.err})
		near.CloseWrite()
		if b := <-got; n != tt.at || !errors.Is(err, tt.want) || !bytes.Equal(b, want[:tt.at]) {
			t.Errorf("%s: ReadFrom = %d, %v, want %d, %v; %d octets arrived", tt.name, n, err, tt.at, tt.want, len(b))
		}
	}
}

// TestReadFromEnds: a deadline and Close end ReadFrom, and the file stands behind what was sent.
func TestReadFromEnds(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(c *TCPConn)
		want error
	}{
		{"deadline", func(c *TCPConn) { c.SetWriteDeadline(time.Now().Add(20 * time.Millisecond)) }, os.ErrDeadlineExceeded},
		{"close", func(c *TCPConn) { time.AfterFunc(20*time.Millisecond, func() { c.Close() }) }, net.ErrClosed},
	} {
		want := bytes.Repeat(noise(65_537), 256) // more than both ends' buffers hold
		r := bytes.NewReader(want)
		near, far := connected(t, 0)
		tt.end(near)
		n, err := near.ReadFrom(r) // nobody reads at the far end: it blocks
		if at, _ := r.Seek(0, io.SeekCurrent); at != n || n == 0 || !errors.Is(err, tt.want) {
			t.Errorf("%s: ReadFrom = %d, %v, at %d; want %v", tt.name, n, err, at, tt.want)
		}
		near.Close()
		b, err := io.ReadAll(struct{ io.Reader }{far})
		if int64(len(b)) != n || err != nil || !bytes.Equal(b, want[:n]) {
			t.Errorf("%s: %d octets arrived, %v, want %d", tt.name, len(b), err, n)
		}
	}
}

// TestRelay: a connection copied into another, both ways of copying at once.
func TestRelay(t *testing.T) {
	near, middle := connected(t, 0)
	onward, far := connected(t, 1)
	want := noise(2_000_000)
	feed(t, near, want, 30_000)
	go func() { // ends with the stream
		io.Copy(onward, middle)
		onward.CloseWrite()
	}()
	if b := <-collect(far); !bytes.Equal(b, want) {
		t.Errorf("the first %d of %d octets are right", same(b, want), len(b))
	}
}

// maxCopyAllocs are the engine's: a list of one for each packet that it sends, data and acknowledgement.
const maxCopyAllocs = 2

// TestWriteToNoAllocation: what is received costs no garbage on its way to the writer.
func TestWriteToNoAllocation(t *testing.T) {
	alpha, beta := pair(t, pipe.AllOffloads)
	c, s := accepted(t, alpha, beta, "tcp", netip.AddrPortFrom(peer4, 0).String())
	defer c.Close()
	defer s.Close()
	k := new(copier)
	block := make([]byte, 60_000)
	far := s.(*TCPConn)
	got := testing.AllocsPerRun(100, func() {
		c.Write(block)
		for n := 0; n < len(block); {
			far.read.Lock()
			m, err := far.lend(k, io.Discard)
			far.read.Unlock()
			if err != nil {
				t.Fatal(err)
			}
			n += m
		}
	})
	if got > maxCopyAllocs && !raceEnabled {
		t.Errorf("%v allocations for 60,000 octets, want at most %d", got, maxCopyAllocs)
	}
}
