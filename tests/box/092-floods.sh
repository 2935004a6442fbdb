#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# More changes than the budgets: they are counted, summed up with the worst of them, and in the drift, every one;
# others are told meanwhile as ever; and a sensor that is killed in the middle forgets nothing of it.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
FILES=20000 BUDGET=100
need_root
need busybox jq
need_daemon
work_dir
limits() { # limits PER_PATH PER_TARGET TOTAL WINDOW
	daemon_config <<<"flood: {per_path: $1, per_target: $2, total: $3, window: $4}"
}
limits 5 $BUDGET 1000 3s
daemon_start || bail "boltseald"
engine_docker_start || bail "dockerd"
busybox_tree "$W/tree" || bail "the tree"
mkdir -p "$W/tree/data" "$W/tree/usr/bin" "$W/tree/var/log"
stamp_ "$W/tree" && tar_ "$W/tree" "$W/image.tar" && docker_ import "$W/image.tar" floods:1 >/dev/null || bail "the image"
A=$(run_docker noisy floods:1 /bin/sleep 3600) && B=$(run_docker quiet floods:1 /bin/sleep 3600) || bail "the containers"
baselined_() { bs ps -o json | jq -e --arg id "$1" '.items[] | select(.id == $id) | .baselined'; }
wait_until 20 baselined_ "$A" && wait_until 20 baselined_ "$B" || bail "they have no baseline"
in_() { docker_ exec "$1" /bin/busybox sh -c "$2"; }
# What has one state only, from the moment it is there.
many() { in_ "$A" "cd /data && seq $1 $2 | xargs busybox mkfifo"; }
counts() { bs ps -o json | jq --arg id "$1" '.items[] | select(.id == $id) | .counts.A'; }
has_added() { [ "$(counts "$1")" = "$2" ]; }
floods() { events "$A" --type flood | jq -s "$1"; }
# Every change that was added, in the entries of its own and in those of floods.
told() {
	events "$A" | jq -s '[.[] | if .type == "change" and .change.kind == "A" then 1 + (.repeats.count // 0)
		elif .type == "flood" then .flood.counts.A else 0 end] | add'
}
calm() { [ "$(counter floods)" = 0 ]; }

many 1 $FILES &
MANY=$!
event_ok "that it begins is told at once" flood '.flood.state == "begun"' "$A"
is "status shows that it goes on" "$(bs status --format json | jq -c '.floods[0] | [.target.name, .flood.scope]')" '["noisy","target"]'
like "and metrics" "$(api GET /metrics)" '^boltseal_floods_open [12]$'
PATIENCE=60 # the workers have their hands full
in_ "$B" 'echo x >/etc/other'
event_ok "what another container changes is told meanwhile" change '.change.path == "/etc/other"' "$B"
in_ "$A" 'cp /bin/busybox /usr/bin/su; chmod 4755 /usr/bin/su'
event_ok "so is what matters more, of the same container" change '.change.path == "/usr/bin/su" and .severity == "high"' "$A"
wait "$MANY" || bail "the files"
ok "every one is in the drift" wait_until 60 has_added "$A" $((FILES + 1))
ok "it ends" wait_until 30 calm
is "what others did was told before that" "$(events | jq -s '([.[] | select(.change.path == "/etc/other") | .seq] | first) < ([.[] | select(.type == "flood") | .seq] | last)')" true
PATIENCE=20
is "and the last of it says so" "$(floods '.[-1].flood.state')" '"over"'
is "none is missing: those told and those counted" "$(told)" $((FILES + 1))
ok "few of them were told one by one" test "$(events "$A" --type change | wc -l)" -le $((FILES / 4))
is "each entry has its worst" "$(floods '[.[] | select(.flood.count > 0) | .severity == .flood.worst and (.flood.path | startswith("/data/"))] | all')" true
is "and what the drift was" "$(floods '[.[] | .drift_id | test("^[0-9a-f]{64}$")] | all')" true
like "people read it in a line" "$(bs log noisy --type flood 2>/dev/null)" \
	'low +flood +noisy +begun: [0-9]+ not told one by one \([0-9]+ added, 0 changed, 0 deleted, 0 cleared\).*; at worst low: /data/'
