package packet

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"
)

// message is a control message with auxiliary data.
func message(level, kind int32, status uint32, tci, tpid uint16) []byte {
	ne := binary.NativeEndian
	b := make([]byte, auxStatus)
	b[0] = auxEnd
	ne.PutUint32(b[auxStatus-8:], uint32(level))
	ne.PutUint32(b[auxStatus-4:], uint32(kind))
	b = ne.AppendUint32(b, status)
	b = append(b, make([]byte, 12)...) // lengths and offsets
	return ne.AppendUint16(ne.AppendUint16(b, tci), tpid)
}

func TestParseAux(t *testing.T) {
	good := message(unix.SOL_PACKET, unix.PACKET_AUXDATA, 0x51, 42, 0x8100)
	if got, want := parseAux(good), (aux{0x51, 42, 0x8100}); got != want {
		t.Errorf("parseAux(%x) = %+v, want %+v", good, got, want)
	}
	for i := range good {
		if got := parseAux(good[:i]); got != (aux{}) {
			t.Errorf("parseAux of %d octets = %+v, want nothing", i, got)
		}
	}
	if got := parseAux(message(unix.SOL_SOCKET, unix.PACKET_AUXDATA, 0x51, 42, 0x8100)); got != (aux{}) {
		t.Errorf("parseAux of another level = %+v, want nothing", got)
	}
}

func FuzzParseAux(f *testing.F) {
	f.Add(message(unix.SOL_PACKET, unix.PACKET_AUXDATA, 0x51, 42, 0x8100))
	f.Fuzz(func(t *testing.T, b []byte) { parseAux(b) })
}
