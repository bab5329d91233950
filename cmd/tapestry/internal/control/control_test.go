package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var discard = slog.New(slog.DiscardHandler)

// serve gives the path of a socket with some commands behind it.
func serve(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control")
	s, err := Serve(path, map[string]Handler{
		"twice": func(_ context.Context, r Request, send func(any) error) error {
			var word string
			if err := r.DecodeArgs(&word); err != nil {
				return err
			}
			return errors.Join(send(word), send(r.Host))
		},
		"forever": func(ctx context.Context, _ Request, send func(any) error) error {
			err := send("begun")
			<-ctx.Done()
			return err
		},
		"panic": func(context.Context, Request, func(any) error) error { panic("boom") },
		"fail":  func(context.Context, Request, func(any) error) error { return errors.New("it failed") },
	}, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return path
}

func collect(path string, r Request) ([]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var got []string
	err := Call(ctx, path, r, func(b json.RawMessage) error { got = append(got, string(b)); return nil })
	return got, err
}

func TestCall(t *testing.T) {
	path := serve(t)
	tests := []struct {
		name string
		r    Request
		want []string
		err  string
	}{
		{"results", Request{Op: "twice", Host: "alpha", Args: []byte(`"word"`)}, []string{`"word"`, `"alpha"`}, ""},
		{"wrong arguments", Request{Op: "twice", Args: []byte(`3`)}, nil, "control: arguments of twice: json: cannot unmarshal"},
		{"error", Request{Op: "fail"}, nil, "it failed"},
		{"panic", Request{Op: "panic"}, nil, "control: panic failed inside the lab"},
		{"unknown", Request{Op: "nosuch"}, nil, `control: the lab knows no "nosuch"`},
		{"no op", Request{}, nil, "control: request without op"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := collect(path, tt.r)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("results (-want +got)\n%s", diff)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
				t.Errorf("error is %v, want %q", err, tt.err)
			}
		})
	}
}

// TestClientLeaves ends a request without end from the client's side; Close of the server waits for the handler.
func TestClientLeaves(t *testing.T) {
	path := serve(t)
	ctx, cancel := context.WithCancel(context.Background())
	err := Call(ctx, path, Request{Op: "forever"}, func(json.RawMessage) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	enough := errors.New("enough")
	err = Call(context.Background(), path, Request{Op: "forever"}, func(json.RawMessage) error { return enough })
	if !errors.Is(err, enough) {
		t.Errorf("error is %v", err)
	}
}

func TestTooLong(t *testing.T) {
	path := serve(t)
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	go c.Write(bytes.Repeat([]byte("x"), MaxRequest+2)) // ends with c
	var a answer
	if err := json.NewDecoder(c).Decode(&a); err != nil || !strings.Contains(a.Error, "no request line of at most") {
		t.Errorf("answer is %+v, %v", a, err)
	}
}

func TestTooManySessions(t *testing.T) {
	path := serve(t)
	for range maxSessions {
		c, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprintln(c, `{"op":"forever"}`)
		var a answer
		if err := json.NewDecoder(c).Decode(&a); err != nil || string(a.Data) != `"begun"` {
			t.Fatalf("answer is %+v, %v", a, err)
		}
	}
	if _, err := collect(path, Request{Op: "fail"}); err == nil || !strings.Contains(err.Error(), "too many control sessions") {
		t.Errorf("error is %v", err)
	}
}

func TestSocketMode(t *testing.T) {
	info, err := os.Stat(serve(t))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("mode is %v", info.Mode())
	}
}

