package qotd

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tapestry/apps"
	"tapestry/apps/apptest"
)

func TestDialogues(t *testing.T) {
	apptest.TestServer(t, apptest.Case{App: App}, func(t *testing.T, s *apptest.Server) {
		s.Dialogues(t, "tcp", port, "testdata/*.txt")
	})
}

func TestQuotes(t *testing.T) {
	dir := t.TempDir()
	file := "first\nof two lines\n%\n%\nsecond\r\n"
	if err := os.WriteFile(filepath.Join(dir, "quotes"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	c := apptest.Case{App: App, Dir: dir, Config: `quotes = ["from the table"]` + "\n" + `file = "quotes"`}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		conn := s.Dial(t, "udp", port)
		b := make([]byte, 600)
		for _, want := range []string{"from the table\r\n", "first\r\nof two lines\r\n", "second\r\n", "from the table\r\n"} {
			if _, err := conn.Write([]byte("?")); err != nil {
				t.Fatal(err)
			}
			if n, err := conn.Read(b); err != nil || string(b[:n]) != want {
				t.Errorf("got %q, %v, want %q", b[:n], err, want)
			}
		}
	})
}

func TestBuiltIn(t *testing.T) {
	for _, q := range builtIn {
		if _, err := wire(q); err != nil {
			t.Errorf("%q: %v", q, err)
		}
	}
}

func TestSplitFile(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"one", "a", []string{"a"}},
		{"separated", "a\nb\n%\nc\n", []string{"a\nb", "c"}},
		{"empty ones", "%\n%\na\n%\n\n%\n", []string{"a"}},
		{"carriage returns", "a\r\n%\r\nb\r\n", []string{"a", "b"}},
		{"percent inside", "100 %\n%d\n", []string{"100 %\n%d"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := splitFile(tt.text); !slices.Equal(got, tt.want) {
				t.Errorf("splitFile(%q): got %q, want %q", tt.text, got, tt.want)
			}
		})
	}
}

func FuzzSplitFile(f *testing.F) {
	f.Add("a\nb\n%\nc\r\n")
	f.Add("%\n%\n\x00")
	f.Fuzz(func(t *testing.T, text string) {
		for _, q := range splitFile(text) {
			if b, err := wire(q); err == nil && (len(b) > maxQuote || !strings.HasSuffix(string(b), "\r\n")) {
				t.Errorf("%q is sent as %q", q, b)
			}
		}
	})
}

func TestConfig(t *testing.T) {
	tests := []struct{ name, config, want string }{
		{"long", `quotes = ["short", "` + strings.Repeat("x", 511) + `"]`, `config:1: quotes[1]: a quote of 513 octets`},
		{"empty", `quotes = [""]`, `config:1: quotes[0]: an empty quote`},
		{"control characters", `quotes = ["\u0007"]`, `config:1: quotes[0]: a quote that is not plain text`},
		{"no file", "\n" + `file = "none.such"`, `config:2: file: open none.such: no such file or directory; give a text file`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg, err := apps.TableConfig(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := App.New(apps.NewEnv(apps.EnvConfig{}), cfg); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestQuotesSPX(t *testing.T) {
	c := apptest.Case{App: App, Config: "quotes = [\"x\"]\nspx = true\nipx = true"}
	apptest.TestServer(t, c, func(t *testing.T, s *apptest.Server) {
		const want = "x\r\n"
		got, err := io.ReadAll(s.Dial(t, "spx", 0x8017))
		if err != nil || string(got) != want {
			t.Errorf("SPX: got %q, %v, want %q", got, err, want)
		}
		packets := s.Dial(t, "ipx", 0x9017)
		if _, err := packets.Write([]byte("?")); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 600)
		if n, err := packets.Read(b); err != nil || string(b[:n]) != want {
			t.Errorf("IPX: got %q, %v, want %q", b[:n], err, want)
		}
	})
}
