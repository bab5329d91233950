// Rfcdoc writes docs/RFC.md: which sections of which documents the sources cite, and where they deviate. A citation is
// in a comment, written with the section sign; a deviation starts with the word Deviates and a colon.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", ".", "folder of the sources")
	out := flag.String("o", "", "file to write; default standard output")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "rfcdoc:", err)
		os.Exit(1)
	}
}

func run(root, out string) error {
	doc, err := generate(os.DirFS(root))
	if err != nil {
		return err
	}
	if out == "" {
		_, err = os.Stdout.Write(doc)
		return err
	}
	return os.WriteFile(out, doc, 0o644)
}
