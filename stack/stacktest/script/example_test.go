package script_test

import (
	"fmt"

	"tapestry/stack/stacktest/script"
)

func ExampleParse() {
	s, err := script.Parse("reset.txt", `# A reset in the window is challenged (RFC 5961 §3.2).
listen
< S seq 0 win 65535 <mss 1460>
> SA seq 0 ack 1
+0.1 < A seq 1 ack 1
< R seq 2
> A seq 1 ack 1
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(len(s.Steps), "steps; the fourth:", s.Steps[3])
	_, err = script.Parse("typing.txt", "listen\nacept\n")
	fmt.Println(err)
	// Output:
	// 6 steps; the fourth: +0.1 < A seq 1 ack 1
	// typing.txt:2: unknown operation "acept"; did you mean "accept"?
}