seq_of() { bs diff "$1" "$2" --format json 2>/dev/null | jq '.items[0].seq'; }
is "what was counted names no entry of its own" "$(seq_of noisy "$(floods '.[0].flood.path' | jq -r .)")" null
is "what was told does" "$(seq_of noisy /usr/bin/su)" \
	"$(events "$A" --type change | jq 'select(.change.path == "/usr/bin/su") | .seq' | tail -1)"

# killed in the middle
many $((FILES + 1)) $((2 * FILES)) &
MANY=$!
more_() { [ "$(floods '[.[] | select(.flood.state == "begun")] | length')" -ge 2 ]; }
wait_until 60 more_ || bail "it floods again"
kill -9 "$DAEMON" "$(role_pid sensor)" "$(role_pid gateway)"
wait_gone 10 "$DAEMON"
wait "$MANY" || bail "the files"
daemon_start || bail "again"
event_ok "what was counted before is told after the start" flood '.reason == "counted before the sensor ended; told at the next start"' "$A"
ok "every one is in the drift" wait_until 90 has_added "$A" $((2 * FILES + 1))
ok "it ends" wait_until 60 calm
is "none is missing" "$(told)" $((2 * FILES + 1))

# stopped in the middle, and other limits while it runs
limits 0 0 0 3s
kill -HUP "$DAEMON"
wait_until 10 has_event rules.loaded '.detail | test("read again")'
N=$(events "$A" --type change | wc -l)
many $((2 * FILES + 1)) $((2 * FILES + 500))
ok "more" wait_until 30 has_added "$A" $((2 * FILES + 501))
is "without limits every one is told" "$(($(events "$A" --type change | wc -l) - N))" 500
limits 5 10 0 1h
kill -HUP "$DAEMON"
again_() { [ "$(events --type rules.loaded | jq -s '[.[] | select(.detail | test("read again"))] | length')" -ge 2 ]; }
wait_until 10 again_
in_ "$A" 'rm -f /data/1*'
begun_() { floods '.[-1].flood | .state == "begun" and .counts.cleared > 0' | grep -qx true; }
ok "what is over floods too" wait_until 30 begun_
ADDED=$((2 * FILES + 501 - 11111)) # names that begin with 1
ok "they are gone" wait_until 30 has_added "$A" $ADDED
many 100000 100100
ok "more" wait_until 30 has_added "$A" $((ADDED + 101))
daemon_stop
daemon_start || bail "a third time"
is "what was counted when it stops is told then" \
	"$(events "$A" --type flood | jq -sc '[.[] | select(.reason == "the sensor stops") | [.flood.state, .flood.counts.A > 80]] | unique')" '[["over",true]]'

# one path
limits 5 $BUDGET 1000 3s
kill -HUP "$DAEMON"
three_() { [ "$(events --type rules.loaded | jq -s '[.[] | select(.detail | test("read again"))] | length')" -ge 3 ]; }
wait_until 10 three_
in_ "$B" 'i=0; while [ $i -lt 500 ]; do echo $i >/etc/counter; i=$((i+1)); usleep 20000; done'
SHA=$(echo 499 | sha256sum | cut -d' ' -f1)
event_ok "the last state of what is written all the time is told" change \
	'.change.path == "/etc/counter" and .repeats.count > 0 and .change.new.sha256 == "'"$SHA"'"' "$B"
ok "and not each one before it" test "$(events "$B" --type change | jq -c 'select(.change.path == "/etc/counter")' | wc -l)" -le 25
is "its entry is the one that the drift names" "$(seq_of quiet /etc/counter)" \
	"$(events "$B" --type change | jq 'select(.change.path == "/etc/counter") | .seq' | tail -1)"
in_ "$B" 'i=0; while [ $i -lt 20 ]; do echo $i >/etc/lock; usleep 150000; rm /etc/lock; usleep 150000; i=$((i+1)); done'
event_ok "what came and went is told as gone" change.cleared '.change.path == "/etc/lock" and .repeats.count > 0' "$B"
ok "the journal is whole" bs verify journal
finish
