#!/bin/bash
# shellcheck disable=SC2015,SC2016 # bail ends; words for a shell inside
# Whatever of the service dies, hangs, is restarted, reloaded or misconfigured: it heals, it says so, nothing that
# changed meanwhile is lost, and who asks meanwhile waits or gets a clear answer.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
machine_begin
package_install && wait_until 30 healed_ || bail "the package is installed"
run_docker web bb:2 sleep 100000 >/dev/null && wait_target web || bail "a container"
in_web() { docker_ exec web sh -c "$1"; }
last_seq() { events | tail -1 | jq -r .seq; }
since() { # since SEQ TYPE [CONDITION]: how many
	events --type "$2" | jq -s "[.[] | select(.seq > $1) | select(${3:-true})] | length"
}
# The host's trees have gaps of their own, closed when their full look is over.
down='.gap.cause == "daemon down" and (.target.kind // "") != "host"'
none_open_() { [ "$(bs status --format json | jq -r '.sensor.health')" = ok ] && [ -z "$(open_gaps web)" ]; }

# --- the sensor is killed --------------------------------------------------------------------------
seq=$(last_seq) old=$(main_pid boltseald)
inside kill -9 "$old"
in_web 'echo 1 >/tmp/killed'
said=$(bs ps 2>&1)
like "who asks meanwhile is answered, or told what is wrong" "$?:$said" '^0:|^2:boltseal: .*sensor'
wait_until 20 healed_
ok "the sensor is killed: it is started again" healed_
not_ok "as another process" test "$(main_pid boltseald)" = "$old"
drift_is "what changed meanwhile is found" web "A /tmp/killed"
gap_closed_() { [ "$(since "$seq" gap.closed "$down")" -ge 1 ]; }
wait_until 20 gap_closed_
is "the blind time is one gap" "$(since "$seq" gap.opened "$down")" 1
is "and it is closed" "$(since "$seq" gap.closed "$down")" 1
like "the manager's journal says it" "$(journal_inside -u boltseald -n 40 -o cat)" 'code=killed'

# --- the gateway is killed ---------------------------------------------------------------------------
seq=$(last_seq) old=$(main_pid boltseal-gateway) sensor=$(main_pid boltseald)
inside kill -9 "$old"
begun=$(date +%s%N)
ok "the gateway is killed: who asks meanwhile waits, and is answered" bs ps
diag "answered after $(ms "$begun") ms"
wait_until 20 healed_
ok "it runs again" healed_
is "the sensor did not notice" "$(main_pid boltseald)" "$sensor"
in_web 'echo 1 >/tmp/gateway'
drift_is "and nothing was missed" web "A /tmp/gateway
A /tmp/killed"
is "so that there is no gap" "$(since "$seq" gap.opened)" 0

# --- restart and stop --------------------------------------------------------------------------------
seq=$(last_seq) old=$(main_pid boltseal-gateway)
ok "restart" inside systemctl restart boltseald
wait_until 20 healed_
not_ok "restarts the gateway too" test "$(main_pid boltseal-gateway)" = "$old"
wait_until 20 gap_closed_
is "the sensor stopped in order" "$(since "$seq" daemon.stopped)" 1
is "and started" "$(since "$seq" daemon.started)" 1
is "with one gap" "$(since "$seq" gap.opened "$down")/$(since "$seq" gap.closed "$down")" 1/1
ok "stop" inside systemctl stop boltseald
ok "stops the gateway too" unit_is boltseal-gateway inactive/dead
is "nothing is left of them" "$(host_pids)" ''
in_web 'echo 1 >/tmp/stopped'
ok "start" inside systemctl start boltseald
wait_until 20 healed_
drift_is "what changed while it was stopped is found" web "A /tmp/gateway
A /tmp/killed
A /tmp/stopped"

