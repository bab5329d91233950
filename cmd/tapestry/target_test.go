package main

import (
	"testing"

	"tapestry/cmd/tapestry/internal/control"
)

func TestChoose(t *testing.T) {
	lab := func(name, folder string) control.Running {
		return control.Running{Name: name, Socket: folder + "/" + name}
	}
	for _, tt := range []struct {
		name, lab  string
		own, other []control.Running
		want, err  string
	}{
		{"none", "", nil, nil, "", "no lab is running; start one with `tapestry run`"},
		{"none of that name", "x", nil, nil, "", "no lab is running; start one with `tapestry run`"},
		{"one", "", []control.Running{lab("a", "run")}, nil, "run/a", ""},
		{"one elsewhere", "", nil, []control.Running{lab("a", "tmp")}, "tmp/a", ""},
		{"one here, one elsewhere", "", []control.Running{lab("a", "run")}, []control.Running{lab("b", "tmp")}, "run/a", ""},
		{"the one elsewhere by name", "b", []control.Running{lab("a", "run")}, []control.Running{lab("b", "tmp")}, "tmp/b", ""},
		{"one name twice", "a", []control.Running{lab("a", "run")}, []control.Running{lab("a", "tmp")}, "run/a", ""},
		{"two here", "", []control.Running{lab("a", "run"), lab("b", "run")}, nil, "", "2 labs are running; choose one with --lab: a, b"},
		{"two elsewhere", "", nil, []control.Running{lab("a", "tmp"), lab("b", "tmp")}, "", "2 labs are running; choose one with --lab: a, b"},
		{"no such", "x", []control.Running{lab("a", "run")}, []control.Running{lab("b", "tmp")}, "", `no lab "x" is running; running are: a, b`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := choose(tt.lab, [][]control.Running{tt.own, tt.other})
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got.Socket != tt.want || text != tt.err {
				t.Errorf("got %q, %q; want %q, %q", got.Socket, text, tt.want, tt.err)
			}
		})
	}
}

// TestLabByEnvironment: TAPESTRY_LAB is the default of --lab, also in a command beside another lab.
func TestLabByEnvironment(t *testing.T) {
	for _, tt := range []struct {
		name, flag, env, socket, want string
		ok                            bool
	}{
		{"beside a lab", "", "a", "/run/tapestry/a/control", "/run/tapestry/a/control", true},
		{"beside a lab, named", "a", "a", "/run/tapestry/a/control", "/run/tapestry/a/control", true},
		{"a socket alone", "", "", "/run/tapestry/a/control", "/run/tapestry/a/control", true},
		{"another one by the flag", "nosuch", "a", "/run/tapestry/a/control", "", false},
		{"another one by the variable", "", "nosuch", "/run/tapestry/a/control", "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TAPESTRY_LAB", tt.env)
			t.Setenv("TAPESTRY_SOCKET", tt.socket)
			got, err := (&target{lab: tt.flag}).socket()
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}
