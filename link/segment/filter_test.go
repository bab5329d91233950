package segment

import (
	"bytes"
	"testing"

	"tapestry/link"
)

// TestFilter holds that a device that said what it has a use for is spared the rest of what goes to everybody, and that
// the others are not.
func TestFilter(t *testing.T) {
	s := newSegment(t, Config{})
	d, err := s.NewDevice(PortConfig{Name: "picky"})
	if err != nil {
		t.Fatal(err)
	}
	d.SetFilter(func(head []byte) bool { return head[14] == 'y' })
	all := listenAll(t, s, 2, PortConfig{})
	yes, no := broadcast('y'), broadcast('n')
	all[0].say(no)
	all[0].say(yes)
	all[1].expect(t, "a station without a filter", no, yes)

	f := make([]link.Frame, 4)
	n, err := d.ReadFrames(f)
	if err != nil || n != 1 || !bytes.Equal(f[0].AppendTo(nil), yes) {
		t.Errorf("the filtered device was given %d frames, %v", n, err)
	}
	link.ReleaseAll(f[:n])
	if got := d.Port().Info().Stats.TxFrames; got != 1 {
		t.Errorf("the port counts %d frames to the device, want 1", got)
	}
}

// broadcast is a frame for everybody with one octet of payload that matters.
func broadcast(b byte) []byte {
	f := bytes.Repeat([]byte{0xff}, 6)
	f = append(f, 0x02, 0, 0, 0, 0, 9, 0x88, 0xb5, b)
	return append(f, make([]byte, 45)...)
}
