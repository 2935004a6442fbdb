# lib.sh - what every scenario needs: TAP, waiting without sleeping blindly, a work directory that
# is gone afterwards. Bash. A scenario begins so:
#
#	. "$(dirname "$0")/lib.sh"; . "$(dirname "$0")/engines.sh"
#	plan 3				# or nothing here, and the plan is told at the end
#	need_root; work_dir		# sets $W; EXIT removes it, ends what was started, unmounts
#	ok "it is there" test -e "$W"
#	is "it says so" "$(cat file)" "so"
#	like "more or less" "$(cat file)" '^s'
#	skip "on a better day" "no network"
#	finish				# the exit status: 0 when nothing failed
#
# Output is TAP 13; what a failing check saw follows as "# …" lines.

# shellcheck shell=bash
set -u
TAP_N=0 TAP_FAILED=0 TAP_SKIPPED=0 TAP_PLAN=
CLEANUPS=()

plan() { TAP_PLAN=$1; echo "1..$1"; }
diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

tap_() { # tap_ STATUS DESC
	TAP_N=$((TAP_N + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $TAP_N - $2"
	else
		TAP_FAILED=$((TAP_FAILED + 1))
		echo "not ok $TAP_N - $2"
	fi
	return "$1"
}

ok() { # ok DESC CMD ARG…: CMD succeeds; its output is told only when it does not
	local desc=$1 out rc
	shift
	out=$("$@" 2>&1 | tr -d '\0'; exit "${PIPESTATUS[0]}")
	rc=$?
	tap_ "$rc" "$desc" && return 0
	diag "ran: $*"
	diag "status: $rc"
	[ -z "$out" ] || diag "$out"
	return 1
}

not_ok() { # not_ok DESC CMD ARG…: CMD fails
	local desc=$1
	shift
	if "$@" >/dev/null 2>&1; then tap_ 1 "$desc"; diag "ran and should not: $*"; else tap_ 0 "$desc"; fi
}

is() { # is DESC GOT WANT
	if [ "$2" = "$3" ]; then tap_ 0 "$1"; return; fi
	tap_ 1 "$1"
	diag "got:  $2"
	diag "want: $3"
	return 1
}

like() { # like DESC GOT ERE
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then tap_ 0 "$1"; return; fi
	tap_ 1 "$1"
	diag "got:        $2"
	diag "wanted ERE: $3"
	return 1
}

unlike() { # unlike DESC GOT ERE
	if ! printf '%s\n' "$2" | grep -Eq -- "$3"; then tap_ 0 "$1"; return; fi
	tap_ 1 "$1"
	diag "got:          $2"
	diag "unwanted ERE: $3"
	return 1
}

skip() { # skip DESC REASON: one check that cannot be made here; counted, never silent
	TAP_N=$((TAP_N + 1)) TAP_SKIPPED=$((TAP_SKIPPED + 1))
	echo "ok $TAP_N - $1 # SKIP $2"
}

skip_all() { # the whole scenario
	echo "1..0 # SKIP $*"
	exit 0
}

bail() { # what was prepared did not come up: the rest would only fail after it
	tap_ 1 "$*"
	finish
}

finish() {
	[ -n "$TAP_PLAN" ] || echo "1..$TAP_N"
	[ -z "$TAP_PLAN" ] || [ "$TAP_PLAN" -eq "$TAP_N" ] || {
		diag "planned $TAP_PLAN, ran $TAP_N"
		TAP_FAILED=$((TAP_FAILED + 1))
	}
	[ "$TAP_SKIPPED" -eq 0 ] || diag "skipped $TAP_SKIPPED"
	[ "$TAP_FAILED" -eq 0 ] || { diag "failed $TAP_FAILED of $TAP_N"; exit 1; }
	exit 0
}

# wait_until SECONDS CMD ARG…: runs CMD until it succeeds; 1 when the deadline passes first.
wait_until() {
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s%N)" -lt "$end" ] || return 1
		sleep 0.02
	done
}

# wait_gone SECONDS PID: until the process has ended (a zombie has).
wait_gone() { wait_until "$1" pid_gone "$2"; }
pid_gone() {
	local stat
	stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
	case ${stat##*) } in Z*) return 0 ;; esac
	return 1
}

need_root() { [ "$(id -u)" = 0 ] || skip_all "needs root"; }
need() { # need PROGRAM…
	local p
	for p; do command -v "$p" >/dev/null || skip_all "needs $p"; done
}

# at_exit CMD: run when the scenario ends, last told first run.
at_exit() {
	CLEANUPS=("$1" ${CLEANUPS[@]+"${CLEANUPS[@]}"})
	trap run_cleanups EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 141' PIPE
}
run_cleanups() {
	local rc=$? c
	trap - EXIT INT TERM
	for c in ${CLEANUPS[@]+"${CLEANUPS[@]}"}; do eval "$c" || :; done
	exit "$rc"
}

# work_dir: $W, on a file system that overlay can use for its upper directory. Everything mounted
# below it is unmounted at the end. BOLTSEAL_TEST_TMP says where (/var/tmp), BOLTSEAL_TEST_KEEP=1
# leaves the files for looking at.
work_dir() {
	W=$(mktemp -d "${BOLTSEAL_TEST_TMP:-/var/tmp}/boltseal-test.XXXXXX") || exit 99
	chmod 755 "$W"
	at_exit work_dir_remove
}
work_dir_remove() {
	umount_below "$W"
	if [ "${BOLTSEAL_TEST_KEEP:-0}" = 1 ]; then diag "kept: $W"; return; fi
	rm -rf --one-file-system "$W"
}

# umount_below DIR: every mount at or below DIR, deepest first. mountinfo escapes blanks in octal.
umount_below() {
	local dir point
	dir=$(realpath -e "$1" 2>/dev/null) || return 0
	while read -r point; do
		point=$(printf '%b' "${point//\\/\\0}")
		umount -l -- "$point" 2>/dev/null || diag "could not unmount $point"
	done < <(awk '{print $5}' /proc/self/mountinfo | grep -E "^$dir(/|\$)" | LC_ALL=C sort -r)
}
