package lean

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// free gives an address of the loopback interface with a port that nobody has.
func free(t *testing.T, network string) netip.AddrPort {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).AddrPort()
}

// pair gives two connected ends. Nothing here blocks for long, since a thread that does would stop the tests' process.
func pair(t *testing.T, network string) (near, far Socket) {
	t.Helper()
	at := free(t, network)
	l, err := Listen(network, at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	if near, err = Dial(network, at); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { near.Close() })
	far = l
	if network == "tcp" {
		if far, err = l.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []Socket{near, far} {
		if err := s.SetPatience(20 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	return near, far
}

func TestStream(t *testing.T) {
	near, far := pair(t, "tcp")
	if n, err := near.Write([]byte("hello")); n != 5 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	b := make([]byte, 16)
	if n, err := far.Read(b); err != nil || string(b[:n]) != "hello" {
		t.Fatalf("Read = %q, %v", b[:n], err)
	}
	if _, err := far.Read(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read of nothing = %v, want a timeout", err)
	}
	if err := near.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := far.Read(b); !errors.Is(err, io.EOF) {
		t.Errorf("a read at the end = %v, want EOF", err)
	}
	if err := far.Close(); err != nil {
		t.Error(err)
	}
	near.Write([]byte("x")) // answered by a reset
	if _, err := near.Write([]byte("x")); !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("a write to nobody = %v, want EPIPE or ECONNRESET", err)
	}
}

func TestDial(t *testing.T) {
	for _, network := range []string{"tcp", "udp"} {
		at := free(t, network)
		s, err := Dial(network, at)
		if network == "tcp" && !errors.Is(err, unix.ECONNREFUSED) {
			t.Errorf("a connection to nobody: %v, want ECONNREFUSED", err)
		}
		if network == "udp" {
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
	}
	if _, err := Listen("tcp", netip.MustParseAddrPort("198.51.100.1:1")); !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("listening on an address of nobody: %v, want EADDRNOTAVAIL", err)
	}
}

// TestBatch: datagrams there and back, many in a call.
func TestBatch(t *testing.T) {
	near, far := pair(t, "udp")
	out, in, back := NewBatch(4, 64), NewBatch(8, 64), NewBatch(4, 64)
	for i := range out.Data {
		copy(out.Data[i], bytes.Repeat([]byte{byte('a' + i)}, 10))
	}
	if n, err := out.Write(near, 4, 10); n != 4 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	n, err := in.Read(far, true)
	if n != 4 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
	if got := string(in.Data[2][:in.Len(2)]); got != "cccccccccc" {
		t.Errorf("the third is %q", got)
	}
	if n, err := in.Reply(far, n); n != 4 || err != nil {
		t.Fatalf("Reply = %d, %v", n, err)
	}
	if n, err := back.Read(near, false); n != 4 || err != nil || back.Len(3) != 10 || back.Data[3][0] != 'd' {
		t.Fatalf("Read = %d, %v: %q", n, err, back.Data[3])
	}
	in.SameName()
	if n, err := in.SendTo(far, 20); n != 8 || err != nil {
		t.Fatalf("SendTo = %d, %v", n, err)
	}
	for got := 0; got < 8; {
		n, err := back.Read(near, false)
		if err != nil || back.Len(0) != 20 {
			t.Fatalf("Read = %d, %v, %d octets", n, err, back.Len(0))
		}
		got += n
	}
	if _, err := back.Read(near, false); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a read of nothing = %v, want a timeout", err)
	}
}

func TestFile(t *testing.T) {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(p[0])
	if n, err := File(p[1]).Write([]byte("x")); n != 1 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if err := AwaitInput(p[0]); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2)
	if n, err := File(p[0]).Read(b); n != 1 || err != nil || b[0] != 'x' {
		t.Errorf("Read = %q, %v", b[:n], err)
	}
	unix.Close(p[1])
	if _, err := File(p[1]).Write(b); !errors.Is(err, unix.EBADF) {
		t.Errorf("a write to a closed file: %v, want EBADF", err)
	}
}

// TestNoAllocation: a round trip allocates nothing, since its process may never collect garbage.
func TestNoAllocation(t *testing.T) {
	near, far := pair(t, "tcp")
	b := make([]byte, 1)
	if n := testing.AllocsPerRun(100, func() { near.Write(b); far.Read(b) }); n != 0 {
		t.Errorf("a write and a read allocate %v times", n)
	}
	near, far = pair(t, "udp")
	batch := NewBatch(4, 64)
	if n := testing.AllocsPerRun(100, func() { batch.Write(near, 4, 64); batch.Read(far, true) }); n != 0 {
		t.Errorf("a batch each way allocates %v times", n)
	}
}
