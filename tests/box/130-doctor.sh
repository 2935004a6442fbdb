#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2034,SC2046,SC2119,SC2317 # as the other scenarios have them
# `boltseal doctor` as the only tool a supporter has: each finding really provoked, in words and in JSON;
# with a sensor that is dead and with no daemon at all; and a bundle of a host full of secrets.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare pivot_root busybox nsenter prlimit python3 jq tar mount
[ -x "$BIN/boltseald" ] && [ -x "$BIN/boltseal" ] || bail "nothing is built in $BIN"
work_dir
SECRET=s3cr3t-$$

# severity ID [SUBJECT]: the worst that a check of that name found; all that was said stays in $W/said.
severity() {
	bs doctor -o json 2>/dev/null >"$W/said"
	jq -r --arg id "$1" --arg of "${2-}" '
		[.findings[] | select(.id == $id and ($of == "" or .subject == $of)) | .severity] |
		map({ok: 0, note: 1, warning: 2, problem: 3}[.]) | max | ["ok", "note", "warning", "problem"][.]' "$W/said"
}
is_severity_() { got=$(severity "${@:2}"); [ "$got" = "$1" ]; }
# finds DESC SEVERITY ID ERE [SUBJECT]: in JSON, with what it costs and what to do; and the words in the text.
finds() {
	local desc=$1 want=$2 id=$3 ere=$4
	wait_until "$PATIENCE" is_severity_ "$want" "$id" ${5+"$5"}
	is "$desc" "$got" "$want" || return
	like "$desc: in words" "$(bs doctor --all 2>/dev/null)" "^${want^^} .*$ere.*\[$id\]"
	[ "$want" = ok ] || is "$desc: cost and remedy" "$(jq -c --arg id "$id" --arg s "$want" '
		[.findings[] | select(.id == $id and .severity == $s) | (.costs | length > 9) and (.do | length > 9)] | all' "$W/said")" true
}

# --- a container with the state directory mounted into it, a tree that is not there, sinks that cannot deliver
mkdir -p "$W/state" "$W/withheld" "$W/bin" "$W/tree" && chmod 700 "$W/state"
minibox web || bail "minibox"
PID=$MINI_PID
ID=$(printf %s "$W/mini/web/upper" | sha256sum | cut -d' ' -f1)
minibox_exec "$PID" mkdir -p /mnt/state # where the state directory will be mounted
echo "$SECRET" >"$W/token" && chmod 644 "$W/token"
cp "$BIN/boltseald" "$W/bin/boltseald.1" && cp "$W/bin/boltseald.1" "$W/bin/boltseald"
OLD_BIN=$BIN
good_config() {
	daemon_config <<CONFIG
rules_dir: $W/rules
host:
  - {path: $W/tree, name: tree}
  - {path: $W/nothere, name: nothere}
withhold: ["/srv/withheld-$SECRET"]
sinks:
  - {name: dead, type: https, address: "https://127.0.0.1:9/$SECRET?token=$SECRET", token_file: $W/token, headers: ["X-Key: $SECRET"], retry_min: 100ms, timeout: 1s, tls: {ca: $W/authority}}
  - {name: nojournal, type: journald, address: "unix://$W/nojournal"}
  - {name: fine, type: file, address: $W/events.json}
${1-}
CONFIG
}
mkdir "$W/rules" && cat >"$W/rules/10.yaml" <<'RULES'
rules:
  - {name: forlorn, match: {target: no-such-target}, paths: [/x], severity: high}
  - {name: bygone, paths: [/y], expect: {reason: then, expires: 2020-01-01}}
RULES
: >"$W/events.json" && chmod 666 "$W/events.json"
good_config
prlimit --nofile=200:200 --pid $$ # the daemon's, by inheritance
BIN=$W/bin
ln -s "$OLD_BIN/boltseal" "$W/bin/boltseal"
daemon_start || bail "boltseald"
wait_target "$ID" || bail "its target"

