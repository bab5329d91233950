#!/usr/bin/env bash
# Runs the benchmarks: the micro-benchmarks beside the code, then tapestry bench and the programs in bench/, which measure
# whole paths against the kernel in the same run. Results are text for benchstat, with machine and commit.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}
results=bench/results
commit=$(git describe --always --dirty 2>/dev/null || echo unknown) # before the results change the tree
mkdir -p "$results"

# config prints benchstat's "key: value" lines. It has a table for each set of values: what is another in every run stands
# behind a hash mark.
config() {
	printf '# commit: %s\n' "$commit"
	printf 'kernel: %s\n' "$(uname -r)"
	printf 'go: %s\n' "$("$go" env GOVERSION)"
	printf 'cores: %s\n' "$(nproc)"
}

config >"$results/micro.txt.tmp"
"$go" test -run '^$' -bench . -benchmem -benchtime "${BENCHTIME:-1s}" -count "${COUNT:-6}" -timeout 60m ./... </dev/null |
	grep -v 'no test files' | tee -a "$results/micro.txt.tmp"
mv "$results/micro.txt.tmp" "$results/micro.txt"

"$go" run ./cmd/tapestry bench --commit "$commit" --proof \
	--json "$results/paths.json" --benchstat "$results/paths.txt" --plots "$results/charts" </dev/null
"$go" run ./bench/wire -commit "$commit" -text "$results/wire.txt" </dev/null
GOMEMLIMIT=120MiB "$go" run ./bench/scale -measure hosts,wire -rounds 5 -commit "$commit" -bench "$results/scale.txt" </dev/null
