#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Containers in mount namespaces of their own making - no engine, rootless - are found when they are
# made, not when the next round comes by; and whoever makes processes by the thousand cannot make
# the daemon burn a processor. What is measured is printed.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need unshare pivot_root busybox nsenter python3
need_daemon
work_dir
minibox_layers_ || bail "layers"
daemon_start || bail "boltseald"
wait_until 10 test -n "$(role_pid sensor)"
sensor=$(role_pid sensor)

ms_of() { date -d "$1" +%s%3N; }
now_ms() { date +%s%3N; }
probe() { bs doctor -o json | jq -r ".probes[] | select(.name == \"$1\") | $2"; }
event_ms() { # event_ms TYPE TARGET: when the first of them was told
	wait_until "$PATIENCE" has_event "$1" true "$2"
	ms_of "$(events "$2" --type "$1" | head -1 | jq -r .time)"
}
id_of() { printf %s "$1" | sha256sum | cut -d' ' -f1; }
below() { # below DESC GOT LIMIT
	ok "$1 ($2, at most $3)" test "$2" -le "$3"
}

# --- with the process connector -----------------------------------------------------------------
wait_until 10 test "$(probe 'process events' .ok)" != ""
if [ "$(probe 'process events' .ok)" = true ]; then
	worst=0 worst_end=0
	for i in 1 2 3 4 5; do
		before=$(now_ms)
		minibox "plain$i" || bail "minibox"
		after=$(now_ms)
		id=$(id_of "$W/mini/plain$i/upper")
		late=$(($(event_ms target.found "$id") - after))
		[ "$late" -le "$worst" ] || worst=$late
		is "no engine: it was not there before" "$(bs ps -o json | jq -r ".items[] | select(.id == \"$id\").late")" false
		diag "made in $((after - before)) ms, found $late ms after it was ready"
		before=$(now_ms)
		minibox_stop "$MINI_PID"
		late=$(($(event_ms target.stopped "$id") - before))
		[ "$late" -le "$worst_end" ] || worst_end=$late
	done
	below "no engine: found, ms after it was ready" "$worst" 1000
	below "no engine: its end is told, ms after it was killed" "$worst_end" 1000

	# A mount that is made in one that runs, and one in a namespace that was only waiting.
	minibox quiet && quiet=$MINI_PID || bail "minibox"
	event_ok "a quiet one" target.found true "$(id_of "$W/mini/quiet/upper")"
	before=$(now_ms)
	minibox_exec "$quiet" mount -t tmpfs none /opt/keep
	below "a mount inside is told, ms" "$(($(event_ms mount.covered "$(id_of "$W/mini/quiet/upper")") - before))" 1000
else
	skip "found at once" "$(probe 'process events' .result)"
fi
# Somebody else's descriptor may keep a namespace whose container has ended.
minibox kept || bail "minibox"
id=$(id_of "$W/mini/kept/upper")
event_ok "one whose namespace is kept" target.found true "$id"
exec 7<"/proc/$MINI_PID/ns/mnt"
minibox_stop "$MINI_PID"
event_ok "has ended all the same" target.stopped true "$id"
exec 7<&-
like "doctor: mount namespaces" "$(probe 'mount namespaces' .result)" '^[1-9][0-9]* are followed$'

# --- a rootless engine's ------------------------------------------------------------------------
if [ "$(probe 'process events' .ok)" != true ]; then
	skip "rootless Podman is found at once" "$(probe 'process events' .result)"
elif ! rootless_user_start || ! engine_rootless_start rl; then
	skip "rootless Podman is found at once" "$SKIP_WHY"
else
	for i in 1 2 3; do
		id=$(run_rootless "fast$i" bb:2 sh -c 'echo x >/first; exec sleep 1000') || bail "podman run"
		after=$(now_ms)
		found=$(event_ms target.found "$id")
		below "rootless: found, ms after podman run came back" $((found - after)) 500
		is "rootless: it was not there before" "$(bs ps -o json | jq -r ".items[] | select(.id == \"$id\").late")" false
		drift_is "rootless: the first instruction's write" "$id" "A /first"
		# bash is no container's: the process is one of the user's, whose pid was read.
		diag "found $((after - found)) ms before podman run came back; by $(events "$id" --type change |
			jq -r 'select(.change.path == "/first") | .actor | "\(.pid // "-") \(.exe // .reason)"')"
	done
