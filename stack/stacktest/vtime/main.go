package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

const usage = `Vtime runs the go command with a gVisor that can live in virtual time, for tests that use tapestry/stack/stacktest.

Usage, in a module that requires tapestry (or is it):

	go run tapestry/stack/stacktest/vtime [-dir folder] command [arguments]

Commands:

	test, vet, build, list, run   that go command, with its own arguments
	env                           print the flag to give to other go commands

	-dir folder   where the changed gVisor is kept; default: tapestry in the user's cache

Examples:

	go run tapestry/stack/stacktest/vtime test ./...
	go run tapestry/stack/stacktest/vtime test -run TestRetry -count 100 ./client
	GOFLAGS=$(go run tapestry/stack/stacktest/vtime env) staticcheck ./...

Nothing of the module is changed. The first run copies gVisor and builds it, later ones reuse both.
`

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run gives the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	dir, command, args, err := parse(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "vtime: %v\nTry vtime -h.\n", err)
		return 2
	}
	modfile, err := prepare(goCommand{dir: "."}, dir)
	if err != nil {
		fmt.Fprintln(stderr, "vtime:", err)
		return 1
	}
	if command == "env" {
		fmt.Fprintln(stdout, "-modfile="+modfile)
		return 0
	}
	return execute(append([]string{command, "-modfile=" + modfile}, args...), stdout, stderr)
}

var (
	errHelp  = errors.New("help")
	commands = []string{"test", "vet", "build", "list", "run", "env"}
)

// parse splits the command line: -dir, the command, its arguments.
func parse(args []string) (dir, command string, rest []string, err error) {
	for len(args) > 0 {
		a := args[0]
		value, hasValue := strings.CutPrefix(strings.TrimPrefix(a, "-"), "-dir=")
		switch {
		case slices.Contains([]string{"-h", "-help", "--help", "help"}, a):
			return "", "", nil, errHelp
		case hasValue:
			dir, args = value, args[1:]
		case (a == "-dir" || a == "--dir") && len(args) > 1:
			dir, args = args[1], args[2:]
		case slices.Contains(commands, a):
			return dir, a, args[1:], nil
		default:
			return "", "", nil, fmt.Errorf("%q is not one of the commands %s", a, strings.Join(commands, ", "))
		}
	}
	return "", "", nil, fmt.Errorf("want one of the commands %s", strings.Join(commands, ", "))
}

// execute runs the go command, with the word to the rigs that a gVisor without virtual time is a failure.
func execute(args []string, stdout, stderr io.Writer) int {
	c := exec.Command("go", args...)
	c.Env = append(os.Environ(), "TAPESTRY_VTIME=1")
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, stdout, stderr
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	}
	fmt.Fprintln(stderr, "vtime:", err)
	return 1
}
