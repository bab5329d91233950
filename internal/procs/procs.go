package procs

import (
	"log/slog"
	"runtime"
)

// Config says how many Ps a process has. The zero value adapts them to the load.
type Config struct {
	Max   int          // most Ps; default: GOMAXPROCS at Start, the cores that the process may use
	Fixed int          // so many Ps, whatever the load
	Env   string       // of GOMAXPROCS in the environment: if it is not empty, nothing is changed but by Fixed
	Log   *slog.Logger // says why nothing is adapted where it should be; default: none
}

// Start applies c. The process gets back what it had when stop is called. There is one at a time in a process.
func Start(c Config) (stop func()) {
	had := runtime.GOMAXPROCS(0)
	restore := func() { runtime.GOMAXPROCS(had) }
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Max <= 0 {
		c.Max = had
	}
	switch {
	case c.Fixed > 0:
		runtime.GOMAXPROCS(c.Fixed)
		return restore
	case c.Env != "", c.Max == 1:
		return func() {}
	}
	end, err := watch(newPolicy(c.Max))
	if err != nil {
		c.Log.Warn("GOMAXPROCS stays as it is and is not adapted to the load", "procs", had, "err", err)
		return func() {}
	}
	return func() {
		end()
		restore()
	}
}