fi

# --- storms -------------------------------------------------------------------------------------
ticks() { awk '{print $14 + $15}' "/proc/$sensor/stat"; }
looks() { counter container_looks; }
storm() { # storm NAME CMD…: for five seconds, twice at a time
	local name=$1 t0 l0 e0 began spent
	shift
	t0=$(ticks) l0=$(looks) e0=$(counter process_events) began=$(now_ms)
	for _ in 1 2; do
		timeout 5 sh -c 'while :; do "$@"; done' sh "$@" &
	done
	wait %% 2>/dev/null
	wait_until 10 sh -c "! pgrep -P $$ timeout"
	spent=$(($(now_ms) - began))
	PERCENT=$((($(ticks) - t0) * 1000 * 100 / $(getconf CLK_TCK) / spent))
	LOOKS=$((($(looks) - l0) * 1000 / spent))
	diag "$name: $((($(counter process_events) - e0) * 1000 / spent)) process events a second read, $LOOKS looks for containers a second, $PERCENT % of a processor"
}
storm "idle" sleep 1
storm "execs" /bin/true
below "execs: looks a second" "$LOOKS" 10
below "execs: percent of a processor" "$PERCENT" 20
storm "new mount namespaces" unshare --mount /bin/true
below "new mount namespaces: looks a second" "$LOOKS" 10
below "new mount namespaces: percent of a processor" "$PERCENT" 25
if [ "$(probe 'process events' .ok)" = true ]; then
	minibox after || bail "minibox"
	before=$(now_ms)
	below "found after the storm, ms" "$(($(event_ms target.found "$(id_of "$W/mini/after/upper")") - before))" 3000
fi
daemon_stop

# --- without it ---------------------------------------------------------------------------------
# In a network namespace of its own the connector is out of reach: the sensor goes to the host's for a moment;
# where it may not, as in the unit, the service manager hands it over. Where nobody does, it is said, and the
# round finds what is there.
roles() { # roles PYTHON-BEFORE-EXEC: sensor without a network, and its gateway
	python3 - "$BIN/boltseald" "$W" <<PY >>"$W/log" 2>&1 &
import os, socket, sys
exe, w = sys.argv[1:]
$1
os.environ["LISTEN_PID"] = str(os.getpid())
os.execvp("unshare", ["unshare", "--net", exe, "sensor", "--config", w + "/boltseal.yaml", "--state-dir", w + "/state", "--socket", w + "/run/s.sock"])
PY
	sensor=$!
	"$BIN/boltseald" gateway --config "$W/boltseal.yaml" --state-dir "$W/state" --socket "$W/run/s.sock" >>"$W/log" 2>&1 &
	gateway=$!
	at_exit "kill $sensor $gateway 2>/dev/null"
	wait_until 20 probe_there_
}
probe_there_() { [ -n "$(probe 'process events' .ok)" ]; }
roles_end() {
	kill "$sensor" "$gateway" 2>/dev/null
	wait_gone 20 "$sensor" && wait_gone 20 "$gateway"
}
roles "pass"
is "in a network of its own: process events of the host's" "$(probe 'process events' .ok)" true
roles_end
cp "$W/boltseal.yaml" "$W/with.yaml"
daemon_config <<<'watch: {processes: false}'
roles "pass"
is "not asked for: no process events" "$(probe 'process events' .ok)" false
like "and what is lost" "$(probe 'process events' .without)" 'by a look every 5 s'
minibox blind || bail "minibox"
event_ok "the round finds it" target.found true "$(id_of "$W/mini/blind/upper")"
roles_end
cp "$W/with.yaml" "$W/boltseal.yaml"
roles 's = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11); s.bind((0, 1)); f = s.detach()
if f != 3: os.dup2(f, 3)
os.set_inheritable(3, True); os.environ["LISTEN_FDS"] = "1"'
if [ "$(probe 'process events' .ok)" = true ]; then
	tap_ 0 "a connector that was handed over is taken"
	minibox handed || bail "minibox"
	before=$(now_ms)
	below "and used: found, ms" "$(($(event_ms target.found "$(id_of "$W/mini/handed/upper")") - before))" 1000
else
	skip "a connector that was handed over" "$(probe 'process events' .result)"
fi
roles_end
finish
