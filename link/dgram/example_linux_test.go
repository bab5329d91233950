package dgram_test

import (
	"fmt"
	"os"
	"path/filepath"

	"tapestry/link/dgram"
)

// A port that other processes of this user can join.
func ExampleListenUnix() {
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	conn, err := dgram.ListenUnix(filepath.Join(dir, "lan.sock"))
	if err != nil {
		fmt.Println(err)
		return
	}
	dev, err := dgram.New(dgram.Config{Conn: conn, Name: "lan.sock"})
	if err != nil {
		conn.Close()
		fmt.Println(err)
		return
	}
	defer dev.Close() // removes the file
	fmt.Println(dev.Info().Name, dev.Info().MTU)
	// Output: lan.sock 1500
}
