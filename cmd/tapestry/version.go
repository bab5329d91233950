package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is what this build is made from.
type version struct {
	Version string `json:"version"`
	Commit  string `json:"commit,omitempty"`
	Go      string `json:"go"`
	System  string `json:"system"`
}

func versionCommand() *cobra.Command {
	var t target
	c := &cobra.Command{
		Use: "version", Short: "Print the version",
		Example: "  tapestry version --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return show(c, &t, buildVersion(), func(w io.Writer, v version) error {
				_, err := fmt.Fprintf(w, "tapestry %s %s %s %s\n", v.Version, v.Commit, v.Go, v.System)
				return err
			})
		},
	}
	t.addJSON(c)
	return c
}

func buildVersion() version {
	v := version{Version: "devel", Go: runtime.Version(), System: runtime.GOOS + "/" + runtime.GOARCH}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if m := b.Main.Version; m != "" && m != "(devel)" {
		v.Version = m
	}
	for _, s := range b.Settings {
		if s.Key == "vcs.revision" {
			v.Commit = s.Value
		}
	}
	return v
}
