#!/bin/bash
# shellcheck disable=SC2015,SC2317 # bail ends; called by wait_until
# What holds when a role is somebody else's. The gateway's place taken by hostile code: everything that it gave
# away is refused to it. The sensor as its unit runs it - a user of its own, four capabilities, no network -
# reads every container and writes into none; a ledger that is kept from going on is silence for the service manager,
# and the next start is free of it.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need setpriv unshare python3 busybox
need_daemon
HOSTILE=$BIN/tests/box/tools/hostile
[ -x "$HOSTILE" ] || bail "nothing is built in $BIN: make box"
work_dir
MINIBOX_VISIBLE=1 minibox prey || bail "a container"
prey=$MINI_PID
minibox_exec "$prey" sh -c 'umask 0; echo open >/opt/all; mkdir -m 700 /root/deep; umask 077; echo secret >/root/deep/key; echo mine >/opt/mine; chown 1234:1234 /opt/mine'
units=../../packaging/systemd
caps=$(sed -n 's/^AmbientCapabilities=//p' $units/boltseald.service | tr 'A-Z ' 'a-z,' | sed 's/cap_//g')
is "the unit's capabilities" "$caps" "sys_admin,dac_read_search,sys_ptrace,lease"
sensor_uid=64042 gateway=$(id -u nobody) group=$(id -g nobody)

# --- started by hand: who are they? ------------------------------------------------------------------
conf_dir=$W/conf
mkdir -m 755 "$conf_dir"
daemon_config <<<'gateway: {user: nobody}'
mv "$W/boltseal.yaml" "$conf_dir/boltseal.yaml" && ln -s "$conf_dir/boltseal.yaml" "$W/boltseal.yaml"
daemon_start --config "$conf_dir/boltseal.yaml" || bail "boltseald"
status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$(role_pid "$1")/status"; }
if [ "$(status_of gateway Seccomp)" = 2 ]; then
	is "by hand the gateway has a filter, no privileges to come, no capabilities" \
		"$(status_of gateway NoNewPrivs) $(status_of gateway CapEff) $(status_of gateway CapBnd)" \
		"1 0000000000000000 0000000000000000"
	is "and the sensor a filter" "$(status_of sensor Seccomp)" 2
	like "doctor says it" "$(bs doctor --format json | jq -r '.sensor.probes[]?, .probes[]? | select(.name == "seccomp of the sensor") | .result' 2>/dev/null)" 'allow-list'
else
	skip "the filter of the gateway" "a build for a sanitizer"
	skip "the filter of the sensor" "a build for a sanitizer"
	skip "doctor says it" "a build for a sanitizer"
fi
while IFS= read -r line; do # every attempt is a check of its own
	case $line in
	"ok "*"# SKIP "*) skip "hostile: ${line#*- }" "${line#*SKIP }" ;;
	"ok "*) tap_ 0 "hostile: ${line#*- }" ;;
	"not ok "*) tap_ 1 "hostile: ${line#*- }" ;;
	"# "*) diag "${line#\# }" ;;
	esac
done < <("$HOSTILE" walls "$gateway" "$group" "$conf_dir/boltseal.yaml" "$W/state" "$W/run/s.sock" \
	"$(role_pid sensor)" "$prey" "$W/mini/prey/upper/opt/all" 2>&1)
sensor=$(role_pid sensor)
out=$("$HOSTILE" door "$gateway" "$group" "$W/run/door.sock")
like "the door: no length of nonsense is taken" "$out" '^ok 1 '
like "and the sensor answers still" "$out" '^ok 2 '
is "with the same process" "$(role_pid sensor)" "$sensor"
ok "and clients are answered" bs ps

