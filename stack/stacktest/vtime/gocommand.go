package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
)

const gvisor = "gvisor.dev/gvisor"

// goCommand asks the go command about the module in dir.
type goCommand struct {
	dir string
	env []string // default the environment
}

func (g goCommand) run(args ...string) ([]byte, error) {
	c := exec.Command("go", args...)
	c.Dir, c.Env = g.dir, g.env
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %v\n%s", c, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, nil
}

// surroundings are what the go command says about itself and the module.
type surroundings struct{ GOMOD, GOROOT, GOWORK, GOVERSION string }

func (g goCommand) surroundings() (s surroundings, err error) {
	out, err := g.run("env", "-json", "GOMOD", "GOROOT", "GOWORK", "GOVERSION")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(out, &s); err != nil {
		return s, err
	}
	switch {
	case s.GOMOD == "" || s.GOMOD == "/dev/null" || s.GOMOD == "NUL":
		return s, errors.New("no go.mod here: run it in the folder of a module that requires tapestry")
	case s.GOWORK != "" && s.GOWORK != "off":
		return s, fmt.Errorf("the workspace %s is in use, where -modfile does not work: set GOWORK=off", s.GOWORK)
	}
	return s, nil
}

// module is a module as the one at hand uses it.
type module struct {
	Version string
	Dir     string
	Replace *module
}

// gvisor gives the gVisor that the module at hand uses; it is downloaded if need be.
func (g goCommand) gvisor() (m module, err error) {
	out, err := g.run("list", "-mod=readonly", "-m", "-json", gvisor)
	if err != nil {
		return m, fmt.Errorf("this module does not require %s, as one with tapestry does: %w", gvisor, err)
	}
	if err := json.Unmarshal(out, &m); err != nil || m.Dir != "" {
		return m, err
	}
	if out, err = g.run("mod", "download", "-json", gvisor); err != nil {
		return m, err
	}
	err = json.Unmarshal(out, &m)
	return m, err
}

// name is what tells this gVisor from others, as a part of a file's name.
func (m module) name() string {
	if m.Version == "" || m.Replace != nil {
		return "local"
	}
	return strings.NewReplacer("/", "_", "+", "_").Replace(m.Version)
}

// fingerprint tells one state of this gVisor from another. A version from the module cache has one; a folder that
// replaces it can change, which shows in sizes and times.
func (m module) fingerprint() (string, error) {
	if m.Replace == nil || m.Replace.Version != "" {
		return m.Dir, nil
	}
	var b strings.Builder
	err := filepath.WalkDir(filepath.Join(m.Dir, "pkg"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		i, err := e.Info()
		if err == nil {
			fmt.Fprintln(&b, path, i.Size(), i.ModTime().UnixNano())
		}
		return err
	})
	return b.String(), err
}