# --- limits, rights, host trees, sinks -----------------------------------------------------------------
finds "few open files" note open-files "files are open, up to 200 may be"
finds "the clock is looked at" "$(severity clock)" clock "(clock|time service)"
finds "a tree that is not there" warning host-tree "there is nothing at $W/nothere" "$W/nothere"
mkdir "$W/nothere"
finds "and that came" ok host-tree "all 2 configured trees"
finds "a dead receiver" problem sink-failing "sink dead: .*; it lacks [0-9]+ events" dead
finds "a file that a sink lacks" warning sink-files "tls.ca: there is no such file yet: $W/authority"
finds "no journald for a sink of it" problem journald "no socket of journald at $W/nojournal" nojournal
finds "a sink that is well" ok sink-late "sink fine is 0 events" fine
finds "a container that ran before" note late "ran before they were first seen: .*${ID:0:12}"
finds "a rule that names nobody" note rules "no target that is kept now: forlorn"
finds "a rule that has expired" note rules "$W/rules/10.yaml:[0-9]+:[0-9]+: .*expired"
finds "by hand, as root" note sensor-user "runs as uid 0"
finds "what the gateway gave up" ok gateway-privileges "capabilities 0, no_new_privs on"
finds "capabilities" ok capabilities "all there"
finds "the gateway's own wall" "$(severity gateway-landlock)" gateway-landlock "files are (confined by Landlock|not confined): "
is "its two rows are among the probes" "$(bs doctor -o json | jq '[.probes[].name | select(endswith("of the gateway"))] | length')" 2
finds "the store" ok store-space "MiB are free"
is "no two words for one thing: every id is in the table" "$(bs doctor -o json | jq -r '.findings[].id' | sort -u |
	grep -vxFf <(sed -n 's/^CHECK([A-Z_0-9]*, "\([a-z0-9-]*\)".*/\1/p' ../../lib/wire/checks.def))" ""
bs doctor --exit-code >/dev/null 2>&1
is "--exit-code: there is a problem" $? 1
bs doctor >/dev/null 2>&1
is "without it: done" $? 0

# --- files that others may come at ---------------------------------------------------------------------
chmod 755 "$W/state" && chmod 644 "$W/state/data.mdb"
finds "a store that everybody reads" problem state-permissions "$W/state \(mode 0755, .*data.mdb \(mode 0644" "$W/state"
chmod 750 "$W/state" && chmod 640 "$W/state/data.mdb"
finds "and no more" ok state-permissions "only the daemon"
chmod 666 "$W/boltseal.yaml"
finds "a configuration that everybody writes" problem config-permissions "others may write $W/boltseal.yaml"
chmod 644 "$W/boltseal.yaml"

# --- a volume that is refused ----------------------------------------------------------------------------
volume_() { python3 - "$PID" "$W" <<'PY'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
tree = libc.syscall(428, -100, sys.argv[2].encode(), 1 | 0x80000)  # open_tree(CLONE)
fd = os.open("/proc/%s/ns/mnt" % sys.argv[1], os.O_RDONLY)
root = os.open("/proc/%s/root" % sys.argv[1], os.O_RDONLY)
if tree < 0 or libc.setns(fd, 0x20000) < 0: sys.exit(1)
os.fchdir(root); os.chroot("."); os.chdir("/")
sys.exit(libc.syscall(429, tree, b"", -100, b"/mnt/state", 4) != 0)  # move_mount(F_EMPTY_PATH)
PY
}
if volume_ 2>/dev/null; then
	finds "a volume that holds the containers" note volume-refused "$W is mounted into a container and not kept" "$W"
else
	skip "a volume that holds the containers" "open_tree cannot be had"
fi

# --- reload, restart, replaced program ----------------------------------------------------------------------
good_config "watch: {workers: 3}"
kill -HUP "$DAEMON"
finds "what waits for a restart" warning restart "changed since the start: watch.workers"
good_config "nope$SECRET: 1"
kill -HUP "$DAEMON"
finds "a failed reload" problem reload "failed: $W/boltseal.yaml:[0-9]+:1: nope"
mkdir "$W/bundle"
ok "a bundle" bs doctor --bundle "$W/bundle.tar.gz"
good_config
kill -HUP "$DAEMON"
finds "and a good one" ok reload "was taken"
finds "nothing waits any more" ok restart "is in force"
rm "$W/bin/boltseald" && cp "$W/bin/boltseald.1" "$W/bin/boltseald"
finds "an upgrade that is not in force" warning binary "program was replaced since it was started" "$W/bin/boltseald"

mv "$W/rules/10.yaml" "$W/10.yaml"
kill -HUP "$DAEMON"
finds "no rules at all" warning no-rules "no rules are loaded: there are none in $W/rules"
ok "and the log says so" grep -q '^<4>.*no rules are loaded' "$W/log"
mv "$W/10.yaml" "$W/rules/10.yaml"
kill -HUP "$DAEMON"

# --- the bundle: nothing of what was planted ----------------------------------------------------------------
tar -xzf "$W/bundle.tar.gz" -C "$W/bundle" || bail "tar"
is "for root alone" "$(stat -c %a "$W/bundle.tar.gz")" 600
is "with all its parts" "$(cd "$W/bundle/boltseal-bundle" && echo *)" \
	"about.txt configuration.yaml doctor.json events.jsonl host.txt metrics.txt sinks.json status.json targets.json"
