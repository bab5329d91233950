package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// The names of the reasons in the runtime: what gVisor means, and what it is to say.
const (
	reasonSelect  = "waitReasonSelect"
	reasonDurable = "waitReasonSynctestSelect"
)

// waitReasons reads the numbers of the reasons to park from the sources of the runtime.
func waitReasons(goroot string) (map[string]int, error) {
	name := filepath.Join(goroot, "src", "runtime", "runtime2.go")
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("the sources of Go's runtime are needed: %w", err)
	}
	for _, d := range f.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST && isReasons(g) {
			return numbered(g), nil
		}
	}
	return nil, fmt.Errorf("%s has no constants of type waitReason: this version of vtime does not know this Go", name)
}

// isReasons reports whether a block counts reasons with iota from 0.
func isReasons(g *ast.GenDecl) bool {
	first, ok := g.Specs[0].(*ast.ValueSpec)
	if !ok || len(first.Values) != 1 {
		return false
	}
	t, isType := first.Type.(*ast.Ident)
	v, isValue := first.Values[0].(*ast.Ident)
	return isType && isValue && t.Name == "waitReason" && v.Name == "iota"
}

func numbered(g *ast.GenDecl) map[string]int {
	m := map[string]int{}
	for i, s := range g.Specs {
		for _, n := range s.(*ast.ValueSpec).Names {
			m[n.Name] = i
		}
	}
	return m
}

// constantsFile is where gVisor has its copies of the reasons.
const constantsFile = "pkg/sync/runtime_constants_go_impl.go"

var constant = regexp.MustCompile(`(WaitReasonSelect\s+uint8\s*=\s*)(\d+)`)

// changed gives gVisor's file with the durable reason in it, and whether it was there before.
func changed(gvisorDir string, reasons map[string]int) (b []byte, already bool, err error) {
	name := filepath.Join(gvisorDir, filepath.FromSlash(constantsFile))
	b, err = os.ReadFile(name)
	if err != nil {
		return nil, false, fmt.Errorf("this is no gVisor that vtime knows: %w", err)
	}
	found := constant.FindSubmatch(b)
	if found == nil {
		return nil, false, fmt.Errorf("%s has no WaitReasonSelect: this version of vtime does not know this gVisor", name)
	}
	has, _ := strconv.Atoi(string(found[2]))
	plain, okPlain := reasons[reasonSelect]
	durable, okDurable := reasons[reasonDurable]
	switch {
	case !okPlain || !okDurable:
		return nil, false, fmt.Errorf("the runtime has no %s: use Go 1.25 or later", reasonDurable)
	case has == durable:
		return b, true, nil
	case has != plain:
		return nil, false, fmt.Errorf("%s has WaitReasonSelect = %d, this Go has %d: gVisor is not made for this Go", name, has, plain)
	}
	return constant.ReplaceAll(b, []byte("${1}"+strconv.Itoa(durable))), false, nil
}
