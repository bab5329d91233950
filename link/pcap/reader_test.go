package pcap

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
	"tapestry/link"
)

// classic is a capture of two frames a second apart in the classic format, written by pcapgo.
func classic(t testing.TB, nano bool, kind layers.LinkType) []byte {
	var b bytes.Buffer
	w := pcapgo.NewWriter(&b)
	if nano {
		w = pcapgo.NewWriterNanos(&b)
	}
	if err := w.WriteFileHeader(65536, kind); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		f := frame(60+i, byte(i))
		ci := gopacket.CaptureInfo{Timestamp: epoch.Add(time.Duration(i) * time.Second), CaptureLength: len(f), Length: len(f) + i*10}
		if err := w.WritePacket(ci, f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// ng is a capture of two frames, a second apart, that we write.
func ng() []byte {
	b := appendInterface(appendSection(nil), "tap0", 262144)
	for i := range 2 {
		r := record{link.NewFrame(frame(60+i, byte(i))), epoch.Add(time.Duration(i) * time.Second), Direction(i + 1)}
		b = appendPacket(b, &r, 60)
		r.frame.Release()
	}
	return appendStatistics(b, epoch, 2, 0)
}

// bigEndian is a section in the other byte order with a simple and an obsolete packet, an option of another
// resolution and an unknown block.
func bigEndian() []byte {
	o := binary.BigEndian
	block := func(kind uint32, body ...[]byte) []byte {
		b := o.AppendUint32(o.AppendUint32(nil, kind), 0)
		for _, p := range body {
			b = append(b, p...)
		}
		o.PutUint32(b[4:], uint32(len(b)+4))
		return o.AppendUint32(b, uint32(len(b)+4))
	}
	f := frame(20, 5)
	b := block(blockSection, []byte{0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255})
	b = append(b, block(blockInterface, []byte{0, 1, 0, 0, 0, 0, 0, 0}, []byte{0, 9, 0, 1, 0x8a, 0, 0, 0}, []byte{0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0, 100})...)
	b = append(b, block(0x0bad, []byte{1, 2, 3, 4})...)
	b = append(b, block(blockSimple, []byte{0, 0, 0, 20}, f)...)
	return append(b, block(blockPacket, []byte{0, 0, 0, 7}, []byte{0, 0, 0, 0, 0, 0, 0x0a, 0x00}, []byte{0, 0, 0, 20, 0, 0, 0, 30}, f)...)
}

func TestReader(t *testing.T) {
	micro := epoch.Truncate(time.Microsecond)
	two := func(first time.Time, name string, dirs [2]Direction, data [2][]byte, lengths [2]int) []Packet {
		return []Packet{
			{first, data[0], lengths[0], name, dirs[0]},
			{first.Add(time.Second), data[1], lengths[1], name, dirs[1]},
		}
	}
	whole := [2][]byte{frame(60, 0), frame(61, 1)}
	tests := []struct {
		name string
		file []byte
		want []Packet
	}{
		{"classic", classic(t, false, layers.LinkTypeEthernet), two(micro, "", [2]Direction{}, whole, [2]int{60, 71})},
		{"classic, nanoseconds", classic(t, true, layers.LinkTypeEthernet), two(epoch, "", [2]Direction{}, whole, [2]int{60, 71})},
		{"pcapng", ng(), two(epoch, "tap0", [2]Direction{1, 2}, [2][]byte{whole[0], whole[1][:60]}, [2]int{60, 61})},
		{"two sections", append(ng(), ng()...), append(
			two(epoch, "tap0", [2]Direction{1, 2}, [2][]byte{whole[0], whole[1][:60]}, [2]int{60, 61}),
			two(epoch, "tap0", [2]Direction{1, 2}, [2][]byte{whole[0], whole[1][:60]}, [2]int{60, 61})...)},
		{"big endian", bigEndian(), []Packet{
			{Data: frame(20, 5), Length: 20},
			{Time: time.Unix(102, 5e8).UTC(), Data: frame(20, 5), Length: 30},
		}},
		{"no frames", ng()[:len(appendSection(nil))], nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readAll(tt.file)
			if err != nil || len(got) != len(tt.want) {
				t.Fatalf("got %d frames, %v; want %d", len(got), err, len(tt.want))
			}
			for i, g := range got {
				w := tt.want[i]
				if !g.Time.Equal(w.Time) || !bytes.Equal(g.Data, w.Data) || g.Length != w.Length || g.Interface != w.Interface || g.Direction != w.Direction {
					t.Errorf("frame %d:\ngot  %+v\nwant %+v", i, g, w)
				}
			}
		})
	}
}

func TestReaderBigEndianClassic(t *testing.T) {
	o := binary.BigEndian
	b := o.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1)
	b = append(b, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, 2, 0xab, 0xcd)
	got, err := readAll(b)
	if err != nil || len(got) != 1 || !got[0].Time.Equal(time.Unix(9, 8000)) || !bytes.Equal(got[0].Data, []byte{0xab, 0xcd}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReaderTruncated(t *testing.T) {
	for name, file := range map[string][]byte{"classic": classic(t, false, layers.LinkTypeEthernet), "pcapng": ng(), "big endian": bigEndian()} {
		whole, _ := readAll(file)
		clean := 0
		for n := range len(file) {
			got, err := readAll(file[:n])
			if err == nil {
				clean++ // the cut lies between two blocks
			}
			if len(got) > len(whole) || err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrFormat) {
				t.Errorf("%s, first %d octets: %d frames, %v", name, n, len(got), err)
			}
		}
		if clean > 6 {
			t.Errorf("%s: %d truncations went unnoticed", name, clean)
		}
	}
}

func TestReaderErrors(t *testing.T) {
	edit := func(b []byte, off int, with ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[off:], with)
		return b
	}
	section := len(appendSection(nil))
	port := len(appendInterface(nil, "tap0", 1))
	tests := []struct {
		name string
		file []byte
		want error
	}{
		{"empty", nil, ErrFormat},
		{"text", []byte("hello, I am no capture at all"), ErrFormat},
		{"classic of another link type", classic(t, false, layers.LinkTypeRaw), ErrLinkType},
		{"classic with 4 GiB captured", edit(classic(t, false, layers.LinkTypeEthernet), 32, 255, 255, 255, 255, 255, 255, 255, 255), ErrCorrupt},
		{"classic with more captured than crossed", edit(classic(t, false, layers.LinkTypeEthernet), 36, 10, 0), ErrCorrupt},
		{"byte-order magic", edit(ng(), 8, 1), ErrCorrupt},
		{"version 2", edit(ng(), 12, 2), ErrFormat},
		{"block of 4 GiB", edit(ng(), section+4, 255, 255, 255, 255), ErrCorrupt},
		{"block of 8 octets", edit(ng(), section+4, 8, 0, 0, 0), ErrCorrupt},
		{"block of 13 octets", edit(ng(), section+4, 13, 0, 0, 0), ErrCorrupt},
		{"lengths differ", edit(ng(), section+port-4, 12, 0, 0, 0), ErrCorrupt},
		{"interface of another link type", edit(ng(), section+8, 101), ErrLinkType},
		{"unknown interface", edit(ng(), section+port+8, 1), ErrCorrupt},
		{"more captured than in the block", edit(ng(), section+port+20, 200), ErrCorrupt},
		{"packet before its interface", append(appendSection(nil), ng()[section+port:]...), ErrCorrupt},
		{"resolution of 10^-127", edit(ng(), section+port-12, 127), ErrCorrupt},
		{"resolution of 2^-127", edit(ng(), section+port-12, 255), ErrCorrupt},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := readAll(tt.file); !errors.Is(err, tt.want) {
				t.Errorf("got %d frames, %v; want %v", len(got), err, tt.want)
			}
		})
	}
}

func TestReaderBoundsInterfaces(t *testing.T) {
	b := appendSection(nil)
	for range maxInterfaces + 1 {
		b = appendInterface(b, "", 1)
	}
	if _, err := readAll(b); !errors.Is(err, ErrCorrupt) {
		t.Errorf("%d interfaces: %v", maxInterfaces+1, err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add(classic(f, false, layers.LinkTypeEthernet))
	f.Add(classic(f, true, layers.LinkTypeEthernet))
	f.Add(ng())
	f.Add(bigEndian())
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readAll(b)
		size := 0
		for _, p := range got {
			if len(p.Data) > p.Length {
				t.Fatalf("%d octets of %d", len(p.Data), p.Length)
			}
			size += len(p.Data)
		}
		if size > len(b) {
			t.Fatalf("%d octets of frames in a file of %d (%v)", size, len(b), err)
		}
		for i, g := range rewrite(t, got, 0) {
			if !isSame(g, got[i]) {
				t.Fatalf("frame %d: wrote %+v, read %+v", i, got[i], g)
			}
		}
	})
}