# --- the configuration -----------------------------------------------------------------------------
conf=$R/etc/boltseal/boltseal.yaml
cp "$conf" "$W/good.yaml"
printf 'sinks:\n  - {name: one, type: file, address: /var/log/boltseal/one.json}\n' >>"$conf"
seq=$(last_seq) sensor=$(main_pid boltseald)
ok "reload" inside systemctl reload boltseald
sink_is_() { [ "$(bs sinks --format json | jq -r '.items | map(.name) | join(",")')" = "$1" ]; }
wait_until "$PATIENCE" sink_is_ one
ok "and what was changed is in force" sink_is_ one
printf 'sinks:\n  - {name: two, type: nonsense}\n' >"$conf"
said=$(inside systemctl reload boltseald 2>&1) && rc=0 || rc=1
is "a wrong configuration: reload fails" "$rc" 1
failed_() { [ "$(since "$seq" rules.failed)" -ge 1 ]; }
wait_until "$PATIENCE" failed_
ok "which is an event" failed_
ok "and the old one stays in force" sink_is_ one
ok "with the same sensor" test "$(main_pid boltseald)" = "$sensor"
like "the manager's journal has the sentence" "$(journal_inside -u boltseald -u boltseal-gateway -n 60 -o cat)" 'nonsense'
inside systemctl restart boltseald >/dev/null 2>&1
settled_() { unit_is boltseald failed/failed; }
wait_until 20 settled_
ok "started with it, the service fails and is not tried for ever" settled_
is "by its exit status" "$(inside systemctl show -P ExecMainStatus boltseald)" 2
cp "$W/good.yaml" "$conf"
ok "mended, it starts" inside systemctl restart boltseald
wait_until 20 healed_
ok "and answers" healed_

# --- the ledger hangs --------------------------------------------------------------------------------
# As a hijacked gateway could make it: one of its group keeps LMDB's lock, the only thing that it may write.
mkdir -p "$R/etc/systemd/system/boltseald.service.d"
printf '[Service]\nWatchdogSec=3s\n' >"$R/etc/systemd/system/boltseald.service.d/test.conf"
inside systemctl daemon-reload
inside systemctl restart boltseald
wait_until 20 healed_ || bail "it runs with another watchdog"
${CC:-cc} -O1 -Wall -Wextra -o "$R/root/hold_lock" ./hold_lock.c -pthread || bail "hold_lock.c"
chmod 755 "$R/root" "$R/root/hold_lock"
seq=$(last_seq) old=$(main_pid boltseald)
inside sh -c 'echo $$ >/sys/fs/cgroup/system.slice/boltseal-gateway.service/cgroup.procs
	exec setpriv --reuid boltseal-gateway --regid boltseal-gateway --clear-groups /root/hold_lock /var/lib/boltseal/lock.mdb' >"$W/hold" 2>&1 &
holder=$!
at_exit "kill $holder 2>/dev/null"
holds_() { grep -q locked "$W/hold"; }
wait_until 10 holds_ || bail "the lock is held: $(cat "$W/hold")"
begun=$(date +%s%N)
in_web 'echo 1 >/tmp/stalled'
other_() { [ "$(main_pid boltseald)" != "$old" ] && healed_; }
wait_until 40 other_
ok "the ledger hangs: the watchdog fires, and the service is healed" other_
diag "after $(ms "$begun") ms with a watchdog of 3 s"
like "the manager's journal says why" "$(journal_inside -u boltseald -n 60 -o cat)" '[Ww]atchdog'
drift_is "and what changed meanwhile is found" web "A /tmp/gateway
A /tmp/killed
A /tmp/stalled
A /tmp/stopped"
wait_until 20 gap_closed_
is "with one gap, closed" "$(since "$seq" gap.opened "$down")/$(since "$seq" gap.closed "$down")" 1/1

# --- the whole process is stopped ---------------------------------------------------------------------
old=$(main_pid boltseald)
inside kill -STOP "$old"
wait_until 40 other_
ok "all of the sensor hangs: healed as well" other_
ok "the journal's chain is whole" bs verify journal
is "and no unit has failed" "$(inside systemctl --failed --no-legend | wc -l)" 0
finish
