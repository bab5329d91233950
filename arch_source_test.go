package tapestry_test

import (
	"cmp"
	"fmt"
	"go/ast"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// cores are the packages of ours that are plain code: now, packets and random numbers come in, deadlines go out.
// In a core, socket.go alone blocks.
var cores = []string{
	"link/ethernet", "link/segment/stp", "stack/dump", "stack/ipx", "stack/spx", "stack/rarp", "apps/internal/tftp", "apps/internal/rip",
}

// coreImports are packages that plain code has no use for.
var coreImports = []string{"sync", "math/rand", "math/rand/v2", "crypto/rand", "context", "os"}

// coreCalls are the functions of package time that read the clock or wait for it.
var coreCalls = []string{"Now", "Since", "Until", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Sleep"}

// checkPlainCores holds that protocol cores have no goroutine, channel, lock, clock or randomness of their own.
func checkPlainCores(tr *tree) (out []violation) {
	tr.sources(func(f *file) {
		if !withinAny(f.dir, cores) || path.Base(f.path) == "socket.go" {
			return
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			if what := impure(n); what != "" {
				out = append(out, tr.at(f, n.Pos(), "%s: a protocol core is plain code (only its socket.go waits)", what))
			}
			return true
		})
	})
	return out
}

// impure names what plain code may not contain.
func impure(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "go statement"
	case *ast.ChanType:
		return "channel"
	case *ast.SelectStmt:
		return "select"
	case *ast.ImportSpec:
		if p := strings.Trim(n.Path.Value, `"`); withinAny(p, coreImports) {
			return "import of " + p
		}
	case *ast.SelectorExpr:
		if isIdent(n.X, "time") && slices.Contains(coreCalls, n.Sel.Name) {
			return "time." + n.Sel.Name
		}
	}
	return ""
}

func isIdent(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// surroundings are the functions of package os that read what a package was not given.
var surroundings = []string{"Getenv", "LookupEnv", "Environ", "Args", "Exit"}

// checkSurroundings holds that packages read no environment and no arguments, and end no process.
func checkSurroundings(tr *tree) (out []violation) {
	tr.sources(func(f *file) {
		if f.isMain() || f.isSupport() || withinAny(f.dir, []string{"cmd", "bench"}) {
			return
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if ok && isIdent(s.X, "os") && slices.Contains(surroundings, s.Sel.Name) {
				out = append(out, tr.at(f, n.Pos(), "os.%s: only cmd and bench know how the program was started", s.Sel.Name))
			}
			return true
		})
	})
	return out
}

// checkPackageDoc holds that each package says what it is: in doc.go, or in a program's main file.
func checkPackageDoc(tr *tree) (out []violation) {
	first := map[string]*file{}
	documented := map[string]bool{}
	tr.sources(func(f *file) {
		if first[f.dir] == nil {
			first[f.dir] = f
		}
		if isPackageDoc(f) {
			documented[f.dir] = true
		}
	})
	for _, dir := range slices.Sorted(maps.Keys(first)) {
		if f := first[dir]; !documented[dir] {
			out = append(out, tr.at(f, f.Package, "package %s has no doc.go that starts with %q", f.Name.Name, "// Package "+f.Name.Name))
		}
	}
	return out
}

func isPackageDoc(f *file) bool {
	if f.Doc == nil {
		return false
	}
	if f.isMain() {
		return true
	}
	return path.Base(f.path) == "doc.go" && strings.HasPrefix(f.Doc.Text(), "Package "+f.Name.Name+" ")
}

// vague are names that say nothing.
var vague = []string{"util", "utils", "common", "types", "base", "helper", "helpers", "misc", "shared", "lib"}

// checkPackageName holds that a package is one short noun and lies in the folder of its name.
func checkPackageName(tr *tree) (out []violation) {
	tr.sources(func(f *file) {
		name := f.Name.Name
		switch {
		case slices.Contains(vague, name), slices.Contains(vague, path.Base(f.dir)):
			out = append(out, tr.at(f, f.Package, "package %s in %s: the name says nothing; name what it is for", name, f.dir))
		case strings.ToLower(name) != name, strings.Contains(name, "_"):
			out = append(out, tr.at(f, f.Package, "package %s: lower-case letters only", name))
		case !f.isMain() && name != path.Base(f.dir):
			out = append(out, tr.at(f, f.Package, "package %s lies in folder %s", name, f.dir))
		}
	})
	return out
}

// maxLines is where a file is certainly several.
const maxLines = 600

func checkFileSize(tr *tree) (out []violation) {
	for _, f := range tr.files {
		if n := strings.Count(f.content, "\n"); n > maxLines {
			out = append(out, violation{f.path, n, fmt.Sprintf("%d lines; a file has at most %d: split it by concern", n, maxLines)})
		}
	}
	return out
}

// The patterns are put together from pieces so that this file does not break the rules it holds.
var (
	sectionInWords = regexp.MustCompile(`RFC ?\d+,? ` + `(?:[Ss]ection|[Ss]ec\.|[Cc]hapter)`)
	looseRFC       = regexp.MustCompile(`(?:^|[^./\w-])` + `(?:RFC\d|rfc ?\d)`)
	todo           = regexp.MustCompile(`\b(?:TO` + `DO|FIX` + `ME|X` + `XX)\b`)
	condition      = regexp.MustCompile(`\b(?:when|once|until|as soon as|if)\b`)
	machinePath    = regexp.MustCompile("(?:^|[\\s\"'`(=:])/(?:wo" + "rk|ro" + "ot|ho" + "me|Us" + "ers)/")
	silenced       = regexp.MustCompile(`//\s*no` + `lint|//lint:` + `ignore \S+\s*$`)
)

// checkCitation holds that citations are ones that docs/RFC.md is built from: RFC 9293 §3.10.
func checkCitation(tr *tree) (out []violation) {
	for _, f := range tr.files {
		for _, g := range f.Comments {
			for _, c := range g.List {
				if m := cmp.Or(sectionInWords.FindString(c.Text), looseRFC.FindString(c.Text)); m != "" {
					out = append(out, tr.at(f, c.Pos(), "%q: cite as RFC 9293 §3.10", m))
				}
			}
		}
	}
	return out
}

// checkTODO holds that what is left undone names the condition that ends it.
func checkTODO(tr *tree) (out []violation) {
	for _, f := range tr.files {
		for _, g := range f.Comments {
			if todo.MatchString(g.Text()) && !condition.MatchString(afterTODO(g)) {
				out = append(out, tr.at(f, g.Pos(), "an open end without the condition that closes it (when, once, until …)"))
			}
		}
	}
	return out
}

func afterTODO(g *ast.CommentGroup) string {
	s := g.Text()
	return s[todo.FindStringIndex(s)[0]:]
}

// checkMachinePath holds that nothing depends on where one machine has its files.
func checkMachinePath(tr *tree) []violation {
	return grep(tr.texts, machinePath, "a path of one machine")
}

// checkSilenced holds that a linter is not silenced without a reason.
func checkSilenced(tr *tree) []violation {
	return grep(tr.texts, silenced, "a check silenced without a reason: repair it, or give the reason to lint:"+"ignore")
}

func grep(texts []text, re *regexp.Regexp, what string) (out []violation) {
	for _, x := range texts {
		x.lines(func(n int, line string) {
			if m := re.FindString(line); m != "" {
				out = append(out, violation{x.path, n, fmt.Sprintf("%q: %s", strings.TrimSpace(m), what)})
			}
		})
	}
	return out
}
