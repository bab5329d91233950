package impair_test

import (
	"fmt"
	"strings"

	"tapestry/link"
	"tapestry/link/impair"
	"tapestry/link/pipe"
)

// A cable that loses a tenth of what is written at one end, always the same frames.
func Example() {
	a, b := pipe.New(pipe.Config{})
	defer b.Close()
	c, err := impair.Parse("loss=10%")
	if err != nil {
		fmt.Println(err)
		return
	}
	dev, err := impair.New(a, impair.DeviceConfig{Tx: c, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer dev.Close()
	for range 1000 {
		dev.Queues()[0].WriteFrames([]link.Frame{link.NewFrame(make([]byte, 60))})
	}
	s := dev.Line(impair.Tx).Stats()
	fmt.Println(s.Frames, "written,", s.Passed, "passed,", s.Drops.Loss, "lost")
	// Output: 1000 written, 897 passed, 103 lost
}

// What an operator changes while a lab runs.
func ExampleConfig_With() {
	c, err := impair.Parse("loss=1%,delay=10ms")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, text := range []string{"jitter=2ms", "loss=5%,burst=3", "los=1%", "off"} {
		next, err := c.With(text)
		if err != nil {
			problem, _, _ := strings.Cut(err.Error(), " The keys")
			fmt.Println(problem)
			continue
		}
		c = next
		fmt.Println(c)
	}
	// Output:
	// loss=1%,delay=10ms,jitter=2ms
	// loss=5%,burst=3,delay=10ms,jitter=2ms
	// impair: los=1%: there is no such key, did you mean loss?
	// off
}
