#!/usr/bin/env bash
# What passes before a change is offered: format, requirements, vet, staticcheck, the rules that arch_test.go reads from
# the sources, and all tests with the race detector. Every step runs; the status tells whether all passed.
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

# modules COMMAND…: runs it in each module, the main one first.
modules() {
	local m
	for m in go.mod examples/*/go.mod; do
		(cd "$(dirname "$m")" && GOFLAGS=-mod=readonly "$@") || return 1
	done
}

step gofmt format
step tidy modules "$go" mod tidy -diff
step vet modules "$go" vet ./...
step 'vet -tags soak' "$go" vet -tags soak ./...
step 'other systems' env GOOS=darwin GOARCH=arm64 CGO_ENABLED=0 "$go" build ./link/... ./stack/... ./apps/...
step staticcheck "$go" tool staticcheck -tags soak ./...
step rules "$go" test -count=1 .
step race "$go" test -race -count=1 -timeout 20m ./...
step 'race in virtual time' env TAPESTRY_VTIME=1 "$go" run ./stack/stacktest/vtime test -race -short -count=1 ./stack/stacktest/...
exit "$status"
