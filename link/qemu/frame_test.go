package qemu

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"tapestry/link"
)

// octets are those of a frame.
func octets(n int, c byte) []byte {
	b := bytes.Repeat([]byte{c}, n)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5})
	return b
}

// framed appends b behind a length.
func framed(dst []byte, length uint32, b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(dst, length), b...)
}

// decode takes a stream apart, of a wire whose MTU is 1500.
func decode(b []byte) (frames [][]byte, skipped int, err error) {
	d := newDecoder(bytes.NewReader(b), 1500, func() { skipped++ })
	for {
		f, err := d.next()
		if err != nil {
			return frames, skipped, err
		}
		frames = append(frames, f.AppendTo(nil))
		f.Release()
	}
}

func TestDecode(t *testing.T) {
	tests := []struct {
		name    string
		b       []byte
		frames  int
		skipped int
		err     error
	}{
		{"nothing", nil, 0, 0, io.EOF},
		{"a frame", framed(nil, 60, octets(60, 1)), 1, 0, io.EOF},
		{"two frames", framed(framed(nil, 14, octets(14, 1)), 1518, octets(1518, 2)), 2, 0, io.EOF},
		{"empty, then a frame", framed(framed(nil, 0, nil), 60, octets(60, 1)), 1, 1, io.EOF},
		{"short, then a frame", framed(framed(nil, 13, octets(14, 1)[:13]), 60, octets(60, 1)), 1, 1, io.EOF},
		{"long, then a frame", framed(framed(nil, 1519, octets(1519, 1)), 60, octets(60, 1)), 1, 1, io.EOF},
		{"the longest that QEMU sends", framed(nil, maxLength, octets(maxLength, 1)), 0, 1, io.EOF},
		{"longer", framed(nil, maxLength+1, octets(maxLength+1, 1)), 0, 0, errLength},
		{"absurd", framed(framed(nil, 60, octets(60, 1)), 0xffffffff, octets(60, 1)), 1, 0, errLength},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frames, skipped, err := decode(tt.b)
			if len(frames) != tt.frames || skipped != tt.skipped || !errors.Is(err, tt.err) {
				t.Errorf("%d frames, %d skipped, %v; want %d, %d, %v", len(frames), skipped, err, tt.frames, tt.skipped, tt.err)
			}
		})
	}
}

func TestTruncation(t *testing.T) {
	first := framed(nil, 60, octets(60, 1))
	all := framed(framed(first, 2000, octets(2000, 3)), 70, octets(70, 2))
	ends := map[int]bool{0: true, len(first): true, len(first) + 2004: true}
	for i := range all {
		_, _, err := decode(all[:i])
		want := io.ErrUnexpectedEOF
		if ends[i] {
			want = io.EOF
		}
		if err != want {
			t.Errorf("%d of %d octets: %v, want %v", i, len(all), err, want)
		}
	}
}

func FuzzStream(f *testing.F) {
	f.Add(framed(framed(nil, 60, octets(60, 1)), 70, octets(70, 2)))
	f.Add(framed(nil, 0xffffffff, nil))
	f.Add(framed(framed(nil, 3, octets(14, 1)[:3]), 14, octets(14, 2)))
	f.Fuzz(func(t *testing.T, b []byte) {
		frames, _, _ := decode(b)
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		total := 0
		for _, octets := range frames {
			frame := link.NewFrame(octets)
			encode(w, &frame, nil)
			frame.Release()
			total += len(octets)
		}
		w.Flush()
		if total > len(b) {
			t.Fatalf("%d octets of frames out of %d", total, len(b))
		}
		again, skipped, err := decode(out.Bytes())
		if err != io.EOF || skipped != 0 || len(again) != len(frames) {
			t.Fatalf("%d frames written, %d read, %d skipped, %v", len(frames), len(again), skipped, err)
		}
		for i := range again {
			if !bytes.Equal(again[i], frames[i]) {
				t.Fatalf("frame %d: %x, want %x", i, again[i], frames[i])
			}
		}
	})
}
