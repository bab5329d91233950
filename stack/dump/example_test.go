package dump_test

import (
	"encoding/hex"
	"fmt"

	"tapestry/stack/dump"
)

func ExampleFrame() {
	b, _ := hex.DecodeString("020000000002020000000001080045000028000140004006" + "e664" + "c6336401c6336402" +
		"c00000500000000100000000" + "5002ffff" + "9b260000")
	fmt.Println(dump.Frame(b))
	// Output:
	// ethernet 02:00:00:00:00:01 > 02:00:00:00:00:02, IPv4, 40 octets
	// ipv4 198.51.100.1 > 198.51.100.2, TCP, ttl 64, id 0x0001, df, 40 octets
	// tcp 49152 > 80 (www-http), flags S, seq 1, win 65535, 0 octets
}
