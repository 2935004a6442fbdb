# daemon.sh - boltseald in a scenario, after lib.sh and engines.sh. Its state, socket and log are in
# $W. Bash.
#
#	daemon_config <<<'watch: {level: L1}'	# over what every scenario needs; may be left out
#	daemon_start [OPTION…]			# sets $DAEMON; back when it answers
#	bs diff web				# boltseal on that socket
#	drift_is "found" web "A /tmp/x"		# waits until the drift is that
#	docker_is "as docker says it" web "C /tmp
#	A /tmp/x"
#	daemon_stop; daemon_kill sensor
#
# Other tests may run containers on this machine: the daemon sees theirs too. Name your own by id.
# What is built is in build/ or, as make says it, $OUT.
# shellcheck shell=bash disable=SC2013,SC2015,SC2034,SC2154

case ${OUT:-build} in
/*) BIN=$OUT ;;
*) BIN=$(cd ../.. && pwd)/${OUT:-build} ;;
esac
PATIENCE=${PATIENCE:-10} # seconds that a change may take to be told; far more than it takes
DAEMON=

need_daemon() {
	need docker jq
	[ -x "$BIN/boltseald" ] && [ -x "$BIN/boltseal" ] || bail "nothing is built in $BIN"
}

# daemon_config: standard input after what finds this scenario's containers only. Keys given there
# must be others than these; DAEMON_BASE replaces them.
daemon_config() {
	local base text
	base="group: root
runtimes:
  docker_roots: [$W/docker]
  storage_roots: [$W/podman]
  run_roots: [$W/docker-exec, $W/podman-run]
"
	text=$(printf '%s' "${DAEMON_BASE-$base}" && cat)
	# This machine's own files are no part of a scenario, unless it says so. First, for some add to a list
	# at the end.
	grep -q '^host_defaults:' <<<"$text" || text="host_defaults: false
$text"
	printf '%s\n' "$text" >"$W/boltseal.yaml"
}

daemon_start() {
	[ -f "$W/boltseal.yaml" ] || daemon_config </dev/null
	mkdir -p "$W/run"
	[ -n "$DAEMON" ] || at_exit daemon_end_
	"$BIN/boltseald" --config "$W/boltseal.yaml" --state-dir "$W/state" \
		--socket "$W/run/s.sock" "$@" >>"$W/log" 2>&1 &
	DAEMON=$!
	wait_until 20 daemon_up_ || {
		diag "boltseald did not come up: $(tail -5 "$W/log")"
		return 1
	}
	bs ps >/dev/null 2>&1 || {
		diag "boltseald ended: $(tail -5 "$W/log")"
		return 1
	}
}
daemon_up_() { pid_gone "$DAEMON" || bs ps; }
daemon_stop() { # its exit status
	[ -n "$DAEMON" ] && kill "$DAEMON" 2>/dev/null
	wait_gone 20 "$DAEMON" || diag "boltseald did not end in 20 s"
	wait "$DAEMON"
}
daemon_end_() {
	[ -n "$DAEMON" ] || return 0
	kill "$DAEMON" 2>/dev/null
	wait_gone 20 "$DAEMON" || { diag "boltseald had to be killed"; kill -9 "$DAEMON" "$(role_pid sensor)" "$(role_pid gateway)"; } 2>/dev/null
	[ "${BOLTSEAL_TEST_LOG:-0}" = 0 ] || diag "$(tail -40 "$W/log")"
}
role_pid() { # role_pid sensor|gateway
	local p
	for p in $(cat "/proc/$DAEMON/task/$DAEMON/children" 2>/dev/null); do
		tr '\0' ' ' <"/proc/$p/cmdline" | grep -q " $1 " && { echo "$p"; return 0; }
	done
	return 1
}

bs() { timeout 60 "$BIN/boltseal" --no-color --socket "$W/run/s.sock" "$@"; }
stock() { timeout 60 docker -H "unix://$W/run/s.sock" "$@"; }
api() { # api METHOD PATH [CURL OPTION…]: the body, then a line with the status
	local method=$1 path=$2
	shift 2
	curl -sS -m 60 -X "$method" --unix-socket "$W/run/s.sock" -w '\n%{http_code}\n' "$@" "http://boltseal$path"
}

# What cannot be found any more would be waited for; what is there is compared once it is.
drift() { bs diff "$@" 2>/dev/null; }
drift_same_() { [ "$(drift "${@:2}")" = "$1" ]; }
drift_is() { # drift_is DESC TARGET WANT [DIFF OPTION…]
	local desc=$1 target=$2 want=$3
	shift 3
	wait_until "$PATIENCE" drift_same_ "$want" "$target" "$@"
	is "$desc" "$(drift "$target" "$@")" "$want"
}
# The list of docker diff by our own command line and by docker's.
docker_is() { # docker_is DESC TARGET WANT
	wait_until "$PATIENCE" drift_same_ "$3" "$2" --docker
	is "$1, as docker would" "$(drift "$2" --docker)" "$3"
	is "$1, by docker's client" "$(stock diff "$2" 2>&1)" "$3"
}
aspects() { # aspects TARGET PATH: content,mtime
	wait_until 3 aspects_there_ "$1" "$2"
	bs diff "$1" "$2" --format json 2>/dev/null | jq -r '.items[0].aspects | join(",")'
}
aspects_there_() { bs diff "$1" "$2" --format json 2>/dev/null | jq -e '.items[0].aspects' >/dev/null; }
drift_id() { bs diff "$1" --format json 2>/dev/null | jq -r .drift_id; }
target_is_known_() { bs diff "$1"; [ $? -lt 2 ]; }
wait_target() { wait_until "$PATIENCE" target_is_known_ "$1"; }
# events [TARGET] [OPTION…]: the journal as lines of JSON.
events() { bs log "$@" --format jsonl 2>/dev/null; }
has_event() { events --type "$1" ${3+"$3"} | jq -es "any(.[]; ${2:-true})"; }
event_ok() { # event_ok DESC TYPE [JQ-CONDITION [TARGET]]
	wait_until "$PATIENCE" has_event "${@:2}"
	has_event "${@:2}" >/dev/null && { tap_ 0 "$1"; return; }
	tap_ 1 "$1"
	diag "no event $2 has: ${3:-anything}"
	diag "$(events --type "$2" "${@:4}" | tail -3 | cut -c1-400)"
}
counter() { # counter NAME
	bs status --format json 2>/dev/null | jq -r ".sensor.counters.counters[\"$1\"] // .sensor.counters.counters[\"${1// /_}\"]"
}
open_gaps() { # open_gaps TARGET: causes, one a line
	bs diff "$1" --format json 2>/dev/null | jq -r '.coverage.gaps[].cause'
}
