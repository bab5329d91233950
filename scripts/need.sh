#!/bin/sh
# Checks what nothing works without: Linux and a Go that is new enough. Says what was found and what to do.
set -eu
cd "$(dirname "$0")/.."
go=${GO:-go}
want=$(sed -n 's/^go \([0-9.]*\).*/\1/p' go.mod)

fail() {
	printf 'tapestry: %s\n' "$@" >&2
	exit 1
}

# at_least A B: version A is B or newer.
at_least() {
	[ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]
}

system=$(uname -s)
[ "$system" = Linux ] || fail "this is $system; Tapestry runs on Linux (a virtual machine or a container will do)."

command -v "$go" >/dev/null 2>&1 ||
	fail "no Go was found (looked for '$go' in PATH); Tapestry needs Go $want or newer." \
		"Get it from https://go.dev/dl/, or say where it is: make GO=/usr/local/go/bin/go"

# In this folder a Go with GOTOOLCHAIN=auto names the toolchain that it fetches for go.mod.
found=$("$go" env GOVERSION 2>/dev/null) || found=
at_least "${found#go}" "$want" && exit 0
found=$(cd / && GOTOOLCHAIN=local "$go" env GOVERSION 2>/dev/null) || found='an unknown version'
fail "found $found at $(command -v "$go"); Tapestry needs Go $want or newer." \
	"Get it from https://go.dev/dl/, or let Go 1.21 or newer fetch it: make GOTOOLCHAIN=auto …"
