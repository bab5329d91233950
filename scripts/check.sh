#!/usr/bin/env bash
# What passes before a change is offered: format, vet, staticcheck, the rules that arch_test.go reads from the sources,
# and all tests with the race detector. Every step runs; the status is that of the worst.
set -uo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
status=0

# step NAME COMMAND…
step() {
	local name=$1
	shift
	printf '== %s\n' "$name" >&2
	"$@" </dev/null || { status=1; printf '== %s: failed\n' "$name" >&2; }
}

format() {
	local files
	files=$("$("$go" env GOROOT)/bin/gofmt" -l .) || return 1
	[[ -z $files ]] || { printf 'not formatted: %s\n' $files >&2; return 1; }
}

examples() {
	local m
	for m in examples/*/go.mod; do
		(cd "$(dirname "$m")" && GOFLAGS=-mod=readonly "$go" vet ./...) || return 1
	done
}

step gofmt format
step vet "$go" vet ./...
step 'vet -tags soak' "$go" vet -tags soak ./...
step 'vet examples' examples
step staticcheck "$go" tool staticcheck -tags soak ./...
step rules "$go" test -count=1 .
step race "$go" test -race -count=1 -timeout 20m ./...
exit "$status"
