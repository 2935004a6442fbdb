#!/bin/bash
# kill.sh - kill -9 of the sensor, of the gateway, of both, at any time while a container writes.
#
# What must hold after every restart: the daemon answers. Every $EVERY rounds, with the writer held
# still: the drift that is kept equals what a rescan finds and what lies in the upper tree; the
# journal's chain and every stored layer prove; at the end: no number of the journal is missing,
# no gap is open. The roles are started one by one, without the supervisor, whose growing pauses
# would only stretch the test; it has its own rounds at the end.
# BOLTSEAL_CRASH_ROUNDS (200), BOLTSEAL_CRASH_SEED (printed, so that a run can be had again).
#
# shellcheck disable=SC2016,SC2119,SC2317	# functions and commands that others call
cd "$(dirname "$0")/../box" || exit 99
# shellcheck source=tests/box/lib.sh
. ./lib.sh
# shellcheck source=tests/box/engines.sh
. ./engines.sh
# shellcheck source=tests/box/daemon.sh
. ./daemon.sh

ROUNDS=${BOLTSEAL_CRASH_ROUNDS:-200} EVERY=20 SUPERVISED=4
RANDOM=${BOLTSEAL_CRASH_SEED:=$((RANDOM + 1))}
need_root
need jq unshare busybox
{ [ -x "$BIN/boltseald" ] && [ -x "$BIN/boltseal" ]; } || bail "nothing is built in $BIN"
work_dir
diag "seed $BOLTSEAL_CRASH_SEED"

# --- the load: it stops between two writes when /dev/hold is there, and says so -------------------
minibox_layers_ || bail "no layers"
cat >"$W/mini/l1/root/load" <<-'SH'
	cd /data && mkdir -p d && i=0
	while :; do
		if [ -e /dev/hold ]; then
			: >/dev/held
			while [ -e /dev/hold ]; do sleep 0.02; done
			rm /dev/held
		fi
		i=$((i + 1)) n=$((i % 40))
		echo $i >f$n
		echo $i >>/etc/motd
		[ $((i % 50)) = 0 ] || continue
		echo "port=$((i % 7))" >/etc/app.conf
		rm -f f$(((n + 20) % 40))
		mv f$(((n + 10) % 40)) d/m$((i % 5)) 2>/dev/null
		chmod $((600 + i % 2 * 44)) f$n
		[ $((i % 200)) = 0 ] && { rm -rf d; mkdir d; }
	done
SH
stamp_ "$W/mini/l1"
MINIBOX_CMD='sh /root/load' minibox web || bail "the container did not start"
# Its root, not its name: nobody names it.
ME=$(basename "$W")
target() { bs ps --format json | jq -er --arg w "/$ME/" 'first(.items[] | select((.upper // "") | contains($w))) | .id'; }
hold() {
	: >"/proc/$MINI_PID/root/dev/hold"
	wait_until 10 test -e "/proc/$MINI_PID/root/dev/held" || diag "the writer does not stop"
}
go_on() { rm "/proc/$MINI_PID/root/dev/hold"; }

