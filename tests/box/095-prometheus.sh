#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# A real Prometheus scrapes /metrics and evaluates the shipped alert rules: they are right by themselves,
# the names in them are those that come, and what happens on the host is told by the right alert.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need prometheus promtool curl jq python3 unshare pivot_root busybox
need_daemon
work_dir
RULES=../../packaging/prometheus/boltseal.rules.yaml

ok "promtool takes the rules" promtool check rules --lint-fatal "$RULES"
ok "promtool: each alert fires when it should, and only then" \
	promtool test rules ../gold/prometheus/rules.test.yaml

daemon_config <<<'heartbeat: {interval: 1s}'
daemon_start || bail "boltseald"
metrics() { curl -sS -m 20 --unix-socket "$W/run/s.sock" http://boltseal/metrics; }
metrics >"$W/metrics"
ok "promtool finds no fault with /metrics" promtool check metrics <"$W/metrics"
# Sinks' families are there where a sink is configured.
named=$(grep -o 'boltseal_[a-z_]*' "$RULES" | sort -u | grep -v '^boltseal_sink_')
is "every family that a rule names is there" \
	"$(for n in $named; do grep -q "^${n}[ {]" "$W/metrics" || echo "$n"; done)" ""

# Prometheus speaks no Unix sockets.
cat >"$W/bridge.py" <<'PY'
import asyncio, sys

async def pipe(r, w):
    try:
        while data := await r.read(65536):
            w.write(data)
            await w.drain()
    except OSError:
        pass
    w.close()

async def meet(r, w):
    try:
        ur, uw = await asyncio.open_unix_connection(sys.argv[1])
    except OSError:
        w.close()
        return
    await asyncio.gather(pipe(r, uw), pipe(ur, w))

async def main():
    s = await asyncio.start_server(meet, "127.0.0.1", 0)
    with open(sys.argv[2], "w") as f:
        f.write("%d\n" % s.sockets[0].getsockname()[1])
    await s.serve_forever()

asyncio.run(main())
PY
bridge_end_() { kill "$BRIDGE" 2>/dev/null; wait "$BRIDGE" 2>/dev/null; }
prometheus_end_() {
	kill "$PROMETHEUS" 2>/dev/null
	wait_gone 30 "$PROMETHEUS" || kill -9 "$PROMETHEUS" 2>/dev/null
	wait "$PROMETHEUS" 2>/dev/null
}
python3 "$W/bridge.py" "$W/run/s.sock" "$W/port" 2>"$W/bridge.log" &
BRIDGE=$!
at_exit bridge_end_
wait_until 20 test -s "$W/port" || bail "the bridge: $(cat "$W/bridge.log")"
PORT=$(cat "$W/port")
OWN=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cp "$RULES" "$W/rules.yaml"
cat >"$W/prometheus.yaml" <<EOF
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$W/rules.yaml]
scrape_configs:
  - job_name: boltseal
    static_configs: [{targets: ["127.0.0.1:$PORT"]}]
EOF
ok "promtool takes the configuration" promtool check config "$W/prometheus.yaml"
prometheus --config.file="$W/prometheus.yaml" --storage.tsdb.path="$W/tsdb" \
	--web.listen-address="127.0.0.1:$OWN" >"$W/prometheus.log" 2>&1 &
PROMETHEUS=$!
at_exit prometheus_end_

ask() { curl -sS -m 10 -G "http://127.0.0.1:$OWN/api/v1/$1" "${@:2}"; }
value() { ask query --data-urlencode "query=$1" | jq -r '.data.result[0].value[1] // empty'; }
value_is_() { [ "$(value "$1")" = "$2" ]; }
alert() { ask alerts | jq -r --arg n "$1" '[.data.alerts[] | select(.labels.alertname == $n) | .state] | unique | join(",")'; }
alert_is_() { [ "$(alert "$1")" = "$2" ]; }
ok "it scrapes" wait_until 60 value_is_ 'up{job="boltseal"}' 1
ok "the sensor is up" wait_until 20 value_is_ boltseal_sensor_up 1
evaluated_() { ask rules | jq -e '[.data.groups[].rules[]] | length > 10 and all(.[]; .health == "ok")'; }
ok "every rule is evaluated without an error" wait_until 60 evaluated_
is "nothing is alarming" "$(ask alerts | jq -r '[.data.alerts[] | select(.state == "firing") | .labels.alertname] | unique | join(",")')" ""
grows_() { [ "$(value 'increase(boltseal_journal_last_timestamp_seconds[20s]) > bool 2')" = 1 ]; }
ok "heartbeats move the journal's time" wait_until 60 grows_

minibox box || bail "minibox"
ID=$(printf %s "$W/mini/box/upper" | sha256sum | cut -d' ' -f1)
wait_until 20 target_is_known_ "$ID" || bail "the box is not found"
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
wait_until 20 baselined_ || bail "it has no baseline"
echo tampered >>"$W/mini/l1/etc/group"
ok "a layer that is changed on the host fires the critical alert" \
	wait_until 60 alert_is_ BoltsealCriticalDrift firing

daemon_stop
ok "a host that is gone becomes an alert" wait_until 60 alert_is_ BoltsealHostSilent pending
finish
