//go:build linux

package bench

import (
	"fmt"
	"slices"
	"strings"

	"tapestry/internal/nearest"
)

func contains(names []string, name string) bool { return slices.Contains(names, name) }

func scenarioNames() (names []string) {
	for i := range scenarios {
		names = append(names, scenarios[i].name)
	}
	return names
}

func pathNames() (names []string) {
	for i := range paths {
		names = append(names, paths[i].name)
	}
	return names
}

// chosenScenarios are those that names ask for, all for none, in the table's order.
func chosenScenarios(o *Options) (out []*scenario, err error) {
	if err := known("scenario", o.Scenarios, scenarioNames()); err != nil {
		return nil, err
	}
	for i := range scenarios {
		s := &scenarios[i]
		if contains(o.Scenarios, s.name) || len(o.Scenarios) == 0 && (s.quick || !o.Quick) {
			out = append(out, s)
		}
	}
	return out, nil
}

// chosenPaths likewise.
func chosenPaths(o *Options) (out []*path, err error) {
	if err := known("path", o.Paths, pathNames()); err != nil {
		return nil, err
	}
	for i := range paths {
		p := &paths[i]
		if contains(o.Paths, p.name) || len(o.Paths) == 0 && (p.quick || !o.Quick) {
			out = append(out, p)
		}
	}
	return out, nil
}

// known is an error for the first name that is not there, with what it was probably meant to be.
func known(kind string, asked, names []string) error {
	for _, name := range asked {
		if contains(names, name) {
			continue
		}
		if n, ok := nearest.Name(name, names); ok {
			return fmt.Errorf("no %s %q; did you mean %q?", kind, name, n)
		}
		return fmt.Errorf("no %s %q; there are %s", kind, name, strings.Join(names, ", "))
	}
	return nil
}
