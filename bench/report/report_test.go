package report

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got; -update rewrites it):\n%s", name, d)
	}
}

func TestTable(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    TableOptions
	}{
		{"table.txt", TableOptions{}},
		{"table_80.txt", TableOptions{Width: 80, Proof: true}},
		{"table_120.txt", TableOptions{Width: 120}},
		{"table_colour.txt", TableOptions{Color: true, Proof: true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if err := sample().WriteTable(&b, tt.o); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name, b.String())
		})
	}
}

func TestTableOfNothing(t *testing.T) {
	var b strings.Builder
	if err := new(Report).WriteTable(&b, TableOptions{Proof: true, Width: 1}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "nothing was measured") {
		t.Errorf("got %q", b.String())
	}
}

// TestTableLines holds that rows of a table fit the terminal once columns may be left out.
func TestTableLines(t *testing.T) {
	for _, wide := range []int{100, 130, 160} {
		var b strings.Builder
		if err := sample().WriteTable(&b, TableOptions{Width: wide}); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(b.String()) {
			if n := width(strings.TrimSuffix(l, "\n")); n > wide {
				t.Errorf("a line of %d columns on a terminal of %d:\n%s", n, wide, l)
			}
		}
	}
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := sample().WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", b.String())
	got, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	want.Format = Format
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("read back (-want +got):\n%s", d)
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"empty", "", "EOF"},
		{"text", "tcp_to 3", "invalid character"},
		{"two", `{"format":1}{}`, "more than one value"},
		{"other JSON", `{"rounds":3}`, "format 0"},
		{"later format", `{"format":2}`, "format 2"},
		{"no unit", `{"format":1,"rows":[{"scenario":"a","path":"b","values":[1]}]}`, "row 1 lacks"},
		{"no values", `{"format":1,"rows":[{"scenario":"a","path":"b","unit":"c"}]}`, "row 1 (a on b) has no values"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(tt.in))
			if !errors.Is(err, errFormat) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Read(%q): %v, want an error with %q", tt.in, err, tt.want)
			}
		})
	}
}

func TestReadFile(t *testing.T) {
	r, err := ReadFile("testdata/report.json")
	if err != nil || len(r.Rows) != len(sample().Rows) {
		t.Errorf("report.json: %v, %v", r, err)
	}
	if _, err := ReadFile("testdata/table.txt"); err == nil || !strings.Contains(err.Error(), "table.txt") {
		t.Errorf("a table as JSON: %v, want an error that names the file", err)
	}
}

func TestFigures(t *testing.T) {
	for _, tt := range []struct {
		in   float64
		want string
	}{
		{0, "0"}, {0.00042, "0.00042"}, {0.041, "0.041"}, {0.0999, "0.10"}, {0.65, "0.65"}, {9.994, "9.99"}, {9.996, "10.0"}, {41.94, "41.9"},
		{99.96, "100"}, {1234, "1234"}, {9999.6, "10 000"}, {79312.2, "79 312"}, {1234567, "1 234 567"}, {-3, "-3.00"},
	} {
		if got := figure(tt.in); got != tt.want {
			t.Errorf("figure(%v) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		name      string
		values    []float64
		median    float64
		low, high float64
		spread    float64
	}{
		{"none", nil, 0, 0, 0, 0},
		{"one", []float64{4}, 4, 4, 4, 0},
		{"odd", []float64{5, 1, 4}, 4, 1, 5, 0.75},
		{"even", []float64{8, 2, 4, 6}, 5, 2, 8, 0.6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := Row{Value: tt.values}
			low, high := r.Range()
			if r.Median() != tt.median || low != tt.low || high != tt.high || r.Spread() != tt.spread {
				t.Errorf("%v: median %v, %v to %v, spread %v", tt.values, r.Median(), low, high, r.Spread())
			}
		})
	}
}

func TestAgainst(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b Row
		want float64
		ok   bool
	}{
		{"more is better", Row{Value: []float64{30}}, Row{Value: []float64{40}}, 0.75, true},
		{"less is better", Row{Value: []float64{30}, Less: true}, Row{Value: []float64{60}}, 2, true},
		{"nothing", Row{Value: []float64{30}}, Row{}, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, ok := tt.a.Against(&tt.b); got.Value != tt.want || ok != tt.ok {
				t.Errorf("got %v, %v, want %v, %v", got.Value, ok, tt.want, tt.ok)
			}
		})
	}
}

func TestProgress(t *testing.T) {
	for _, tt := range []struct {
		name  string
		width int
		want  string
	}{
		{"file", 0, "  0%  tcp_to/veth\n 25%  tcp_to/tap  (30s left)\nskipped\n100%  done\n"},
		{"terminal", 22, "\r\x1b[K  0%  tcp_to/veth" + "\r\x1b[K 25%  tcp_to/tap  (30" + "\r\x1b[Kskipped\n" + "\r\x1b[K100%  done" + "\r\x1b[K"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			now := time.Unix(0, 0)
			p := NewProgress(&b, tt.width, func() time.Time { return now })
			p.Step(0, 4, "tcp_to/veth")
			now = now.Add(10 * time.Second)
			p.Step(1, 4, "tcp_to/tap")
			p.Note("skipped")
			p.Step(4, 4, "done")
			p.End()
			p.End()
			if b.String() != tt.want {
				t.Errorf("got\n%q, want\n%q", b.String(), tt.want)
			}
		})
	}
}

func TestTerminalWidth(t *testing.T) {
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := TerminalWidth(f); n != 0 {
		t.Errorf("%s has %d columns, want 0", os.DevNull, n)
	}
}
