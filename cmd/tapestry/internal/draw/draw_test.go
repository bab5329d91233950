package draw

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the drawings in testdata")

// campus has everything that a drawing knows.
var campus = Diagram{
	Title: "lab campus",
	Wires: []Wire{
		{Name: "lan", Kind: "switch", Notes: []string{"loss=1% delay=10ms"}},
		{Name: "dmz", Kind: "hub"},
		{Name: "core", Kind: "switch", Notes: []string{"stp"}},
		{Name: "tap1", Kind: "wire"},
	},
	Boxes: []Box{
		{Kind: "tap", Name: "tap0", Lines: []string{"198.51.100.1/24"}, Links: []Link{{Wire: "lan"}}},
		{Kind: "host", Name: "alpha", Lines: []string{"198.51.100.2/24", "2001:db8:51::2/64"}, Links: []Link{{Wire: "lan", Labels: []string{"vlan 10", "loss=5%"}}}},
		{Kind: "host", Name: "beta", Lines: []string{"198.51.100.3/24"}, Links: []Link{{Wire: "lan", Labels: []string{"down"}, State: "down"}}},
		{Kind: "host", Name: "router", Lines: []string{"eth0 198.51.100.254/24", "eth1 203.0.113.1/24"}, Links: []Link{{Wire: "dmz", Labels: []string{"rate=10mbit"}}, {Wire: "lan"}}},
		{Kind: "trunk", Name: "up", Links: []Link{{Wire: "lan"}, {Wire: "core", Labels: []string{"blocking"}, State: "blocked"}}},
		{Kind: "trunk", Name: "up2", Links: []Link{{Wire: "core"}, {Wire: "dmz"}}},
		{Kind: "host", Name: "gamma", Lines: []string{"203.0.113.2/24"}, Links: []Link{{Wire: "dmz"}}},
		{Kind: "vxlan", Name: "vx0", Lines: []string{"vni 42", "to 203.0.113.9"}, Links: []Link{{Wire: "core"}}},
		{Kind: "host", Name: "delta", Lines: []string{"198.51.100.130/25"}, Links: []Link{{Wire: "tap1"}}},
		{Kind: "tap", Name: "tap1", Lines: []string{"198.51.100.129/25"}, Links: []Link{{Wire: "tap1"}}},
	},
}

// crowd is one hub with many stations.
func crowd(n int) Diagram {
	d := Diagram{Title: "lab crowd", Wires: []Wire{{Name: "lan", Kind: "hub"}}}
	for i := range n {
		d.Boxes = append(d.Boxes, Box{Kind: "host", Name: "h" + strconv.Itoa(i), Lines: []string{"198.51.100." + strconv.Itoa(i+1) + "/24"}, Links: []Link{{Wire: "lan"}}})
	}
	return d
}

func TestDrawings(t *testing.T) {
	for _, tt := range []struct {
		name  string
		d     Diagram
		width int
	}{{"campus", campus, 0}, {"crowd", crowd(7), 72}} {
		for ext, draw := range map[string]func(io.Writer, Diagram, int) error{".txt": Text, ".svg": SVG} {
			t.Run(tt.name+ext, func(t *testing.T) {
				var b bytes.Buffer
				if err := draw(&b, tt.d, tt.width); err != nil {
					t.Fatal(err)
				}
				name := filepath.Join("testdata", tt.name+ext)
				if *update {
					if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), b.String()); diff != "" {
					t.Errorf("%s (-want +got; -update rewrites it)\n%s", name, diff)
				}
			})
		}
	}
}

// TestHostileNames has names that would end an element, an attribute, or a terminal's line.
func TestHostileNames(t *testing.T) {
	evil := "</svg>\"'&<script>\x1b[2J\x00\n\xff]]>"
	d := Diagram{Title: evil, Wires: []Wire{{evil, evil, []string{evil}}}, Boxes: []Box{{evil, evil, []string{evil}, []Link{{evil, []string{evil}, evil}}}}}
	var b bytes.Buffer
	if err := SVG(&b, d, 0); err != nil {
		t.Fatal(err)
	}
	if n := elements(t, b.Bytes()); n["script"] > 0 || n["svg"] != 1 || n["text"] < 5 {
		t.Errorf("elements are %v in\n%s", n, b.String())
	}
	b.Reset()
	if err := Text(&b, d, 0); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x00") || strings.Count(b.String(), "\n") > 12 {
		t.Errorf("what does not print is in\n%q", b.String())
	}
}

