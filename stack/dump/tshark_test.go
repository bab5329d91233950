package dump_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tapestry/internal/nstest"
	"tapestry/link/pcap"
)

// dissected is a frame as Wireshark reads it.
type dissected struct {
	protos []string           // their names, in order, without those that tell about the frame
	fields map[string][]field // by name, in order
	bad    []string           // complaints: malformed, or expert information from warnings on
}

// field is a value: its octets in hexadecimal, as Wireshark shows it alone, and with its name in words.
type field struct{ value, show, words string }

// node is an element of PDML: a protocol or a field.
type node struct {
	Name  string `xml:"name,attr"`
	Show  string `xml:"show,attr"`
	Words string `xml:"showname,attr"`
	Value string `xml:"value,attr"`
	Nodes []node `xml:",any"`
}

// tshark has Wireshark read frames.
func tshark(t *testing.T, frames ...[]byte) []dissected {
	t.Helper()
	file := filepath.Join(t.TempDir(), "frames.pcapng")
	if err := writeFrames(file, frames); err != nil {
		t.Fatal(err)
	}
	all := tsharkFile(t, file)
	if len(all) != len(frames) {
		t.Fatalf("tshark reads %d frames of %d", len(all), len(frames))
	}
	return all
}

func writeFrames(file string, frames [][]byte) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := pcap.NewWriter(f, 0)
	if err != nil {
		return err
	}
	for i, b := range frames {
		if err := w.Write(pcap.Packet{Time: time.Unix(int64(i), 0), Interface: "lan", Data: b}); err != nil {
			return err
		}
	}
	return f.Close()
}

func tsharkFile(t *testing.T, file string) (all []dissected) {
	t.Helper()
	out, err := exec.Command(nstest.Tool(t, "tshark"), "-n", "-r", file, "-T", "pdml").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	var doc struct {
		Packets []node `xml:"packet"`
	}
	if err := xml.Unmarshal(bytes.Map(xmlRune, bytes.ToValidUTF8(out, []byte{'?'})), &doc); err != nil {
		t.Fatalf("tshark: %v", err)
	}
	for _, p := range doc.Packets {
		d := dissected{fields: map[string][]field{}}
		for _, n := range p.Nodes {
			d.proto(n)
		}
		all = append(all, d)
	}
	return all
}

// xmlRune replaces what tshark copies from packets and XML does not allow.
func xmlRune(r rune) rune {
	if r < ' ' && r != '\n' && r != '\t' || r == 0xfffe || r == 0xffff {
		return '?'
	}
	return r
}

func (d *dissected) proto(n node) {
	switch n.Name {
	case "geninfo", "frame":
		return
	case "_ws.malformed":
		d.bad = append(d.bad, n.Words)
	case "fake-field-wrapper": // around fields outside of protocols
	default:
		d.protos = append(d.protos, n.Name)
	}
	d.add(n)
}

func (d *dissected) add(n node) {
	d.fields[n.Name] = append(d.fields[n.Name], field{n.Value, n.Show, n.Words})
	if n.Name == "_ws.expert" {
		d.expert(n)
	}
	for _, in := range n.Nodes {
		d.add(in)
	}
}

// expert takes a remark for a complaint from warnings on: PI_WARN of Wireshark's epan/proto.h.
func (d *dissected) expert(n node) {
	const warning = 0x600000
	for _, in := range n.Nodes {
		if v, err := strconv.Atoi(in.Show); in.Name == "_ws.expert.severity" && (err != nil || v >= warning) {
			d.bad = append(d.bad, fmt.Sprintf("expert: %s", n.Words))
		}
	}
}

// values gives the octets of all fields of a name, with commas between.
func (d dissected) values(name string) string {
	var all []string
	for _, f := range d.fields[name] {
		all = append(all, f.value)
	}
	return strings.Join(all, ",")
}

// first gives the first field of a name.
func (d dissected) first(name string) field {
	if f := d.fields[name]; len(f) > 0 {
		return f[0]
	}
	return field{}
}

// name gives Wireshark's name for a value: "SAP" of "Destination Socket: SAP (0x0452)".
func (f field) name() string {
	_, s, _ := strings.Cut(f.words, ": ")
	if i := strings.LastIndex(s, " ("); i >= 0 {
		return s[:i]
	}
	return s
}

// number gives the value as a number.
func (f field) number() uint64 {
	v, _ := strconv.ParseUint(f.value, 16, 64)
	return v
}

func readFrames(t *testing.T, name string) (frames [][]byte) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcap.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := r.Next()
		if err == io.EOF {
			return frames
		}
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, bytes.Clone(p.Data))
	}
}
