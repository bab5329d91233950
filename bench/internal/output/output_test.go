package output

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestToFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	write := func(w io.Writer) error { return JSON(w, map[string]int{"a": 1}) }
	if err := ToFile(file, write); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != "{\n\t\"a\": 1\n}\n" {
		t.Errorf("got %q, %v", b, err)
	}
	if err := ToFile(filepath.Join(file, "below"), write); err == nil {
		t.Error("a file below a file gives no error")
	}
	broken := errors.New("broken")
	fail := func(io.Writer) error { return broken }
	if err := ToFile(file, fail); err != broken {
		t.Errorf("got %v, want the writer's error", err)
	}
	if err := ToFile("", fail); err != nil {
		t.Errorf("the empty name gives %v, want nothing written", err)
	}
}

// TestStandardOutput: "-" is what standard output is at that moment.
func TestStandardOutput(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer func(old *os.File) { os.Stdout = old }(os.Stdout)
	os.Stdout = w
	err = ToFile("-", func(w io.Writer) error { _, err := io.WriteString(w, "text"); return err })
	w.Close()
	if b, readErr := io.ReadAll(r); err != nil || readErr != nil || string(b) != "text" {
		t.Errorf("got %q, %v, %v", b, err, readErr)
	}
}
