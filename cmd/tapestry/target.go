package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"tapestry/cmd/tapestry/internal/control"
	"tapestry/cmd/tapestry/internal/lab"
)

// target is the running lab and the host that a tool acts in.
type target struct {
	lab  string
	host string
	json bool
}

// addTo gives the command the flags that choose them.
func (t *target) addTo(c *cobra.Command) {
	t.addLab(c)
	c.Flags().StringVar(&t.host, "host", "", "host to act in (default: the lab's first)")
	c.RegisterFlagCompletionFunc("host", t.completeHosts)
}

// addLab gives the command the flag that chooses the lab alone.
func (t *target) addLab(c *cobra.Command) {
	c.Flags().StringVar(&t.lab, "lab", "", "name of the running lab (default: $TAPESTRY_LAB, or the one that runs; see labs --help)")
	c.RegisterFlagCompletionFunc("lab", completeLabs)
}

func (t *target) addJSON(c *cobra.Command) {
	c.Flags().BoolVar(&t.json, "json", false, "print JSON")
}

// addJSONLines is addJSON of a tool that prints as things happen.
func (t *target) addJSONLines(c *cobra.Command) {
	c.Flags().BoolVar(&t.json, "json", false, "print JSON, one object a line")
}

func dirs() []string { return control.Dirs(os.Getenv("XDG_RUNTIME_DIR"), os.Getuid()) }

// socket finds the running lab's: that of the command's own lab inside of one.
func (t *target) socket() (string, error) {
	name := t.lab
	if name == "" {
		name = os.Getenv("TAPESTRY_LAB")
	}
	if s := os.Getenv("TAPESTRY_SOCKET"); s != "" && (name == "" || name == filepath.Base(filepath.Dir(s))) {
		return s, nil
	}
	var running [][]control.Running
	for _, dir := range dirs() {
		running = append(running, control.List([]string{dir}))
	}
	l, err := choose(name, running)
	return l.Socket, err
}

// choose finds the lab of a name, or the only one, in the lists of the user's folders, the first choice first: a lab that is
// alone in that is meant, whatever is in another.
func choose(name string, running [][]control.Running) (control.Running, error) {
	all := slices.Concat(running...)
	var names []string
	for _, l := range all {
		if l.Name == name {
			return l, nil
		}
		names = append(names, l.Name)
	}
	switch {
	case len(all) == 0:
		return control.Running{}, errors.New("no lab is running; start one with `tapestry run`")
	case name != "":
		return control.Running{}, fmt.Errorf("no lab %q is running; running are: %s", name, strings.Join(names, ", "))
	case len(running[0]) == 1 || len(all) == 1:
		return all[0], nil
	}
	return control.Running{}, fmt.Errorf("%d labs are running; choose one with --lab: %s", len(names), strings.Join(names, ", "))
}

// stream asks the lab and gives each result to receive.
func stream[T any](ctx context.Context, t *target, op string, args any, receive func(T) error) error {
	path, err := t.socket()
	if err != nil {
		return err
	}
	r := control.Request{Op: op, Host: t.host}
	if args != nil {
		if r.Args, err = json.Marshal(args); err != nil {
			return err
		}
	}
	return control.Call(ctx, path, r, func(b json.RawMessage) error {
		var v T
		if err := json.Unmarshal(b, &v); err != nil {
			return fmt.Errorf("the lab answers what this version does not understand: %w", err)
		}
		return receive(v)
	})
}

// ask asks the lab for one result.
func ask[T any](ctx context.Context, t *target, op string, args any) (T, error) {
	var v T
	err := stream(ctx, t, op, args, func(got T) error { v = got; return nil })
	return v, err
}

// show prints a result as JSON or by write.
func show[T any](c *cobra.Command, t *target, v T, write func(io.Writer, T) error) error {
	if t.json {
		return printJSON(c.OutOrStdout(), v)
	}
	return write(c.OutOrStdout(), v)
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printLine prints one object of a stream on a line of its own.
func printLine(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

func completeLabs(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, l := range control.List(dirs()) {
		names = append(names, l.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func (t *target) completeHosts(c *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	i, err := ask[lab.Info](context.Background(), &target{lab: t.lab}, "info", nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, h := range i.Hosts {
		names = append(names, h.Name)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