func TestClaim(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tapestry")
	a, err := ClaimLab(dir, "one")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ClaimLab(dir, "one")
	want := fmt.Sprintf(`control: lab "one" is running already (process %d): stop it, or give this one another name`, os.Getpid())
	if !errors.Is(err, ErrRunning) || err.Error() != want {
		t.Errorf("a second lab of the name gives %v, want %s", err, want)
	}
	b, err := ClaimLab(dir, "two")
	if err != nil {
		t.Fatal(err)
	}
	wantList := []Running{
		{"one", os.Getpid(), filepath.Join(dir, "one", "control")}, {"two", os.Getpid(), filepath.Join(dir, "two", "control")},
	}
	if diff := cmp.Diff(wantList, List([]string{"/nosuch", dir})); diff != "" {
		t.Errorf("list (-want +got)\n%s", diff)
	}
	for _, c := range []*Claim{a, b} {
		if err := c.Release(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
}

// TestListWhileClaiming lists labs all the time while one starts again and again: nobody who looks is in its way.
func TestListWhileClaiming(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tapestry")
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-end:
				return
			default:
				List([]string{dir})
			}
		}
	}()
	for range 300 {
		c, err := ClaimLab(dir, "one")
		if err != nil {
			t.Error(err)
			break
		}
		if err := c.Release(); err != nil {
			t.Error(err)
		}
	}
	close(end)
	<-done
}

// TestStale takes over what a lab left that died.
func TestStale(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tapestry")
	lab := filepath.Join(dir, "one")
	if err := os.MkdirAll(lab, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{lockFile, socketFile, caFile} {
		if err := os.WriteFile(filepath.Join(lab, name), []byte("1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := List([]string{dir}); got != nil {
		t.Errorf("a dead lab is listed: %v", got)
	}
	c, err := ClaimLab(dir, "one")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Release()
	s, err := Serve(c.SocketPath(), nil, discard)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
}

func TestUnsafeDirs(t *testing.T) {
	tests := []struct {
		name string
		make func(dir string) error
		want string
	}{
		{"link", func(dir string) error { return os.Symlink(filepath.Dir(dir), dir) }, "is no folder"},
		{"file", func(dir string) error { return os.WriteFile(dir, nil, 0o600) }, "is no folder"},
		{"open to others", func(dir string) error { return errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, 0o755)) }, "is open to others"},
		{"lock is a link", func(dir string) error {
			return errors.Join(os.MkdirAll(filepath.Join(dir, "one"), 0o700), os.Symlink("/dev/null", filepath.Join(dir, "one", lockFile)))
		}, "too many levels of symbolic links"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "tapestry")
			if err := tt.make(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := ClaimLab(dir, "one"); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
	if os.Getuid() == 0 {
		dir := filepath.Join(t.TempDir(), "tapestry")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 64321, 64321)); err != nil {
			t.Fatal(err)
		}
		if _, err := ClaimLab(dir, "one"); err == nil || !strings.Contains(err.Error(), "belongs to another user") {
			t.Errorf("another user's folder gives %v", err)
		}
	}
}

func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("d", maxSocketPath))
	if _, err := ClaimLab(dir, "one"); err == nil || !strings.Contains(err.Error(), "give the lab a shorter name") {
		t.Errorf("error is %v", err)
	}
}

func TestDirs(t *testing.T) {
	own := t.TempDir()
	if err := os.Chmod(own, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, runtime string
		want          []string
	}{
		{"runtime folder", own, []string{own + "/tapestry", "/tmp/tapestry-7"}},
		{"none", "", []string{"/tmp/tapestry-7"}},
		{"relative", "run", []string{"/tmp/tapestry-7"}},
		{"missing", own + "/no", []string{"/tmp/tapestry-7"}},
		{"open to others", "/tmp", []string{"/tmp/tapestry-7"}},
	} {
		if diff := cmp.Diff(tt.want, Dirs(tt.runtime, 7)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", tt.name, diff)
		}
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{`{"op":"ping","host":"alpha","args":{"target":"198.51.100.1"}}`, `{}`, `{"op":1}`, `{"op":"a"}{"op":"b"}`, `[`, `{"op":"x","no":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := ParseRequest(line)
		if err != nil {
			return
		}
		b, err := json.Marshal(r)
		if err != nil {
			t.Fatalf("%+v: %v", r, err)
		}
		again, err := ParseRequest(b)
		if err != nil || again.Op != r.Op || again.Host != r.Host {
			t.Errorf("%+v comes back as %+v, %v", r, again, err)
		}
	})
}
