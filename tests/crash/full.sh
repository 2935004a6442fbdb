#!/bin/bash
# full.sh - the disk below the store is full, the store reaches its limit: the daemon says so,
# keeps answering from what it has, corrupts nothing, and catches up when there is room again.
#
# shellcheck disable=SC2016,SC2119,SC2317	# functions and commands that others call
cd "$(dirname "$0")/../box" || exit 99
# shellcheck source=tests/box/lib.sh
. ./lib.sh
# shellcheck source=tests/box/engines.sh
. ./engines.sh
# shellcheck source=tests/box/daemon.sh
. ./daemon.sh

need_root
need jq unshare busybox curl
{ [ -x "$BIN/boltseald" ] && [ -x "$BIN/boltseal" ]; } || bail "nothing is built in $BIN"
work_dir
ME=$(basename "$W")

id_of() { bs ps --format json | jq -er --arg u "/$ME/mini/$1/upper" '.items[] | select((.upper // "") | endswith($u)) | .id'; }
store_is() { [ "$(bs status --format json | jq -r .sensor.counters.store)" = "$1" ]; }
truth() { (cd "$W/mini/$1/upper" && find root data -mindepth 1 2>/dev/null | sed 's,^,A /,') | LC_ALL=C sort; }
is_true() { [ "$(bs diff "$2" 2>/dev/null | LC_ALL=C sort)" = "$(truth "$1")" ]; }
journal_ok() { bs verify journal; }
seqs_missing() { bs log --format jsonl | jq -s 'map(.seq) | . as $s | [range(1; length) | select($s[.] != $s[. - 1] + 1) | $s[.]]' -c; }
baselined() { bs ps --format json | jq -e --arg id "$1" '.items[] | select(.id == $id) | .baselined'; }
# fill NAME PID FROM TO: small files, in a container
fill() { minibox_exec "$2" /bin/sh -c "cd /data; i=$3; while [ \$i -lt $4 ]; do i=\$((i + 1)); echo \$i >f\$i; done"; }
same_after_rescan() { # DESC ID
	local before after
	before=$(drift_id "$2")
	bs rescan "$2" >/dev/null 2>&1
	after=$(drift_id "$2")
	is "$1" "$after" "$before"
}

# --- a disk that fills -----------------------------------------------------------------------------
mkdir -p "$W/state"
mount -t tmpfs -o size=4m,mode=700 tmpfs "$W/state" || bail "no tmpfs"
minibox disk || bail "the container did not start"
pid=$MINI_PID
daemon_config <<'END' # the disk ends before
store: {map_size: 16M}
flood: {per_target: 0, total: 0} # what is counted fills nothing
END
daemon_start || bail "boltseald"
wait_until 20 id_of disk || bail "the container is not found"
ID=$(id_of disk)
wait_until 20 baselined "$ID" || bail "no baseline: $(tail -5 "$W/log")"
written_() { store_is full || bs status --format json | jq -e '([.sensor.counters.queues | del(.unsettled)[]] | add) == 0'; }
n=0
while [ $n -lt 40000 ] && ! store_is full; do
	fill disk "$pid" $n $((n + 2000))
	n=$((n + 2000))
	wait_until 5 written_ # or there is more of it than has been looked at yet: no harm
done
wait_until 20 store_is full
is "status says that the store is full ($n files)" "$(bs status --format json | jq -r .sensor.counters.store)" full
like "and so does the log, in words" "$(cat "$W/log")" '(takes nothing more|full|[Nn]o space)'
ok "diff still answers" target_is_known_ "$ID"
full_is_told() { # PREFIX ID: each view says so, and no change is waited for
	like "$1: diff says that it is not all" "$(bs diff "$2" 2>&1 >/dev/null)" '^boltseal: not everything could be seen: .*store full'
	like "$1: status has the gap" "$(bs status --format json | jq -r '.gaps[].cause')" '^store full$'
	is "$1: health" "$(curl -s --unix-socket "$W/run/s.sock" http://b/healthz | jq -r '[.status, (.reason | test("store is full"))] | join(" ")')" "failing true"
	is "$1: the metric" "$(curl -s --unix-socket "$W/run/s.sock" http://b/metrics | grep -c '^boltseal_gaps_open{cause="store full"} 1$')" 1
	like "$1: rescan is refused" "$(timeout 20 "$BIN/boltseal" --socket "$W/run/s.sock" rescan "$2" 2>&1; echo "-> $?")" '^boltseal: .*the store is full: changes are held back, not recorded; make room'
	like "$1: so is accept" "$(timeout 20 "$BIN/boltseal" --socket "$W/run/s.sock" accept "$2" --drift "$(drift_id "$2")" --reason x 2>&1; echo "-> $?")" '^boltseal: .*the store is full'
}
full_is_told disk "$ID"
ok "the journal's chain is whole" journal_ok
fill disk "$pid" 90000 90010
ok "the sensor lives on" role_pid sensor
ok "and so does the gateway" role_pid gateway
mount -o remount,size=256m "$W/state"
ok "with room again, the store takes entries without being told" wait_until 60 store_is ok
wait_until 60 is_true disk "$ID"
ok "and the drift becomes what lies in the upper tree" is_true disk "$ID"
same_after_rescan "a rescan finds nothing else" "$ID"
event_ok "the journal has a gap of that time, opened" gap.opened '.gap.cause == "store full"'
event_ok "and closed" gap.closed '.gap.cause == "store full"'
is "none is left open" "$(open_gaps "$ID")" ""
ok "the journal's chain is whole" journal_ok
is "no number is missing" "$(seqs_missing)" "[]"
daemon_stop
umount "$W/state"
minibox_stop "$pid"

# --- the store's own limit ---------------------------------------------------------------------------
minibox limit || bail "the container did not start"
pid=$MINI_PID
daemon_config <<'END'
store: {map_size: 16M, map_limit: 16M}
flood: {per_target: 0, total: 0}
END
daemon_start || bail "boltseald"
wait_until 20 id_of limit || bail "the container is not found"
ID=$(id_of limit)
n=0
while [ $n -lt 60000 ] && ! store_is full; do
	fill limit "$pid" $n $((n + 4000))
	n=$((n + 4000))
	wait_until 5 written_
done
wait_until 20 store_is full
is "status says that the store has reached store.map_limit ($n files)" "$(bs status --format json | jq -r .sensor.counters.store)" full
like "the log says how large it may be, and what to do" "$(cat "$W/log")" '16 MiB.*limit'
ok "diff still answers" target_is_known_ "$ID"
full_is_told limit "$ID"
ok "the journal's chain is whole" journal_ok
daemon_stop
# Stopped while full: what was held back is looked for again.
daemon_config <<<'store: {map_size: 16M, map_limit: 1G}'
daemon_start || bail "boltseald does not start on a store that was full"
wait_until 60 is_true limit "$ID"
ok "with a higher limit the drift becomes what lies in the upper tree" is_true limit "$ID"
same_after_rescan "a rescan finds nothing else" "$ID"
ok "the journal's chain is whole" journal_ok
is "no number is missing" "$(seqs_missing)" "[]"
like "the store is well" "$(bs status --format json | jq -r .sensor.counters.store)" '^ok$'
finish
