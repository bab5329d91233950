package apps_test

import (
	"context"
	"fmt"
	"net"

	"tapestry/apps"
)

// A wrong key is shown where it stands, whichever way the table is written.
func ExampleParseConfig() {
	d, err := apps.ParseConfig("lab.toml", []byte(`
[host.alpha.app.http]
port = 8080
rooot = "www"
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	var c struct {
		Port uint16 `toml:"port"`
		Root string `toml:"root"`
	}
	fmt.Println(d.Table("host", "alpha", "app", "http").Decode(&c))
	// Output: lab.toml:4: host.alpha.app.http.rooot: unknown key; did you mean "root"?
}

// A server of a few lines: it greets on every connection until its context ends.
func ExampleServeStream() {
	env := apps.NewEnv(apps.EnvConfig{})
	l, err := env.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := make(chan error)
	go func() {
		done <- apps.ServeStream(ctx, env.Log(), l, func(_ context.Context, c net.Conn) {
			fmt.Fprint(c, "hello")
		}, apps.Limits{Sessions: 10})
	}()

	c, err := env.DialContext(ctx, "tcp", l.Addr().String())
	if err != nil {
		fmt.Println(err)
		return
	}
	var word string
	fmt.Fscan(c, &word)
	fmt.Println(word)
	_ = c.Close()
	cancel()
	fmt.Println(<-done)
	// Output:
	// hello
	// <nil>
}
