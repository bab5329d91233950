#!/usr/bin/env bash
# Installs the Debian packages whose programs the tests use, when root on a system with apt and only if something is
# missing. Otherwise names what is missing and the tests that skip. Exit status 0: all there; 3: something is missing.
#
# No daemon is started: while apt runs, a policy-rc.d refuses every start. The machine's own policy-rc.d, if there is
# one, is put back also after a failure. Nothing that is installed is upgraded or removed, no configuration changed.
#
# The TAPESTRY_DEPS_ variables are for the tests of this script.
set -euo pipefail

# package, program, what the tests need it for
readonly table=${TAPESTRY_DEPS_TABLE:-'
iputils-ping     ping             echo of all sizes, from the kernel to a host
curl             curl             apps/http
bind9-dnsutils   dig              apps/dns
bind9-utils      named-checkzone  zone files of apps/dns
netcat-openbsd   nc               echo, daytime, qotd and the other small services
nmap             nmap             port and OS scans of a host
tcpdump          tcpdump          captures of link/pcap
tshark           tshark           captures of link/pcap
iproute2         ip               network namespaces
util-linux       unshare          network namespaces
ethtool          ethtool          offload switches of link/packet
procps           ps               end-to-end tests of the program
qemu-system-x86  qemu-system-x86_64  a virtual machine on a segment, link/qemu
busybox-static   busybox          programs of that machine
openvswitch-switch  ovs-vswitchd  VLANs and spanning tree of link/segment
python3          python3          a program of another language on a segment, link/dgram
dosbox           dosbox           an emulator on a segment, link/ipxtunnel
'}
readonly lock=${TAPESTRY_DEPS_LOCK:-/run/lock/tapestry-deps.lock}
readonly policy=${TAPESTRY_DEPS_POLICY:-/usr/sbin/policy-rc.d}
readonly saved=$policy.tapestry-saved
readonly mark='# tapestry: temporary, while packages for tests are installed'

say() { printf 'deps: %s\n' "$*" >&2; }

# missing prints the lines of the table that this machine lacks.
missing() {
	local package program use
	while read -r package program use; do
		[[ -n $package ]] || continue
		PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null || printf '%s %s %s\n' "$package" "$program" "$use"
	done <<<"$table"
}

# report says which tests will be skipped.
report() {
	local package program use
	while read -r package program use; do
		say "no $program (package $package): skipped: $use"
	done <<<"$1"
}

# left: a run that was killed left its policy-rc.d behind.
left() {
	[[ -e $saved || -L $saved ]] || grep -qsF "$mark" "$policy"
}

restore_policy() {
	if [[ -e $saved || -L $saved ]]; then
		mv -f "$saved" "$policy"
	elif grep -qsF "$mark" "$policy"; then
		rm -f "$policy"
	fi
}

# deny_daemons puts our policy-rc.d in place; at no moment is there half of one, or none.
deny_daemons() {
	restore_policy
	trap restore_policy EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	if [[ -e $policy || -L $policy ]]; then
		cp -a "$policy" "$saved.tmp" && mv -f "$saved.tmp" "$saved" || return 1
	fi
	printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy.tmp" && chmod 755 "$policy.tmp" && mv -f "$policy.tmp" "$policy"
}

# apt_quiet ARGUMENTS: apt-get that asks nothing, keeps configuration files and waits for other users of dpkg.
apt_quiet() {
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
		apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold -o Acquire::Retries=2 \
		"$@" </dev/null >&2
}

# install PACKAGES: those not yet there, under the lock.
install() {
	deny_daemons || return 1
	apt_quiet update || say 'apt-get update failed; trying with the lists that are here'
	apt_quiet install --no-install-recommends --no-remove --no-upgrade "$@"
}

# locked takes the lock that keeps two runs apart.
locked() {
	mkdir -p "$(dirname "$lock")"
	exec 9>"$lock"
	flock -w 900 9 || { say "another run has held $lock for 15 minutes"; exit 3; }
}

main() {
	local lacking packages
	lacking=$(missing)
	if [[ $(id -u) == 0 ]] && left; then
		locked
		restore_policy
	fi
	[[ -n $lacking ]] || exit 0

	if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
		say 'not root on a system with apt: nothing is installed'
		report "$lacking"
		exit 3
	fi

	locked
	lacking=$(missing) # another run may have installed it meanwhile
	[[ -n $lacking ]] || exit 0
	mapfile -t packages < <(awk '{print $1}' <<<"$lacking" | sort -u)
	say "installing ${packages[*]}"
	install "${packages[@]}" 9>&- || say 'the installation failed'
	lacking=$(missing)
	[[ -z $lacking ]] || { report "$lacking"; exit 3; }
}

main "$@"