minibox_exec "$PID" sh -c "echo x >/tmp/$SECRET; : --password=$SECRET"
wait_until "$PATIENCE" has_event change ".change.path == \"/tmp/$SECRET\""
ok "one with drift, command lines and a refused configuration" bs doctor --bundle "$W/second.tar.gz"
tar -xzf "$W/second.tar.gz" -C "$W/bundle" --transform s/boltseal-bundle/second/
is "no secret in either" "$(grep -rl "$SECRET" "$W/bundle")" ""
like "but where it goes" "$(cat "$W/bundle/second/configuration.yaml")" 'https://127.0.0.1:9/\(left out\)'
like "which header" "$(cat "$W/bundle/second/configuration.yaml")" 'X-Key: \(left out\)'
is "and its JSON is whole" "$(cat "$W"/bundle/*/*.json "$W"/bundle/*/events.jsonl | jq -s 'length > 9')" true

# --- status ------------------------------------------------------------------------------------------------
said=$(bs status 2>/dev/null)
like "status: one screen" "$(wc -l <<<"$said")" '^(1[0-9]|2[0-9])$'
like "status: levels" "$said" '^watched +[0-9]+ at L'
like "status: memory of both" "$said" '^memory +sensor [0-9.]+ MiB, gateway [0-9.]+ MiB'
like "status: sinks" "$said" 'dead (waiting|sending|starting), [1-9][0-9]* events'
like "status -l: every counter" "$(bs status -l 2>/dev/null)" 'process events lost: '

# --- a dead sensor, a full disk, no daemon -------------------------------------------------------------------
kill -STOP "$DAEMON" # so that nobody starts it again
kill -9 "$(role_pid sensor)"
finds "a dead sensor" problem sensor "the sensor is down"
like "status does not call that no gap" "$(bs status 2>/dev/null)" '^gaps +unknown while the sensor is not there'
is "what still works is looked at" "$(bs doctor -o json | jq -r '[.findings[] | select(.id == "store-map" or .id == "sink-failing") | .id] | unique | join(" ")')" \
	"sink-failing store-map"
kill -CONT "$DAEMON"
finds "and a new one" ok sensor "the sensor answers"
daemon_stop
said=$(bs doctor 2>"$W/err"); rc=$?
is "no daemon: exit status" "$rc" 2
like "no daemon: what is seen from outside" "$said" "^PROBLEM gateway: $W/run/s.sock: there is no such socket.*\[socket\]"
is "no daemon: one line on stderr" "$(grep -c '^boltseal: cannot reach' "$W/err") $(wc -l <"$W/err")" "1 1"
is "no daemon: JSON too" "$(bs doctor -o json 2>/dev/null | jq -r '.offline, (.findings[] | select(.id == "socket") | .severity)' | paste -sd ' ')" "true problem"
install -d -m 755 "$W/run" && python3 -c 'import socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1])' "$W/run/s.sock"
like "a socket that nobody listens at" "$(bs doctor 2>/dev/null)" 'nobody listens: whoever made it has ended'
chmod 600 "$W/run/s.sock"
cp "$OLD_BIN/boltseal" "$W/cli"
like "and no right to use it" "$(setpriv --reuid=65534 --regid=65534 --clear-groups "$W/cli" --socket "$W/run/s.sock" doctor 2>/dev/null)" \
	'^PROBLEM permissions: uid 65534 may not use '
rm -f "$W/run/s.sock"

mkdir "$W/small" && mount -t tmpfs -o size=4m,mode=700 none "$W/small" || bail "tmpfs"
daemon_config <<<"store: {map_size: 16M}"
"$BIN/boltseald" --config "$W/boltseal.yaml" --state-dir "$W/small" --socket "$W/run/s.sock" >>"$W/log" 2>&1 &
DAEMON=$!
wait_until 20 daemon_up_ || bail "boltseald on a small disk"
finds "a disk with little room" problem store-space "[0-9]+ MiB are free on the file system of $W/small" "$W/small"
head -c 99m /dev/zero >"$W/small/fill" 2>/dev/null
minibox_exec "$PID" sh -c 'i=0; while [ $i -lt 400 ]; do echo $i >/tmp/full$i; i=$((i + 1)); done'
finds "and with none" problem store "the store is full: changes are held back"
rm "$W/small/fill"
finds "and well again" ok store "the store takes entries"
unlike "the daemon never ended by itself" "$(grep -v 'died of signal 9' "$W/log")" 'died of signal|ended with status'
daemon_stop
is "and stops in order" $? 0
minibox_stop "$PID"
finish
