package time

import (
	"encoding/binary"
	"errors"
	"time"
)

// since1900 is 1970-01-01 in seconds since 1900-01-01: RFC 868.
const since1900 = 2208988800

// size of a message.
const size = 4

var errLength = errors.New("time: a message that is not 4 octets")

// appendTime appends the message that says t, modulo 2^32.
func appendTime(b []byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint32(b, uint32(t.Unix()+since1900))
}

// parse gives the moment nearest to now that b can mean.
func parse(b []byte, now time.Time) (time.Time, error) {
	if len(b) != size {
		return time.Time{}, errLength
	}
	ours := uint32(now.Unix() + since1900)
	ahead := int32(binary.BigEndian.Uint32(b) - ours) // the difference modulo 2^32, nearest to zero
	return time.Unix(now.Unix()+int64(ahead), 0).UTC(), nil
}
