package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// layout is part of every hash: change it when what is written into the folders changes.
const layout = "1"

// prepare makes the changed gVisor and the go.mod that uses it, and gives the name of the latter. dir is where both are
// kept; empty, the user's cache.
func prepare(g goCommand, dir string) (modfile string, err error) {
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("say where to keep the changed gVisor, by -dir: %w", err)
		}
		dir = filepath.Join(cache, "tapestry")
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	s, err := g.surroundings()
	if err != nil {
		return "", err
	}
	engine, err := prepareGVisor(g, s, dir)
	if err != nil {
		return "", err
	}
	return prepareModfile(g, s.GOMOD, engine, dir)
}

// prepareGVisor gives the folder of the changed gVisor.
func prepareGVisor(g goCommand, s surroundings, dir string) (string, error) {
	m, err := g.gvisor()
	if err != nil {
		return "", err
	}
	reasons, err := waitReasons(s.GOROOT)
	if err != nil {
		return "", err
	}
	constants, already, err := changed(m.Dir, reasons)
	if err != nil || already {
		return m.Dir, err
	}
	state, err := m.fingerprint()
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "vtime-"+m.name()+"-"+hash(layout, state, string(constants)))
	return to, atomically(to, func(half string) error { return copyGVisor(half, m.Dir, constants) })
}

// prepareModfile writes the copy of a go.mod and its go.sum in which gVisor is replaced. Relative paths in it keep their
// meaning: the go command takes them from the folder of the real one.
func prepareModfile(g goCommand, gomod, engine, dir string) (string, error) {
	mod, err := os.ReadFile(gomod)
	if err != nil {
		return "", err
	}
	sum, err := os.ReadFile(strings.TrimSuffix(gomod, ".mod") + ".sum")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	to := filepath.Join(dir, "vtime-mod-"+hash(layout, engine, string(mod), string(sum)))
	name := filepath.Join(to, "go.mod")
	return name, atomically(to, func(half string) error {
		if err := os.WriteFile(filepath.Join(half, "go.sum"), sum, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(half, "go.mod"), mod, 0o644); err != nil {
			return err
		}
		return replaceGVisor(g, filepath.Join(half, "go.mod"), engine)
	})
}

// replaceGVisor takes the replacements of single versions out, which would come before the one that it puts in.
func replaceGVisor(g goCommand, modfile, engine string) error {
	m, err := g.gvisor()
	if err != nil {
		return err
	}
	args := []string{"mod", "edit"}
	if m.Version != "" {
		args = append(args, "-dropreplace="+gvisor+"@"+m.Version)
	}
	_, err = g.run(append(args, "-replace="+gvisor+"="+engine, modfile)...)
	return err
}

func hash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:6])
}