# --- a sink that comes later --------------------------------------------------------------------------
mkdir -m 777 "$W/later"
cat >>"$conf_dir/boltseal.yaml" <<Y
sinks:
- {name: net, type: syslog, address: "udp://127.0.0.1:9"}
- {name: file, type: file, address: $W/later/x.log}
Y
kill -HUP "$DAEMON"
says_() { bs sinks test "$1" 2>&1 | grep -q "$2"; }
if [ "$(status_of gateway Seccomp)" = 2 ]; then
	ok "a sink on the network that comes later is told what it needs" wait_until "$PATIENCE" says_ net 'no network since no sink needed it .*restart'
else
	skip "a sink on the network" "a build for a sanitizer"
fi
if "$HOSTILE" landlock; then
	ok "and one that writes elsewhere" wait_until "$PATIENCE" says_ file 'only where sinks wrote when it started.*restart'
else
	skip "one that writes elsewhere" "this kernel has no Landlock"
fi
daemon_stop >/dev/null
daemon_start --config "$conf_dir/boltseal.yaml" || bail "boltseald again"
ok "after a restart it writes there" wait_until "$PATIENCE" bs sinks test file
daemon_stop >/dev/null

# --- as the units run them --------------------------------------------------------------------------
rm -rf "$W/state" "$W/run"
install -d -m 750 -o $sensor_uid -g "$group" "$W/state"
install -d -m 755 -o $sensor_uid -g "$group" "$W/run"
install -d -m 700 -o "$gateway" -g "$group" "$W/gw"
daemon_config <<<"gateway: {user: nobody, state_dir: $W/gw}"
trial=$W/trial
"$BIN/boltseald" --trial "$trial" || diag "no trial"
export BOLTSEAL_TRIAL=$trial
as_sensor() { # as_sensor COMMAND…: sets $ROLE
	python3 tools/as_unit.py --processes --watchdog 1 --said "$W/said" $sensor_uid "$group" "$caps" "$@" >>"$W/log" 2>&1 &
	ROLE=$!
}
roles_end_() {
	local p
	for p in ${SENSOR:-} ${GATE:-} ${HOLD:-}; do kill "$p" 2>/dev/null; wait_gone 20 "$p" || kill -9 "$p"; done 2>/dev/null
}
at_exit roles_end_
sensor_start_() {
	as_sensor "$BIN/boltseald" --config "$conf_dir/boltseal.yaml" --state-dir "$W/state" --socket "$W/run/s.sock" sensor
	SENSOR=$ROLE
	wait_until 20 ready_
}
ready_() { grep -q '^READY=1' "$W/said" && [ -S "$W/run/door.sock" ]; }
pings() { grep -c '^WATCHDOG=1' "$W/said"; }
sensor_start_ || bail "the sensor as its unit: $(tail -3 "$W/log")"
sensor_is() { sed -n "s/^$1:[[:space:]]*//p" "/proc/$SENSOR/status"; }
is "the sensor: another user, and what the unit leaves it" "$(sensor_is Uid | cut -f1) $(sensor_is CapEff) $(sensor_is CapBnd)" \
	"$sensor_uid 0000000010280004 0000000010280004"
is "the store is its own, the gateway's group reads it" "$(stat -c '%u %g %a' "$W/state/data.mdb" "$W/state/lock.mdb" | tr '\n' ,)" \
	"$sensor_uid $group 640,$sensor_uid $group 660,"
python3 tools/as_unit.py --socket "$W/run/s.sock" --watchdog 1 --said "$W/gsaid" "$gateway" "$group" "" \
	"$BIN/boltseald" --config "$conf_dir/boltseal.yaml" --state-dir "$W/state" --socket "$W/run/s.sock" gateway >>"$W/log" 2>&1 &
