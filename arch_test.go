package tapestry_test

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// To add a rule: write its check in arch_imports_test.go or arch_source_test.go, add it to the table below, and a
// source that breaks it to arch_self_test.go.

// rules are what the sources are held to, by the name that a violation shows.
var rules = []struct {
	name  string
	check func(*tree) []violation
}{
	{"direction", checkDirection},
	{"gvisor", checkGVisor},
	{"owner", checkOwners},
	{"test-only", checkTestOnly},
	{"surroundings", checkSurroundings},
	{"plain-core", checkPlainCores},
	{"package-doc", checkPackageDoc},
	{"package-name", checkPackageName},
	{"file-size", checkFileSize},
	{"citation", checkCitation},
	{"todo", checkTODO},
	{"machine-path", checkMachinePath},
	{"silenced", checkSilenced},
}

// TestArchitecture holds every rule over the sources of this repository.
func TestArchitecture(t *testing.T) {
	tr, err := readTree(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.files) < 10 {
		t.Fatalf("only %d Go files were found: the rules would hold over nothing", len(tr.files))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, v := range r.check(tr) {
				t.Errorf("%s", v)
			}
		})
	}
}

// module is this module's path; folders below it are import paths after "tapestry/".
const module = "tapestry"

// local gives the folder that an import path of this module names.
func local(path string) (dir string, ok bool) {
	return strings.CutPrefix(path, module+"/")
}

// within reports whether dir is root or below it.
func within(dir, root string) bool {
	return dir == root || strings.HasPrefix(dir, root+"/")
}

func withinAny(dir string, roots []string) bool {
	return slices.ContainsFunc(roots, func(r string) bool { return within(dir, r) })
}
