package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// atomically makes a folder by fill, under another name at first. One that exists is kept: its name says what is in it.
func atomically(dir string, fill func(dir string) error) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	half, err := os.MkdirTemp(filepath.Dir(dir), ".making-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(half) // nothing of it is left where the rename succeeded
	if err := os.Chmod(half, 0o755); err != nil {
		return err
	}
	if err := fill(half); err != nil {
		return err
	}
	err = os.Rename(half, dir)
	if _, exists := os.Stat(dir); exists == nil {
		return nil // another vtime was faster
	}
	return err
}

// copyGVisor fills dir with gVisor's packages and the changed file.
func copyGVisor(dir, from string, constants []byte) error {
	err := filepath.WalkDir(filepath.Join(from, "pkg"), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		switch {
		case e.IsDir():
			return os.MkdirAll(to, 0o755)
		case !e.Type().IsRegular(), filepath.ToSlash(rel) == constantsFile, strings.HasSuffix(rel, "_test.go"):
			return nil
		}
		return linkOrCopy(path, to)
	})
	if err != nil {
		return fmt.Errorf("copying gVisor: %w", err)
	}
	for _, name := range []string{"go.mod", "LICENSE"} {
		if err := copyFile(filepath.Join(from, name), filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("copying gVisor: %w", err)
		}
	}
	return os.WriteFile(filepath.Join(dir, filepath.FromSlash(constantsFile)), constants, 0o644)
}

// linkOrCopy makes a hard link where it can: files of the module cache are read-only.
func linkOrCopy(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	return copyFile(from, to)
}

func copyFile(from, to string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return err
	}
	return w.Close()
}