// elements parses a document to its end and counts its elements by name.
func elements(t *testing.T, doc []byte) map[string]int {
	t.Helper()
	n := map[string]int{}
	for dec := xml.NewDecoder(bytes.NewReader(doc)); ; {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			t.Fatalf("%v in\n%s", err, doc)
		}
		if e, ok := tok.(xml.StartElement); ok {
			n[e.Name.Local]++
		}
	}
}

// TestNothingOverlaps has networks at random: boxes are apart, texts are where nothing else is, and all links are drawn.
func TestNothingOverlaps(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		d := random(r)
		l := arrange(d, 30+r.IntN(150))
		if problem := l.overlap(); problem != "" {
			var b bytes.Buffer
			Text(&b, d, l.limit)
			t.Fatalf("seed %d: %s\n%s", seed, problem, b.String())
		}
		if len(l.rects) != len(d.Boxes) {
			t.Fatalf("seed %d: %d boxes of %d", seed, len(l.rects), len(d.Boxes))
		}
	}
}

func random(r *rand.Rand) Diagram {
	d := Diagram{Title: "lab random"}
	for i := range 1 + r.IntN(6) {
		d.Wires = append(d.Wires, Wire{Name: "w" + strconv.Itoa(i), Kind: "hub"})
	}
	for i := range r.IntN(20) {
		b := Box{Kind: "host", Name: strings.Repeat("n", 1+r.IntN(20)) + strconv.Itoa(i)}
		for range r.IntN(4) {
			b.Lines = append(b.Lines, strings.Repeat("x", r.IntN(30)))
		}
		for range 1 + r.IntN(4) {
			k := Link{Wire: d.Wires[r.IntN(len(d.Wires))].Name}
			for range r.IntN(3) {
				k.Labels = append(k.Labels, strings.Repeat("l", 1+r.IntN(30)))
			}
			b.Links = append(b.Links, k)
		}
		d.Boxes = append(d.Boxes, b)
	}
	return d
}

// overlap says which things of a drawing lie on each other that must not.
func (l *layout) overlap() string {
	owner := make(map[[2]int]string)
	claim := func(x, y int, who string) string {
		at := [2]int{x, y}
		if other, ok := owner[at]; ok && other != who {
			return who + " lies on " + other + " at " + strconv.Itoa(x) + "," + strconv.Itoa(y)
		}
		owner[at] = who
		return ""
	}
	for i, b := range l.rects {
		for x := b.x; x < b.x+b.w; x++ {
			for y := b.y; y < b.y+b.h; y++ {
				if s := claim(x, y, "box "+strconv.Itoa(i)); s != "" {
					return s
				}
			}
		}
	}
	for _, w := range l.words {
		for i := range width(w.s) {
			_, inside := owner[[2]int{w.x + i, w.y}]
			if isInBox := w.class == "name" || w.class == ""; isInBox != inside {
				return "text " + w.s + " is inside of a box or outside, wrongly"
			}
		}
	}
	for _, n := range l.lines {
		for x := n.x1; x <= n.x2; x++ {
			for y := n.y1 + 1; y < n.y2; y++ {
				if o, ok := owner[[2]int{x, y}]; ok {
					return "a line goes through " + o
				}
			}
		}
		for _, w := range l.words {
			isEnd := n.x1 == n.x2 && (w.y == n.y1 || w.y == n.y2)
			if !isEnd && w.y >= n.y1 && w.y <= n.y2 && n.x2 >= w.x && n.x1 < w.x+width(w.s) {
				return "a line goes through the text " + w.s
			}
		}
	}
	return ""
}
