#!/usr/bin/env bash
# Has a kernel for the virtual machines of the tests in /var/cache/tapestry/vm: Debian's smallest, unpacked and not
# installed. Root on a system with apt fetches it once; exit status 3: it is not there.
set -euo pipefail

readonly root=${TAPESTRY_VM:-/var/cache/tapestry/vm}
readonly lock=/run/lock/tapestry-vmkernel.lock

say() { printf 'vmkernel: %s\n' "$*" >&2; }

found() { compgen -G "$root/boot/vmlinuz-*" >/dev/null; }

# fetch unpacks the kernel beside root, so that half of one is never found.
fetch() {
	local package
	work=$(mktemp -d "$root.XXXXXX")
	trap 'rm -rf "$work"' EXIT # a global: the trap runs after the function
	package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
	[[ -n $package ]] || { say 'apt knows no linux-image-cloud-amd64'; return 1; }
	mkdir "$work/deb" "$work/tree"
	chmod 755 "$work/deb" # apt reads as a user of its own
	chown _apt "$work" "$work/deb" 2>/dev/null || true
	say "fetching $package"
	(cd "$work/deb" && apt-get -q -y -o Acquire::Retries=2 download "$package" </dev/null >&2) || return 1
	dpkg-deb -x "$work"/deb/*.deb "$work/tree" || return 1
	chmod 755 "$work/tree"
	rm -rf "$root"
	mv "$work/tree" "$root"
}

found && exit 0
[[ $(id -u) == 0 ]] && command -v apt-get dpkg-deb >/dev/null || { say 'not root on a system with apt: no kernel for a VM'; exit 3; }
mkdir -p "$(dirname "$root")" "$(dirname "$lock")"
exec 9>"$lock"
flock -w 900 9 || { say "another run has held $lock for 15 minutes"; exit 3; }
found || fetch 9>&- || { say 'no kernel for a VM'; exit 3; }
