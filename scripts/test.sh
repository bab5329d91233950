#!/usr/bin/env bash
# Runs all tests. A test that lacks a program or a namespace skips with the reason; where all of it is there
# (TAPESTRY_REQUIRE=1) it fails instead, so that nothing is skipped unseen.
set -euo pipefail
cd "$(dirname "$0")/.."
go=${GO:-go}

# namespaces: this user can make a network namespace with a TAP and a veth pair in it.
namespaces() {
	unshare --net sh -c 'ip link add v0 type veth peer name v1 && ip tuntap add dev t0 mode tap' 2>/dev/null
}

# require decides TAPESTRY_REQUIRE unless the caller did.
require() {
	local why=
	PATH=$PATH:/usr/sbin:/sbin
	if ! scripts/deps.sh; then
		why='programs are missing'
	elif ! scripts/vmkernel.sh; then
		why='no kernel for a virtual machine'
	elif [[ $(id -u) != 0 ]]; then
		why='not root'
	elif ! namespaces; then
		why='no network namespace with TAP and veth can be made here'
	fi
	if [[ -n ${TAPESTRY_REQUIRE:-} ]]; then
		return
	elif [[ -n $why ]]; then
		printf 'test: %s: tests that need it are skipped\n' "$why" >&2
		return
	fi
	export TAPESTRY_REQUIRE=1
}

require
status=0
"$go" test -count=1 -timeout 15m ./... </dev/null || status=1
# The rigs, which the run above skips, need the engine made fit for virtual time.
TAPESTRY_VTIME=1 "$go" run ./stack/stacktest/vtime test -count=1 -timeout 10m ./stack/stacktest/... </dev/null || status=1
exit "$status"
