//go:build linux

package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// roleArg is the first argument of this program in a role.
const roleArg = "bench-role"

// Role plays the part in which this program was started by [Run], if its arguments say so, and gives the status to exit
// with. It is the first thing that a program calls whose process is to measure.
func Role(args []string) (status int, ok bool) {
	if len(args) < 2 || args[0] != roleArg {
		return 0, false
	}
	runtime.LockOSThread() // a role that chooses its cores does so for this thread
	err := fmt.Errorf("no role %q", args[1])
	switch role, rest := args[1], args[2:]; {
	case role == "inside" && len(rest) == 1:
		err = playInside(rest[0])
	case role == "near" && len(rest) == 0:
		err = playNear()
	case role == "near" && len(rest) == 1:
		err = onCores(rest[0], "near")
	case role == "far" && len(rest) == 1:
		err = playFar(rest[0])
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s %s: %v\n", roleArg, args[1], err)
		return 1, true
	}
	return 0, true
}

// obey answers orders until standard input ends.
func obey(do func(order) (answer, error)) error {
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		a, err := do(o)
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
}

func scenarioNamed(name string) (*scenario, error) {
	for i := range scenarios {
		if scenarios[i].name == name {
			return &scenarios[i], nil
		}
	}
	return nil, known("scenario", []string{name}, scenarioNames())
}

func pathNamed(name string) (*path, error) {
	for i := range paths {
		if paths[i].name == name {
			return &paths[i], nil
		}
	}
	return nil, known("path", []string{name}, pathNames())
}
