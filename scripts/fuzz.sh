#!/usr/bin/env bash
# Runs every fuzz target of every package, one after the other, FUZZTIME each. Findings are written into the package's
# testdata/fuzz, to be committed with the repair.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
status=0

# "package target" a line: go test -list prints the names and then the package that has them
targets() {
	"$go" test -list '^Fuzz' ./... | awk '
		/^Fuzz/ { name[n++] = $1; next }
		$1 == "ok" { for (i = 0; i < n; i++) print $2, name[i] }
		{ n = 0 }'
}

list=$(targets)
while read -r package target; do
	[[ -n $package ]] || continue
	printf '== %s %s\n' "$package" "$target"
	"$go" test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" \
		-fuzzminimizetime 10x "$package" </dev/null || status=1
done <<<"$list"
exit "$status"
