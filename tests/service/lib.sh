# lib.sh - a booted system of its own for scenarios: systemd as the first process, a real docker.service, the
# package installed by dpkg, on top of what tests/box has for a daemon and an engine of the host. Bash.
#
#	machine_begin			# all of it: booted, an image for its Docker; or skipped, or ended with a sentence
#	machine_boot			# sets $R, its root as the host sees it, and $LEADER, its first process
#	inside CMD ARG…			# in it, as a shell on it would
#	package_install			# the package of $DEBS
#	machine_reboot; machine_off	# in order; what did not end so is told and killed
#
# BOLTSEAL_SERVICE_CACHE is where the tree lies from run to run ($OUT/service), see ./root.
# shellcheck shell=bash disable=SC2034,SC2154
. ../box/lib.sh
. ../box/engines.sh
. ../box/daemon.sh
HERE=$(pwd)
CACHE=${BOLTSEAL_SERVICE_CACHE:-$BIN/service}
DEBS=${DEBS:-$BIN/deb}
LEADER='' NSPAWN='' R=''

# Everything that a machine needs, or skip_all with what is missing.
machine_ready() {
	local rc=0 why
	need_root
	need systemd-nspawn nsenter script mkfs.ext4 losetup mmdebstrap
	[ -c /dev/loop-control ] || skip_all "no loop devices"
	mkdir -p "$CACHE"
	why=$("$HERE/root" "$CACHE" 2>&1) || rc=$?
	case $rc in
	0) ;;
	3) skip_all "no tree to boot: $why" ;;
	*) bail "the tree to boot: $why" ;;
	esac
}

# Its disk: a copy of the cached one, mounted at $R.
machine_disk() {
	R=$W/machine
	mkdir -p "$R"
	cp --sparse=always "$CACHE/root.ext4" "$W/disk.ext4" &&
		mount -o loop,nodiscard "$W/disk.ext4" "$R"
}

machine_begin() {
	machine_ready
	need_package
	work_dir
	machine_boot || bail "the machine boots"
	image_inside || bail "an image for Docker"
}
machine_boot() {
	[ -n "$R" ] || machine_disk || skip_all "a disk cannot be mounted here; tests/lint/units has looked at the units"
	at_exit machine_off
	machine_start_ || skip_all "systemd-nspawn starts nothing here: $(machine_console 1); tests/lint/units has looked at the units"
	wait_until 60 machine_up_ || { diag "it did not boot: $(machine_console 15)"; return 1; }
}
# nspawn wants a terminal, else it shows nothing; without machined there is nowhere to register.
machine_start_() {
	env SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_SECCOMP=0 SYSTEMD_NSPAWN_LOCK=0 setsid script -qfec \
		"systemd-nspawn -D '$R' -b --register=no --keep-unit --machine=bs$$ --capability=all \
		--private-network --link-journal=no --resolv-conf=off --timezone=off --console=interactive" \
		"$W/console" </dev/null >/dev/null 2>&1 &
	NSPAWN=$!
	wait_until 20 machine_leader_
}
machine_leader_() {
	local s n
	s=$(pgrep -P "$NSPAWN" -f systemd-nspawn) || s=$NSPAWN
	for n in $s; do
		LEADER=$(pgrep -P "$n" -x systemd) && return 0
	done
	# script's child is a shell first, where that does not exec.
	for n in $(pgrep -P "$s"); do LEADER=$(pgrep -P "$n" -x systemd) && return 0; done
	return 1
}
machine_up_() { inside systemctl is-system-running | grep -Eq 'running|degraded'; }
machine_console() { tr -d '\r' <"$W/console" | tail -n "$1"; }

inside() { timeout "${INSIDE_WAIT:-60}" nsenter -t "$LEADER" -a -- env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
	LC_ALL=C.UTF-8 "$@"; }
sh_inside() { inside sh -c "$1"; }

machine_off() {
	[ -n "$NSPAWN" ] || return 0
	inside systemctl poweroff >/dev/null 2>&1
	wait_gone 30 "$NSPAWN" || {
		diag "it had to be killed: $(machine_console 5)"
		kill -9 "$LEADER"
		wait_gone 10 "$NSPAWN" || kill -9 "$NSPAWN"
	} 2>/dev/null
	wait "$NSPAWN" 2>/dev/null
	NSPAWN=
}
# A boot of the same disk. nspawn ends at a reboot without a service manager of its own to start it again.
machine_reboot() {
	machine_off
	machine_start_ && wait_until 60 machine_up_ || { diag "it did not boot again: $(machine_console 15)"; return 1; }
}