GATE=$!
chmod_() { [ -S "$W/run/s.sock" ] && chmod 666 "$W/run/s.sock" && bs ps; }
wait_until 20 chmod_ || bail "the gateway as its unit: $(tail -3 "$W/log")"
ID=$(printf %s "$W/mini/prey/upper" | sha256sum | cut -d' ' -f1)
wait_target "$ID"
drift_is "it sees what only the container's root may read" "$ID" "A /opt/all
A /opt/mine
A /root/deep
A /root/deep/key"
is "by content" "$(bs show "$ID" /root/deep/key -o json | jq -r .now.sha256)" "$(echo secret | sha256sum | cut -d' ' -f1)"
probe() { bs doctor --format json | jq -r --arg n "$1" '[.. | objects | select(.name? == $n) | .ok] | first'; }
is "processes are told, though its network is another one" "$(probe 'process events')" true
is "the trial that root made counts" "$(probe 'overlay writes seen below')" "$([ "$(cut -d' ' -f1 "$trial")" = 5 ] && echo true || echo false)"
minibox_exec "$prey" sh -c 'echo x >>/etc/app.conf'
named_() { events --type change | jq -e 'select(.change.path == "/etc/app.conf") | .actor.pid > 0'; }
ok "and who wrote is known" wait_until "$PATIENCE" named_

# What its user may, with its capabilities: read everything, write nothing of a container's own.
as_user() { setpriv --reuid=$sensor_uid --regid="$group" --clear-groups --inh-caps=-all,+"${caps//,/,+}" --ambient-caps=-all,+"${caps//,/,+}" \
	--bounding-set=-all,+"${caps//,/,+}" --no-new-privs "$@"; }
is "its user reads a file of the container's root" "$(as_user cat "/proc/$prey/root/root/deep/key")" secret
is "and one of somebody else" "$(as_user cat "/proc/$prey/root/opt/mine")" mine
upper=$W/mini/prey/upper
for p in "/proc/$prey/root" "$upper" "/proc/1/root$upper"; do
	not_ok "it cannot write a file: ${p%%[0-9]*}" as_user sh -c "echo x >>$p/root/deep/key || echo x >>$p/opt/mine"
	not_ok "nor make one" as_user sh -c "echo x >$p/opt/new || echo x >$p/root/deep/new"
	not_ok "nor remove, rename or open one up" as_user sh -c "rm -f $p/opt/mine || mv $p/opt/mine $p/opt/m || chmod 777 $p/opt/mine || chown $sensor_uid $p/opt/mine"
done
not_ok "nor write to the host" as_user sh -c 'echo x >/proc/1/root/etc/boltseal-intruder || echo x >/etc/boltseal-intruder'
is "what it could not change is as it was" "$(cat "$upper/opt/mine" "$upper/root/deep/key" | tr '\n' ' ')" "mine secret "

# --- the watchdog --------------------------------------------------------------------------------------
more_() { [ "$(pings)" -ge "$1" ]; }
ok "an idle ledger gives signs of life" wait_until 10 more_ $(($(pings) + 2))
gates() { grep -c '^WATCHDOG=1' "$W/gsaid"; }
gates_() { [ "$(gates)" -ge "$1" ]; }
ok "and the gateway's loop" wait_until 10 gates_ 2
"$HOSTILE" hold "$gateway" "$group" "$W/state/lock.mdb" >"$W/hold" 2>&1 &
HOLD=$!
held_() { grep -q held "$W/hold"; }
wait_until 10 held_ || bail "the lock: $(cat "$W/hold")"
# The gateway's signs, which come as often and need no lock, are the clock of the sensor's silence.
wait_until 10 gates_ $(($(gates) + 2)) # what was asked before the lock was held is answered
n=$(pings)
wait_until 10 gates_ $(($(gates) + 3))
is "while somebody holds the store's lock there is none" "$(pings)" "$n"
kill -ABRT "$SENSOR"
wait_gone 10 "$SENSOR"
: >"$W/said"
sensor_start_ && again=0 || again=1 # not in ok, whose subshell would keep its pid for itself
is "started again, with the lock still held" "$again" 0
ok "it gives signs of life" wait_until 10 more_ 2
like "and says what it found" "$(cat "$W/log")" 'held its lock: it has a new lock file'
gate_ends_() { pid_gone "$GATE" || bs ps; }
wait_until 10 gate_ends_
ok "the gateway ends, to open the store anew, or has done so" gate_ends_
finish