# --- the roles ------------------------------------------------------------------------------------
SENSOR='' GATEWAY=''
daemon_config </dev/null
start_sensor() {
	"$BIN/boltseald" --config "$W/boltseal.yaml" --state-dir "$W/state" --socket "$W/run/s.sock" \
		sensor >>"$W/log" 2>&1 &
	SENSOR=$!
}
start_gateway() {
	"$BIN/boltseald" --config "$W/boltseal.yaml" --state-dir "$W/state" --socket "$W/run/s.sock" \
		gateway >>"$W/log" 2>&1 &
	GATEWAY=$!
}
kill_role() { # a pid of ours, not reaped before: it cannot be somebody else's
	[ -n "$1" ] || return 0
	kill -9 "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}
at_exit 'kill_role "$SENSOR"; kill_role "$GATEWAY"'
alive() { bs status --format json | jq -e '.sensor.state == "up"'; }
mkdir -p "$W/run"
start_sensor
wait_until 20 test -s "$W/state/data.mdb"
start_gateway
wait_until 20 alive || bail "boltseald did not come up: $(tail -5 "$W/log")"
wait_until 20 target || bail "the container is not found: $(tail -5 "$W/log")"
ID=$(target) || bail "the container is found no more: $(bs ps 2>&1)"
baselined() { bs ps --format json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
wait_until 20 baselined || bail "the baseline did not become complete: $(tail -5 "$W/log"); $(bs status --format json 2>&1 | jq -c .sensor)"

# --- what must hold -------------------------------------------------------------------------------
drift_lines() { bs diff "$ID" 2>/dev/null | LC_ALL=C sort; }
# What the upper tree holds of the places that the load writes to, as find sees it.
truth() {
	(cd "$W/mini/web/upper" 2>/dev/null && find data -mindepth 1 | sed 's,^,A /,'
		[ ! -e etc/motd ] || echo "C /etc/motd"
		cmp -s etc/app.conf "$W/mini/l1/etc/app.conf" || echo "C /etc/app.conf") | LC_ALL=C sort
}
is_true() { [ "$(drift_lines)" = "$(truth)" ]; }
# Other containers may keep the daemon busy: this one's drift must not move, nor wait for a writer.
is_still() {
	local id
	id=$(drift_id "$ID") && sleep 0.3 && [ "$id" = "$(drift_id "$ID")" ] &&
		bs diff "$ID" --format json | jq -e 'all(.items[]; .unsettled != true)'
}
problems() { # verify's mismatches in this test's own files; others come and go on this machine
	local out
	out=$(bs verify --all --format json 2>&1)
	printf '%s' "$out" | jq -r --arg w "/$ME/" \
		'.checks[] | select(.ok == false) | select(.check == "journal" or (.subject | contains($w))) | "\(.check) \(.subject) \(.detail)"' ||
		printf 'verify: %s' "$out"
}
check() { # check ROUND
	local before after first second
	hold
	wait_until 30 is_true
	ok "round $1: it comes to rest" wait_until 30 is_still
	before=$(drift_lines) first=$(drift_id "$ID")
	is "round $1: the drift is what lies in the upper tree" "$before" "$(truth)"
	ok "round $1: a rescan ends well" bs rescan "$ID"
	after=$(drift_lines) second=$(drift_id "$ID")
	is "round $1: a rescan finds the same paths" "$after" "$before"
	is "round $1: and the same drift id" "$second" "$first"
	is "round $1: layers and journal prove" "$(problems)" ""
	go_on
}
seqs_missing() { bs log --format jsonl | jq -s 'map(.seq) | . as $s | [range(1; length) | select($s[.] != $s[. - 1] + 1) | $s[.]] + (if $s[0] == 1 then [] else [$s[0]] end)' -c; }

# --- the rounds -----------------------------------------------------------------------------------
down=0 slowest=0
for ((round = 1; round <= ROUNDS; round++)); do
	sleep "0.$(printf '%03d' $((RANDOM % 300)))" # any time is the point
	began=$(date +%s%N)
	case $((RANDOM % 3)) in
	0) what=sensor; kill_role "$SENSOR"; start_sensor ;;
	1) what=gateway; kill_role "$GATEWAY"; start_gateway ;;
	2) what=both; kill -9 "$SENSOR" "$GATEWAY"; kill_role "$SENSOR"; kill_role "$GATEWAY"; start_sensor; start_gateway ;;
	esac
	# Half of the time the next kill comes before it is up.
	if [ $((RANDOM % 2)) = 0 ] || [ $((round % EVERY)) = 0 ]; then
		if ! wait_until 20 alive; then
			down=$((down + 1))
			diag "round $round, $what: it does not answer: $(tail -3 "$W/log")"
			pid_gone "$SENSOR" && kill_role "$SENSOR" && start_sensor
			pid_gone "$GATEWAY" && kill_role "$GATEWAY" && start_gateway
		fi
		took=$((($(date +%s%N) - began) / 1000000))
		[ $took -le $slowest ] || slowest=$took
	fi
	[ $((round % EVERY)) != 0 ] || check $round
	[ $down -lt 3 ] || break
done
is "it answered after every kill of $ROUNDS" "$down" 0
diag "slowest return: $slowest ms"
hold
is "no number of the journal is missing" "$(seqs_missing)" "[]"
wait_until 20 is_still
is "no gap is left open" "$(open_gaps "$ID")" ""
like "the store is well" "$(bs status --format json | jq -r .sensor.counters.store)" '^ok$'
go_on

# --- with the supervisor, which restarts by itself ------------------------------------------------
kill_role "$SENSOR"
kill_role "$GATEWAY"
SENSOR='' GATEWAY=''
daemon_start || bail "the supervisor does not take over what was left"
role_is_new() { local p; p=$(role_pid "$1") && [ "$p" != "$2" ] && alive; }
for ((i = 1; i <= SUPERVISED; i++)); do
	role=sensor
	[ $((i % 2)) = 0 ] && role=gateway
	old=$(role_pid $role) && kill -9 "$old"
	ok "the supervisor brings the $role back" wait_until 20 role_is_new $role "${old:-0}"
done
check supervised
is "no number is missing" "$(seqs_missing)" "[]"
finish