# --- the package ---------------------------------------------------------------------------------
# The one in $DEBS, with other words in its control file: package_as VERSION prints its path in the machine.
package_file() { printf '%s\n' "$DEBS"/boltseal_*.deb | head -1; }
package_version() { dpkg-deb -f "$(package_file)" Version; }
need_package() {
	[ -s "$(package_file)" ] || bail "no package in $DEBS: make deb"
}
package_as() {
	local d=$W/repacked
	rm -rf "$d" && dpkg-deb -R "$(package_file)" "$d" || return 1
	sed -i "s/^Version:.*/Version: $1/" "$d/DEBIAN/control"
	dpkg-deb --root-owner-group -Znone -b "$d" "$R/root/boltseal_$1.deb" >/dev/null && echo "/root/boltseal_$1.deb"
}
# package_install [PATH-IN-MACHINE]: as apt does it for a file; its words are in $W/apt.log.
package_install() {
	local path=${1:-/root/boltseal.deb}
	[ -n "${1:-}" ] || cp "$(package_file)" "$R/root/boltseal.deb"
	inside env DEBIAN_FRONTEND=noninteractive apt-get -q -y --allow-downgrades install "$path" >"$W/apt.log" 2>&1 || {
		diag "$(tail -15 "$W/apt.log")"
		return 1
	}
}

# --- boltseal in it ------------------------------------------------------------------------------
# What tests/box/daemon.sh and engines.sh do with a daemon and an engine of the host, here.
bs() { inside boltseal --no-color "$@"; }
docker_() { inside docker "$@"; }
answers_() { bs ps; }
main_pid() { inside systemctl show -P MainPID "$1"; }
unit_is() { [ "$(inside systemctl show -P ActiveState "$1")/$(inside systemctl show -P SubState "$1")" = "$2" ]; }
healed_() { unit_is boltseald active/running && unit_is boltseal-gateway active/running && bs ps; }
image_inside() { # bb:2 in the machine's Docker
	image_archive && cp "$W/bb2.tar" "$R/root/bb2.tar" && docker_ load -q -i /root/bb2.tar >/dev/null
}
ms() { echo $((($(date +%s%N) - $1) / 1000000)); }
# Of both processes: sum FIELD of smaps_rollup in KiB.
pids_inside() { for u in boltseald boltseal-gateway; do main_pid $u; done; }
host_pids() { local p; for p in $(pgrep -x boltseald); do in_machine_ "$p" && echo "$p"; done; }
in_machine_() { [ "$(readlink "/proc/$1/ns/pid")" = "$(readlink "/proc/$LEADER/ns/pid")" ]; }
memory_kib() { # memory_kib FIELD
	local p n=0
	for p in $(host_pids); do n=$((n + $(awk -v f="$1:" '$1 == f {print $2}' "/proc/$p/smaps_rollup"))); done
	echo "$n"
}
# What holds it: KiB by share, KiB of their own, mapping.
memory_map() {
	local p
	for p in $(host_pids); do
		awk -v role="$(tr '\0' '\n' <"/proc/$p/cmdline" | sed -n 2p)" '
			/^[0-9a-f]+-[0-9a-f]+ / {name = NF > 5 ? $6 : "anonymous"; if (name ~ /boltseal-test/) sub(/.*machine/, "", name)}
			/^Pss:/ {pss[name] += $2} /^Anonymous:/ {own[name] += $2}
			END {for (n in pss) if (pss[n] >= 100) printf "%6d %6d %s %s\n", pss[n], own[n], role, n}' "/proc/$p/smaps"
	done | sort -rn | head -24
}
# A line a thread: its process's role, its number, voluntary switches, ns on a processor.
threads_() {
	local p t role
	for p in $(host_pids); do
		role=$(tr '\0' '\n' <"/proc/$p/cmdline" | sed -n 2p)
		for t in "/proc/$p/task"/*; do
			echo "$role ${t##*/} $(cat "$t/comm") $(awk '/^voluntary/ {print $2}' "$t/status") $(cut -d' ' -f1 "$t/schedstat")"
		done
	done
}
journal_inside() { inside journalctl --no-pager -q "$@"; }
# As tests/box/lib.sh has it; but each look is a process in the machine or several, on the processors that are
# looked at.
wait_until() {
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$end" ] || return 1
		sleep 0.1
	done
}
