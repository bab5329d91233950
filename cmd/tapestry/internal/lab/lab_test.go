package lab

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"tapestry/apps"
	"tapestry/apps/all"
	"tapestry/cmd/tapestry/internal/control"
	"tapestry/link"
	"tapestry/link/ethernet"
	"tapestry/link/pipe"
	"tapestry/stack"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start brings a lab up on cables in memory, and gives a host at the far end of its first wire.
//
//	alpha (198.51.100.2, 2001:db8:51::2) ── tap0 ── kernel (198.51.100.1, 2001:db8:51::1)
func start(t *testing.T, text string, caFile string) (*Lab, *stack.Host) {
	t.Helper()
	p, err := Load("lab.toml", []byte(text), all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	kernel, err := stack.New(stack.Config{Name: "kernel"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kernel.Close() })
	l, err := Start(p, Config{CAFile: caFile, open: func(w *Wire, addr ethernet.Addr) (link.Device, chosen, func() error, error) {
		near, far := pipe.New(pipe.Config{Addrs: [2]ethernet.Addr{addr, {2, 0, 0, 0, 0, 9}}})
		_, err := kernel.AddInterface(far, stack.InterfaceConfig{Addresses: w.Addresses})
		return near, chosen{"pipe", "a test"}, nil, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, kernel
}

func within(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestDefaultLab(t *testing.T) {
	p, err := LoadFile("", all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Hosts[0].Apps) != len(all.Apps) {
		t.Errorf("the default lab has %d apps of %d", len(p.Hosts[0].Apps), len(all.Apps))
	}
	if err := Check(p); err != nil {
		t.Error(err)
	}
}

func TestServes(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	_, kernel := start(t, string(defaultLab), ca)
	for _, addr := range []string{"198.51.100.2:7", "[2001:db8:51::2]:7"} {
		c, err := kernel.DialContext(within(t), "tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "hello")
		b := make([]byte, 5)
		if _, err := io.ReadFull(c, b); err != nil || string(b) != "hello" {
			t.Errorf("%s echoes %q, %v", addr, b, err)
		}
		c.Close()
	}
}

func TestCertificate(t *testing.T) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	l, kernel := start(t, string(defaultLab), ca)
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(ca); info.Mode().Perm() != 0o600 {
		t.Errorf("the authority's file has mode %v", info.Mode())
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("the authority's file has no certificate")
	}
	for _, name := range []string{"alpha.lab.example", "alpha", "198.51.100.2", "2001:db8:51::2"} {
		c, err := kernel.DialContext(within(t), "tcp", "198.51.100.2:443")
		if err != nil {
			t.Fatal(err)
		}
		s := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: name})
		if err := s.HandshakeContext(within(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		c.Close()
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(ca); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close the authority's file gives %v", err)
	}
}

func TestAppProblems(t *testing.T) {
	text := wire + alpha + `[host.alpha.app.echo]
[host.alpha.app.http]
port = 7
[host.alpha.app.discard]
prot = 9
[host.alpha.app.dns]
zones = ["missing.zone"]
`
	p, err := Load("lab.toml", []byte(text), all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	var ps Problems
	if err := Check(p); !errors.As(err, &ps) {
		t.Fatalf("error is %v, want Problems", err)
	}
	want := []string{
		`lab.toml:10: host.alpha.app.http.port: port used twice: tcp :7 belongs to app echo of this host (host.alpha.app.echo); give one of them another port, or remove it`,
		`lab.toml:12: host.alpha.app.discard.prot: unknown key; did you mean "port"?`,
		`lab.toml:14: host.alpha.app.dns.zones[0]: missing.zone: no such file or directory; name a file that this user can read`,
	}
	if diff := cmp.Diff(want, strings.Split(ps.Error(), "\n")); diff != "" {
		t.Errorf("problems (-want +got)\n%s", diff)
	}
}

// TestSocketUsedTwice has the second app told of the first, at the line of its key; packets of IPX and connections of
// SPX share the numbers.
func TestSocketUsedTwice(t *testing.T) {
	for _, tt := range []struct{ name, keys, want string }{
		{"spx", "spx = \"8007\"\n", "lab.toml:12: host.alpha.app.discard.spx: socket used twice: spx 8007 belongs to app echo"},
		{"ipx", "ipx = \"8007\"\n", "lab.toml:12: host.alpha.app.discard.ipx: socket used twice: ipx 8007 belongs to app echo"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			text := wire + alpha + "ipx = { network = \"0000cafe\" }\n[host.alpha.app.echo]\nspx = true\n[host.alpha.app.discard]\n" + tt.keys
			p, err := Load("lab.toml", []byte(text), all.Apps)
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want + " of this host (host.alpha.app.echo); give one of them another socket, or remove it"
			if err := Check(p); err == nil || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
		})
	}
}

// TestNotOfTheHost has apps want what no host, or not this one, can give them.
func TestNotOfTheHost(t *testing.T) {
	both := wire + alpha + "ipx = { network = \"0000cafe\" }\n"
	for _, tt := range []struct{ name, text, want string }{
		{"echo's socket", both + "[host.alpha.app.echo]\nspx = \"2\"\n",
			"lab.toml:10: host.alpha.app.echo.spx: socket 0002 belongs to every host with IPX (echo); give the app another, or true for its usual one"},
		{"RIP's socket", both + "[host.alpha.app.echo]\nipx = \"0453\"\n",
			"lab.toml:10: host.alpha.app.echo.ipx: socket 0453 belongs to every host with IPX (RIP); give the app another, or true for its usual one"},
		{"address", wire + alpha + "[host.alpha.app.http]\naddress = \"203.0.113.9\"\n",
			"lab.toml:9: host.alpha.app.http.address: host alpha has no address 203.0.113.9, but 198.51.100.2, 2001:db8:51::2; write one of these, or remove this key to listen on all"},
		{"address without IP", ipxAlone + "[host.alpha.app.http]\naddress = \"203.0.113.9\"\n",
			"lab.toml:12: host.alpha.app.http.address: host alpha has no address 203.0.113.9, as it speaks no IP; remove this key, or give an interface of it that address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Load("lab.toml", []byte(tt.text), all.Apps)
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(p); err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestNothingStartsHalf has the second wire fail: the first host must be gone, which goleak sees.
func TestNothingStartsHalf(t *testing.T) {
	second := strings.NewReplacer("tap0", "tap1", "alpha", "beta", "198.51.100", "203.0.113", "51::", "52::").Replace(wire + alpha)
	p, err := Load("lab.toml", []byte(wire+alpha+"[host.alpha.app.echo]\n"+second), all.Apps)
	if err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no such device")
	undone := 0
	ca := filepath.Join(t.TempDir(), "ca.pem")
	_, err = Start(p, Config{CAFile: ca, open: func(w *Wire, addr ethernet.Addr) (link.Device, chosen, func() error, error) {
		undo := func() error { undone++; return nil }
		if w.Name == "tap1" {
			return nil, chosen{}, undo, failure
		}
		dev, c, _, err := openPipe(w, addr)
		return dev, c, undo, err
	}})
	if !errors.Is(err, failure) || !strings.Contains(err.Error(), "wire tap1") {
		t.Errorf("error is %v", err)
	}
	if undone != 2 {
		t.Errorf("%d of 2 wires undone", undone)
	}
	if _, err := os.Stat(ca); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the authority's file is left: %v", err)
	}
}

// panicky is an app that panics, outside of any session.
var panicky = apps.App{Name: "panicky", New: func(apps.Env, apps.Config) (apps.Server, error) { return panics{}, nil }}

type panics struct{}

func (panics) Serve(context.Context) error { panic("boom") }

func TestAppPanics(t *testing.T) {
	p, err := Load("lab.toml", []byte(wire+alpha+"[host.alpha.app.panicky]\n[host.alpha.app.echo]\n"), append([]apps.App{panicky}, all.Apps...))
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(p); err != nil {
		t.Error(err)
	}
}

// call carries out a command and collects its results.
func call[T any](t *testing.T, l *Lab, r control.Request) ([]T, error) {
	t.Helper()
	var all []T
	err := l.Commands(Place{})[r.Op](within(t), r, func(v any) error {
		all = append(all, v.(T))
		return nil
	})
	return all, err
}

func TestCommands(t *testing.T) {
	l, _ := start(t, string(defaultLab), "")
	i, err := call[Info](t, l, control.Request{Op: "info"})
	if err != nil || i[0].Lab != "default" || i[0].Wires[0].Device != "pipe" {
		t.Errorf("info gives %+v, %v", i, err)
	}
	socks, err := call[[]OpenSocket](t, l, control.Request{Op: "netstat", Host: "alpha"})
	if err != nil || len(socks[0]) < 10 {
		t.Errorf("netstat gives %d sockets, %v", len(socks[0]), err)
	}
	if _, err := call[any](t, l, control.Request{Op: "netstat", Host: "alhpa"}); err == nil || !strings.Contains(err.Error(), `did you mean "alpha"?`) {
		t.Errorf("an unknown host gives %v", err)
	}
	for _, tt := range []struct{ name, op, args, want string }{
		{"add an entry", "arp.add", `{"addr":"198.51.100.9","mac":"02:00:00:00:00:07"}`, ""},
		{"see it", "arp", ``, "198.51.100.9 02:00:00:00:00:07 static eth0"},
		{"delete it", "arp.delete", `{"addr":"198.51.100.9"}`, ""},
		{"delete it again", "arp.delete", `{"addr":"198.51.100.9"}`, "host alpha has no entry for 198.51.100.9"},
		{"entry without address", "arp.add", `{"mac":"02:00:00:00:00:07"}`, "no address given"},
		{"entry without MAC", "arp.add", `{"addr":"198.51.100.9"}`, `address ""`},
		{"unknown argument", "arp.add", `{"adr":"198.51.100.9"}`, "unknown field"},
		{"add a route", "route.add", `{"destination":"203.0.113.0/24","gateway":"198.51.100.1","interface":""}`, ""},
		{"delete it", "route.delete", `{"destination":"203.0.113.0/24","gateway":"198.51.100.1","interface":""}`, ""},
		{"gateway off link", "route.add", `{"destination":"203.0.113.0/24","gateway":"203.0.113.1","interface":""}`, "in no subnet"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := call[any](t, l, control.Request{Op: tt.op, Args: []byte(tt.args)})
			switch {
			case tt.op == "arp":
				var b strings.Builder
				WriteNeighbors(&b, got[0].([]Neighbor))
				if !strings.Contains(strings.Join(strings.Fields(b.String()), " "), tt.want) {
					t.Errorf("got %s, want %s", b.String(), tt.want)
				}
			case (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want):
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}

func TestPing(t *testing.T) {
	l, _ := start(t, string(defaultLab), "")
	for _, tt := range []struct {
		name, args string
		want       string
	}{
		{"IPv4", `{"target":"198.51.100.1","count":3,"interval":10000000}`, "3 packets transmitted, 3 received, 0% packet loss"},
		{"IPv6", `{"target":"2001:db8:51::1","count":2,"interval":10000000}`, "2 packets transmitted, 2 received, 0% packet loss"},
		{"fragments", `{"target":"198.51.100.1","count":1,"size":65507}`, "65515 bytes from 198.51.100.1: icmp_seq=1"},
		{"name of the lab", `{"target":"alpha.lab.example","count":1}`, "1 packets transmitted, 1 received"},
		{"nobody there", `{"target":"198.51.100.77","count":1,"timeout":50000000}`, "1 packets transmitted, 0 received"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			events, err := call[PingEvent](t, l, control.Request{Op: "ping", Args: []byte(tt.args)})
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			var s PingSummary
			for _, e := range events {
				s.Write(&b, e)
			}
			s.Finish(&b)
			if !strings.Contains(b.String(), tt.want) {
				t.Errorf("got\n%swant %s", b.String(), tt.want)
			}
		})
	}
	for _, tt := range []struct{ name, args, want string }{
		{"wrong family", `{"target":"198.51.100.1","family":"ip6"}`, "other IP version"},
		{"too large", `{"target":"198.51.100.1","size":65508}`, "outside of 0 to 65507"},
		{"too fast", `{"target":"198.51.100.1","interval":1}`, "too short"},
		{"unknown name", `{"target":"nobody.example.org"}`, "knows no nobody.example.org"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := call[PingEvent](t, l, control.Request{Op: "ping", Args: []byte(tt.args)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}

func TestDump(t *testing.T) {
	l, kernel := start(t, string(defaultLab), "")
	ctx, cancel := context.WithCancel(within(t))
	listening := make(chan struct{})
	var frames []Frame
	done := make(chan error)
	go func() {
		done <- l.Commands(Place{})["dump"](ctx, control.Request{Op: "dump", Args: []byte(`{"snaplen":60}`)}, func(v any) error {
			f, ok := v.(Frame)
			if !ok {
				close(listening)
				return nil
			}
			if frames = append(frames, f); f.Length > 600 && f.Out {
				cancel()
			}
			return nil
		})
	}()
	<-listening
	if _, err := kernel.Ping(within(t), netip.MustParseAddr("198.51.100.2"), stack.PingOptions{Size: 600}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	last := frames[len(frames)-1]
	if last.Interface != "eth0" || len(last.Data) != 60 || last.Length != 14+20+8+600 {
		t.Errorf("the reply is %+v", last)
	}
	if p := l.hosts[0].ports[0].device.listeners.Load(); p != nil {
		t.Errorf("%d listeners are left", len(*p))
	}
}

// TestMonitorOverflow has nobody take the frames: they are counted, released, and the traffic goes on.
func TestMonitorOverflow(t *testing.T) {
	near, far := pipe.New(pipe.Config{Depth: 4 * listenerDepth})
	defer far.Close()
	m := newMonitor(near, func(error) {})
	defer m.Close()
	l, end := m.listen()
	const extra = 10
	for range listenerDepth + extra {
		if n := m.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))}); n != 1 {
			t.Fatal("a frame did not leave")
		}
	}
	if got := l.missed.Load(); got != extra {
		t.Errorf("%d frames missed, want %d", got, extra)
	}
	end()
	if len(l.frames) != 0 || m.listeners.Load() != nil {
		t.Error("the listener is left")
	}
}

func TestEnviron(t *testing.T) {
	l, _ := start(t, strings.ReplaceAll(string(defaultLab), "alpha", "web-1"), "")
	want := []string{
		"TAPESTRY_LAB=default", "TAPESTRY_DOMAIN=lab.example", "TAPESTRY_SOCKET=/s", "TAPESTRY_CA=/c",
		"TAPESTRY_HOST_WEB_1=198.51.100.2", "TAPESTRY_HOST_WEB_1_NAME=web-1.lab.example", "TAPESTRY_HOST_WEB_1_IPV6=2001:db8:51::2",
	}
	if diff := cmp.Diff(want, l.Info(Place{Socket: "/s", CA: "/c"}).Environ()); diff != "" {
		t.Errorf("environment (-want +got)\n%s", diff)
	}
}

// TestEnvironIPX: a number that the file gives comes before one that is learned, which is not known at the start.
func TestEnvironIPX(t *testing.T) {
	l, _ := start(t, strings.Replace(ipxAlone, "ipx = {}", `ipx = [{ frame = "snap" }, { network = "0000beef", frame = "ethernet-ii" }]`, 1)+
		"[[host.late.interface]]\nsegment = \"lan\"\nmac = \"02:00:00:00:00:0d\"\nipx = { frame = \"802.3\" }\n", "")
	env := l.Info(Place{}).Environ()
	for _, want := range []string{
		"TAPESTRY_HOST_ALPHA_IPX=0000cafe:02000000000a", "TAPESTRY_HOST_PC_IPX=0000beef:02000000000c", "TAPESTRY_HOST_LATE_IPX=00000000:02000000000d",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s: %q", want, env)
		}
	}
}

func TestTable(t *testing.T) {
	l, _ := start(t, string(defaultLab), "")
	var b strings.Builder
	if err := l.Info(Place{Socket: "/run/control", CA: "/run/ca.pem"}).WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"lab default runs in a network namespace of its own", "tap0  pipe", "198.51.100.2/24, 2001:db8:51::2/64",
		"tcp 80, tcp 443", "udp 53, tcp 53", "tapestry shell --lab default", "/run/control", "/run/ca.pem",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestDeviceGone(t *testing.T) {
	failure := errors.New("removed")
	p, err := Load("lab.toml", []byte(wire+alpha), registry)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Start(p, Config{open: func(w *Wire, addr ethernet.Addr) (link.Device, chosen, func() error, error) {
		near, c, undo, err := openPipe(w, addr)
		return &broken{near, failure}, c, undo, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	select {
	case err := <-l.Gone():
		if !errors.Is(err, failure) || !strings.Contains(err.Error(), "wire tap0 is gone") {
			t.Errorf("error is %v", err)
		}
	case <-within(t).Done():
		t.Error("nobody was told")
	}
}

// broken is a device whose reads fail.
type broken struct {
	link.Device
	err error
}

func (b *broken) Queues() []link.Queue { return []link.Queue{brokenQueue{b.Device.Queues()[0], b.err}} }

type brokenQueue struct {
	link.Queue
	err error
}

func (q brokenQueue) ReadFrames([]link.Frame) (int, error) { return 0, q.err }
