package tapestry_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// tree is what the rules read: all Go files of the module, and its scripts and documents as text.
type tree struct {
	fset  *token.FileSet
	files []*file
	texts []text
}

// file is one Go source.
type file struct {
	*ast.File
	text
	dir string
}

// text is any file that people wrote.
type text struct {
	path, content string
}

// violation is a rule broken at a place.
type violation struct {
	path string
	line int
	what string
}

func (v violation) String() string { return fmt.Sprintf("%s:%d: %s", v.path, v.line, v.what) }

// readTree reads the module in fsys. What lies in examples/ are modules of their own: their text is
// read, their imports are theirs.
func readTree(fsys fs.FS) (*tree, error) {
	tr := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipDir(name, d)
		}
		return tr.add(fsys, name)
	})
	return tr, err
}

// skipDir leaves out what git and the go command leave out; hidden folders hold nothing but .ci.
func skipDir(name string, d fs.DirEntry) error {
	switch base := d.Name(); {
	case name == ".", base == ".ci":
		return nil
	case base == "bin", base == "testdata", base == "results", base[0] == '.', base[0] == '_':
		return fs.SkipDir
	}
	return nil
}

func (tr *tree) add(fsys fs.FS, name string) error {
	if !isText(name) {
		return nil
	}
	b, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	x := text{path: name, content: string(b)}
	tr.texts = append(tr.texts, x)
	if path.Ext(name) != ".go" || strings.HasPrefix(name, "examples/") {
		return nil
	}
	f, err := parser.ParseFile(tr.fset, name, b, parser.ParseComments)
	if err != nil {
		return err
	}
	tr.files = append(tr.files, &file{File: f, text: x, dir: path.Dir(name)})
	return nil
}

func isText(name string) bool {
	switch path.Ext(name) {
	case ".go", ".sh", ".md", ".toml":
		return true
	}
	return path.Base(name) == "Makefile" || name == ".ci/run"
}

// at makes a violation at a node of f.
func (tr *tree) at(f *file, pos token.Pos, format string, args ...any) violation {
	return violation{path: f.path, line: tr.fset.Position(pos).Line, what: fmt.Sprintf(format, args...)}
}

// sources calls visit for each Go file that is no test.
func (tr *tree) sources(visit func(*file)) {
	for _, f := range tr.files {
		if !f.isTest() {
			visit(f)
		}
	}
}

// imports calls visit for each import of each Go file that is no test.
func (tr *tree) imports(visit func(f *file, pos token.Pos, path string)) {
	tr.sources(func(f *file) {
		for _, i := range f.Imports {
			if p, err := strconv.Unquote(i.Path.Value); err == nil {
				visit(f, i.Pos(), p)
			}
		}
	})
}

func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// isMain reports whether the file is part of a program.
func (f *file) isMain() bool { return f.Name.Name == "main" }

// isSupport reports whether the file belongs to a package made for tests: linktest, stacktest, nstest …
func (f *file) isSupport() bool { return isSupport(f.dir) }

// isSupport holds for a folder on whose path a package made for tests lies.
func isSupport(dir string) bool {
	for _, part := range strings.Split(dir, "/") {
		if strings.HasSuffix(part, "test") && part != "test" {
			return true
		}
	}
	return false
}

// lines calls visit for each line of x, counted from 1.
func (x text) lines(visit func(n int, line string)) {
	n := 0
	for line := range strings.Lines(x.content) {
		n++
		visit(n, strings.TrimSuffix(line, "\n"))
	}
}
