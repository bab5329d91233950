package report

import (
	"bytes"
	"image/png"
	"os"
	"strings"
	"testing"
	"time"
)

// TestCharts holds what the pictures contain; how they look, people judge.
func TestCharts(t *testing.T) {
	charts, err := sample().Charts()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		"bulk":           {"tcp_to  TCP bulk", ">gvisor_best<", ">28.4  (0.68 x veth)<", "Gbit/s (more is better)", "commit abc1234", ">ours<"},
		"round_trips":    {"tcp_rr  TCP request", ">36 020  (0.45 x veth)<", ">80 000<"},
		"packets":        {"udp_64_echo", ">raw_tap<"},
		"memory":         {"KiB (less is better)", ">9.10<"},
		"latency_tcp_rr": {"Latency: tcp_rr", "microseconds", ">99.9<", ">gvisor<"},
	}
	for _, c := range charts {
		var svg bytes.Buffer
		if err := c.WriteSVG(&svg); err != nil {
			t.Fatal(err)
		}
		texts, ok := want[c.Name]
		if !ok {
			t.Errorf("chart %q is new to this test", c.Name)
		}
		delete(want, c.Name)
		for _, s := range texts {
			if !strings.Contains(svg.String(), s) {
				t.Errorf("%s.svg lacks %q", c.Name, s)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("no chart for %v", want)
	}
}

// TestAimLines holds that an aim is drawn in its colour, and only where there is one.
func TestAimLines(t *testing.T) {
	const line = "stroke:#D03A00"
	for _, tt := range []struct {
		name string
		aims []Aim
		want int
	}{
		{"none", nil, 0},
		{"strictest of two", []Aim{{Ratio{"veth", 0.5}, 0.65, 0}, {Ratio{"gvisor", 2}, 8, 0}}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &Report{Rows: []Row{{Scenario: "s", Path: "tap", Unit: "Gbit/s", Value: []float64{10}, Aims: tt.aims}}}
			svg := pictures(t, r)["bulk.svg"]
			if got := strings.Count(strings.ToUpper(string(svg)), strings.ToUpper(line)); got != tt.want {
				t.Errorf("%d lines of the aims' colour, want %d:\n%s", got, tt.want, svg)
			}
		})
	}
}

func TestStrictest(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  Row
		want float64
	}{
		{"none", Row{}, 0},
		{"ratio", Row{Value: []float64{10}, Aims: []Aim{{Ratio{"veth", 0.5}, 0.75, 0}}}, 15},
		{"two", Row{Value: []float64{10}, Aims: []Aim{{Ratio{"veth", 0.5}, 0.75, 0}, {Ratio{"gvisor", 5}, 8, 0}}}, 16},
		{"at most", Row{Value: []float64{10}, Less: true, Aims: []Aim{{Ratio{"", 10}, 0, 8}}}, 8},
		{"ratio of less", Row{Value: []float64{10}, Less: true, Aims: []Aim{{Ratio{"veth", 0.5}, 1, 0}}}, 5},
		{"nothing to compare with", Row{Value: []float64{10}, Aims: []Aim{{Ratio{"veth", 0}, 1, 0}}}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.row.strictest(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// TestChartsRepeat holds that the same report gives the same octets, and PNGs of the width that is promised.
func TestChartsRepeat(t *testing.T) {
	first, second := pictures(t, sample()), pictures(t, sample())
	if len(first) != 10 {
		t.Errorf("%d files, want 10", len(first))
	}
	for name, b := range first {
		if !bytes.Equal(b, second[name]) {
			t.Errorf("%s is another file the second time", name)
		}
		if !strings.HasSuffix(name, ".png") {
			continue
		}
		c, err := png.DecodeConfig(bytes.NewReader(b))
		if err != nil || c.Width != 1000 {
			t.Errorf("%s: %d pixels wide, %v; want 1000", name, c.Width, err)
		}
	}
}

// pictures gives the files that SaveCharts writes.
func pictures(t *testing.T, r *Report) map[string][]byte {
	t.Helper()
	dir := t.TempDir()
	files, err := r.SaveCharts(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimPrefix(f, dir+"/")] = b
	}
	return out
}

// TestChartsOfOddRows holds that values at the edge make pictures, not panics.
func TestChartsOfOddRows(t *testing.T) {
	for _, tt := range []struct {
		name string
		row  Row
	}{
		{"zero", Row{Value: []float64{0, 0}}},
		{"no value", Row{}},
		{"tiny", Row{Value: []float64{1e-9}}},
		{"huge", Row{Value: []float64{1e18}}},
		{"aim far away", Row{Value: []float64{1}, Aims: []Aim{{Ratio{"veth", 0.001}, 1, 0}}}},
		{"one latency", Row{Value: []float64{1}, Latency: &Latency{P50: time.Microsecond}}},
		{"latency of a power of ten", Row{Value: []float64{1}, Latency: &Latency{P50: 10 * time.Microsecond, Max: 10 * time.Microsecond}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.row.Scenario, tt.row.Path, tt.row.Unit = "s", "tap", "odd unit/s"
			if got := pictures(t, &Report{Rows: []Row{tt.row}}); got["odd_unit_s.png"] == nil {
				t.Errorf("no odd_unit_s.png in %d files", len(got))
			}
		})
	}
}

// TestPages holds that what is too high for one picture becomes several, a scenario whole in one of them.
func TestPages(t *testing.T) {
	r := &Report{}
	for s := range 9 {
		for p := range 9 {
			r.Rows = append(r.Rows, Row{Scenario: string(rune('a' + s)), Path: string(rune('A' + p)), Unit: "Gbit/s", Value: []float64{1}})
		}
	}
	got := pictures(t, r)
	for _, name := range []string{"bulk.svg", "bulk_2.svg", "bulk_3.svg"} {
		if !strings.Contains(string(got[name]), "of 3)<") {
			t.Errorf("no %s, or its title does not count it", name)
		}
	}
	for _, page := range r.pages("Gbit/s") {
		if len(page) > pageSlots || (len(page)-1)%10 != 0 {
			t.Errorf("a picture of %d lines, want whole scenarios and at most %d", len(page), pageSlots)
		}
	}
}

func TestKindOf(t *testing.T) {
	for path, want := range map[string]kind{
		"veth": limit, "veth_go": limit, "kernel_lossy": limit, "raw_tap": limit, "raw_uso": limit,
		"gvisor": peer, "gvisor_best": peer, "gvisor_ring": peer, "pasta": peer, "slirp4netns": peer,
		"tap": ours, "tap_plain": ours, "tap_lossy": ours, "xdp": ours, "packet": ours, "pipe": ours,
	} {
		if got := kindOf(path); got != want {
			t.Errorf("%s is %d, want %d", path, got, want)
		}
	}
}
