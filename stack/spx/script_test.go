package spx

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapestry/internal/ipxwire"
)

var update = flag.Bool("update", false, "rewrite what testdata expects to be sent")

// TestScripts carries out testdata/*.txt: one end is ours, the other is the script. A line is a time in seconds and
//
//	> packet            that we send, at that time and next
//	< packet            that the other end sends
//	app ...             what the program does, or finds
//
// and a packet is control:stream source>destination sequence acknowledge allocation, then for SPX II size=, then the
// data: quoted, or as a number of octets that are zero. What is behind # is for the reader, and so is a blank line.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) { runScript(t, f) })
	}
}

// script is one run of a file.
type script struct {
	*testing.T
	w    *world
	l    *listener
	s    *session
	file string
	line int
	sent []string // by us, and not expected yet
	out  bytes.Buffer
}

func runScript(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sc := &script{T: t, file: file}
	sc.start(string(text))
	for line := range strings.Lines(string(text)) {
		sc.line++
		sc.step(strings.TrimSuffix(line, "\n"))
	}
	sc.flush()
	if *update {
		if err := os.WriteFile(file, sc.out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// start makes our end, by the words of a line "# config ...".
func (sc *script) start(text string) {
	c := Config{Window: 8}
	if strings.Contains(text, "# config spx1") {
		c.NoSPX2 = true
	}
	sc.w = newWorld(sc.T, 1, c)
	sc.w.cut = true
	sc.w.ends[0].m.c.Random = func() uint32 { return 0x235c }
	sc.w.log = func(_ int, h Header) {
		sc.sent = append(sc.sent, fmt.Sprintf("%.3f > %s", sc.w.now.Sub(epoch).Seconds(), packetText(h)))
	}
}

func (sc *script) fatalf(format string, args ...any) {
	sc.Helper()
	sc.Fatalf("%s:%d: %s", sc.file, sc.line, fmt.Sprintf(format, args...))
}

// packetText is a packet as the scripts have it.
func packetText(h Header) string {
	s := fmt.Sprintf("%02x:%02x %04x>%04x %d %d %d", uint8(h.Control()), h.Stream(), h.SourceID(), h.DestinationID(),
		h.Sequence(), h.Acknowledge(), h.Allocation())
	if h.isSized() {
		s += fmt.Sprintf(" size=%d", h.Size())
	}
	switch d := h.Data(); {
	case len(d) == 0:
	case bytes.Count(d, []byte{0}) == len(d):
		s += fmt.Sprintf(" %d", len(d))
	default:
		s += fmt.Sprintf(" %q", d)
	}
	return s
}

// step carries out a line.
func (sc *script) step(line string) {
	code, _, _ := strings.Cut(line, "#")
	words := strings.Fields(code)
	if len(words) == 0 {
		sc.keep(line)
		return
	}
	if len(words) < 3 {
		sc.fatalf("want a time, one of < > app, and more")
	}
	at, err := strconv.ParseFloat(words[0], 64)
	if err != nil {
		sc.fatalf("%v", err)
	}
	sc.w.run(epoch.Add(time.Duration(math.Round(at*1e6))*time.Microsecond).Sub(sc.w.now), nil)
	rest := strings.TrimSpace(code[strings.Index(code, words[1])+len(words[1]):])
	switch words[1] {
	case ">":
		if !*update {
			sc.expect(words[0] + " > " + rest)
		}
		return
	case "<":
		sc.flush()
		sc.inject(rest)
	case "app":
		sc.flush()
		sc.app(words[2], strings.TrimSpace(strings.TrimPrefix(rest, words[2])))
	default:
		sc.fatalf("%q is none of < > app", words[1])
	}
	sc.w.check()
	sc.keep(line)
}

// keep copies a line to the file that -update writes.
func (sc *script) keep(line string) { sc.out.WriteString(line + "\n") }

// expect takes the next packet that we sent.
func (sc *script) expect(want string) {
	if len(sc.sent) == 0 {
		sc.fatalf("nothing was sent, want %s", want)
	}
	if sc.sent[0] != want {
		sc.fatalf("\nsent %s\nwant %s", sc.sent[0], want)
	}
	sc.sent = sc.sent[1:]
}

// flush is before something else happens: everything that was sent must have been expected.
func (sc *script) flush() {
	for _, p := range sc.sent {
		if !*update {
			sc.fatalf("sent, and not expected: %s", p)
		}
		sc.keep(p)
	}
	sc.sent = nil
}

var (
	scriptOurs   = ipxwire.Addr{Net: testNet, Node: testNodes[0], Socket: ipxwire.SocketDynamic}
	scriptTheirs = target
)

// inject delivers a packet of the other end. Words before the packet change its addresses.
func (sc *script) inject(text string) {
	to, from, f, data := scriptOurs, scriptTheirs, Fields{}, []byte(nil)
	for _, w := range strings.Fields(text) {
		switch w {
		case "from-node":
			from.Node = ipxwire.Node{2, 0, 0, 0, 0, 9}
		case "from-socket":
			from.Socket = 0x5002
		case "to-all":
			to.Node = ipxwire.Broadcast
		default:
			continue
		}
		text = strings.TrimSpace(strings.TrimPrefix(text, w))
	}
	if i := strings.IndexByte(text, '"'); i >= 0 {
		s, err := strconv.Unquote(text[i:])
		if err != nil {
			sc.fatalf("%s: %v", text[i:], err)
		}
		data, text = []byte(s), text[:i]
	}
	n, err := fmt.Sscanf(text, "%x:%x %x>%x %d %d %d", &f.Control, &f.Stream, &f.Source, &f.Destination, &f.Sequence,
		&f.Acknowledge, &f.Allocation)
	if err != nil {
		sc.fatalf("%q: %d values, %v", text, n, err)
	}
	for _, w := range strings.Fields(text)[5:] {
		if v, ok := strings.CutPrefix(w, "size="); ok {
			size, _ := strconv.ParseUint(v, 10, 16)
			f.Size = uint16(size)
		} else if pad, err := strconv.Atoi(w); err == nil {
			data = make([]byte, pad)
		} else {
			sc.fatalf("%q", w)
		}
	}
	b := ipxwire.Fields{Type: ipxwire.TypeSPX, Destination: to, Source: from}.AppendTo(nil, f.Len()+len(data))
	h := ipxwire.Header(append(f.AppendTo(b), data...))
	sc.w.at(0).receive(sc.w.now, 0, h, from, to)
}

// app does what a program does, or checks what it finds.
func (sc *script) app(what, arg string) {
	m := sc.w.at(0)
	var err error
	switch what {
	case "dial":
		if sc.s, err = m.dial(scriptTheirs); err == nil {
			sc.s.client = &user{}
		}
	case "listen":
		sc.l, err = m.listen(scriptOurs.Socket, func() {})
	case "unlisten":
		sc.l.close()
	case "accept":
		if sc.s = sc.l.accept(); sc.s == nil {
			sc.fatalf("nothing to accept")
		}
		sc.s.client = &user{}
	case "none": // waits for accept
		if len(sc.l.queue) != 0 {
			sc.fatalf("%d wait for accept", len(sc.l.queue))
		}
	case "write":
		err = sc.write(arg, MessageInfo{EOM: true})
	case "part":
		err = sc.write(arg, MessageInfo{Type: 7, Attention: true})
	case "read":
		sc.read(arg)
	case "message":
		sc.message(arg)
	case "closewrite":
		err = sc.s.closeWrite()
	case "close":
		sc.s.client = nil
		sc.s.close()
	case "abort":
		m.close(io.ErrClosedPipe)
	case "state":
		if got := sc.s.state.String(); got != arg {
			sc.fatalf("state %s, want %s", got, arg)
		}
	case "error":
		if sc.s.err == nil || sc.s.err.Error() != arg {
			sc.fatalf("error %v, want %s", sc.s.err, arg)
		}
	case "refused":
		if err := sc.s.canWrite(); err == nil || err.Error() != arg {
			sc.fatalf("write: %v, want %s", err, arg)
		}
	case "stat":
		sc.stat(arg)
	case "port":
		sc.w.ends[0].max, _ = strconv.Atoi(arg)
	case "jump":
		sc.jump(arg)
	default:
		sc.fatalf("%q is nothing that a program does", what)
	}
	if err != nil {
		sc.fatalf("%s: %v", what, err)
	}
}

func (sc *script) write(arg string, m MessageInfo) error {
	var b []byte
	if n, err := strconv.Atoi(arg); err == nil {
		b = make([]byte, n)
	} else if s, err := strconv.Unquote(arg); err == nil {
		b = []byte(s)
	} else {
		sc.fatalf("write %s: want a string or a number of octets", arg)
	}
	_, all, err := sc.s.write(b, m)
	if err == nil && !all {
		sc.fatalf("write: no room")
	}
	return err
}

// read wants a quoted string, EOF, nothing, or the text of an error.
func (sc *script) read(want string) {
	b := make([]byte, 100)
	n, err := sc.s.read(b)
	got := strconv.Quote(string(b[:n]))
	switch err {
	case nil:
	case errAgain:
		got = "nothing"
	default:
		got = err.Error()
	}
	if got != want {
		sc.fatalf("read %s, want %s", got, want)
	}
}

func (sc *script) message(want string) {
	b := make([]byte, 100)
	n, m, err := sc.s.readMessage(b)
	got := fmt.Sprintf("%q type %d eom %v attention %v", b[:n], m.Type, m.EOM, m.Attention)
	if err != nil {
		got = err.Error()
	}
	if got != want {
		sc.fatalf("message %s, want %s", got, want)
	}
}

// stat wants a counter's name and value.
func (sc *script) stat(arg string) {
	name, value, _ := strings.Cut(arg, " ")
	for _, s := range sc.w.ends[0].m.list() {
		if s.Name == name {
			if fmt.Sprint(s.Value) != value {
				sc.fatalf("%s is %d, want %s", name, s.Value, value)
			}
			return
		}
	}
	sc.fatalf("no counter %s", name)
}

// jump sets the numbers of a connection that has sent and received nothing, to be near the end of their range.
func (sc *script) jump(arg string) {
	n, err := strconv.ParseUint(arg, 10, 16)
	if err != nil {
		sc.fatalf("%v", err)
	}
	sc.s.jump(uint16(n))
}

// jump has both directions of an unused connection go on at a number.
func (s *session) jump(n uint16) {
	t, r := &s.send, &s.recv
	t.alloc += n - t.una
	t.una, t.nxt, t.top, t.end, t.recover = n, n, n, n, n
	r.read, r.nxt, r.told = n, n, r.told+n
}
