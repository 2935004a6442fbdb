#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# What a receiver has of a journal proves itself: heartbeats come when nothing happens, and
# `verify journal --from` finds what is missing, changed or moved, without the daemon.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare pivot_root busybox nsenter jq shuf
need_daemon
work_dir
install -d -m 777 "$W/receiver" # the gateway's user is another one
daemon_config <<-YAML
	heartbeat: {interval: 1s}
	sinks: [{name: kept, type: file, address: $W/receiver/all, from: beginning}]
YAML
daemon_start || bail "boltseald"

beats() { events --type heartbeat | wc -l; }
more_than_() { [ "$(beats)" -gt "$1" ]; }
ok "a heartbeat comes when nothing happens" wait_until 20 more_than_ 2
events_like_() { events --type heartbeat | jq -es "$1"; }
ok "the first lists everything, the next what is new" \
	events_like_ '.[0].heartbeat.full and (.[1].heartbeat.full | not)'
is "people do not see them" "$(bs log 2>/dev/null | grep -c heartbeat)" 0
like "unless they ask" "$(bs log --all 2>/dev/null)" 'heartbeat .*targets, 0 open gaps'

MINIBOX_VISIBLE=1 minibox box || bail "minibox"
ID=$(printf %s "$W/mini/box/upper" | sha256sum | cut -d' ' -f1)
wait_until 20 target_is_known_ "$ID" || bail "the box is not found"
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
wait_until 20 baselined_ || bail "it has no baseline"
minibox_exec "$MINI_PID" sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo $i >/srv$i; done; echo x >>/etc/passwd'
wait_until "$PATIENCE" has_event change '.change.path == "/etc/passwd"'
told_() { events --type heartbeat | jq -es --arg id "$ID" --arg d "$(drift_id "$ID")" \
	'any(.[].heartbeat.targets[]; .id == $id and .drift_id == $d)'; }
ok "a heartbeat says the drift of the target" wait_until 20 told_
sinks_told_() { events --type heartbeat | jq -es 'any(.[].heartbeat.sinks[]?; .name == "kept" and .acked > 5)'; }
ok "and how far the sinks are" wait_until 30 sinks_told_

bs log -o jsonl >"$W/stored" 2>/dev/null
daemon_stop
prove() { timeout 60 "$BIN/boltseal" --no-color --socket /nonexistent verify journal --from "$@"; }
status_of() { prove "$@" >"$W/proof" 2>&1; echo $?; }
N=$(wc -l <"$W/stored")
is "what a sink wrote is whole" "$(status_of "$W/receiver/all" --since-seq 1 --until-seq "$N")" 0
is "it is whole" "$(status_of "$W/stored" --since-seq 1 --until-seq "$N")" 0
is "from standard input too, in any order and twice" \
	"$({ shuf "$W/stored"; cat "$W/stored"; } | status_of - --since-seq 1 --until-seq "$N")" 0
jq -c '{time: 1.5, event: .}' "$W/stored" >"$W/hec"
is "as Splunk's collector has it" "$(status_of "$W/hec" --since-seq 1 --until-seq "$N")" 0
jq -c 'tojson | {event: {original: .}}' "$W/stored" >"$W/ecs"
is "as ECS has it" "$(status_of "$W/ecs" --since-seq 1 --until-seq "$N")" 0
sed 's/^/<134>1 2026-11-23T22:14:05Z h boltseal 7 - - /' "$W/stored" >"$W/syslog"
is "as a syslog server has it" "$(status_of "$W/syslog" --since-seq 1 --until-seq "$N")" 0
sed 3,4d "$W/stored" >"$W/less"
is "two that are missing are found" "$(status_of "$W/less")" 1
like "and named" "$(cat "$W/proof")" '^MISMATCH +complete .* 2 missing: 3-4'
is "a filter's holes may be allowed" "$(status_of "$W/less" --allow-holes)" 0
head -n -1 "$W/stored" >"$W/short"
is "one that is cut off at the end is not seen by itself" "$(status_of "$W/short")" 0
is "but by who knows how far it went" "$(status_of "$W/short" --until-seq "$N")" 1
sed 's,/etc/passwd,/etc/issue,' "$W/stored" >"$W/forged"
is "a changed entry is found" "$(status_of "$W/forged")" 1
like "and its line named" "$(cat "$W/proof")" '^MISMATCH +entry +"?line [0-9]+"? .*was changed'
head -c -10 "$W/stored" >"$W/torn"
is "half a line at the end is told" "$(status_of "$W/torn")" 0
like "in words" "$(cat "$W/proof")" 'the last line is cut off'
is "nothing at all is an error" "$(status_of /dev/null)" 2
finish
