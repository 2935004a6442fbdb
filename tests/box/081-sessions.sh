#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# An exec session is told to be over however it ends: when its container is stopped, when that is removed
# under it, and when all goes at once.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need dockerd runc jq
need_daemon
work_dir
engine_docker_start && image_busybox docker || bail "dockerd"
daemon_start || bail "boltseald"
live=$(bs doctor -o json | jq -r '.probes[] | select(.name == "process events") | .ok')
[ "$live" = true ] || skip_all "no process connector"

sessions() { events --type exec.session | jq -c "select(.target.id == \"$1\") | .session"; }
opened_() { [ -n "$(sessions "$1")" ]; }
closed_() { sessions "$1" | jq -es 'any(.[]; .closed)'; }
begin() { # begin NAME: a container with a session in it, in $ID
	ID=$(run_docker "$1" bb:2 sleep 1000) || bail "docker run"
	wait_target "$ID"
	docker_ exec -d "$1" sh -c 'echo x >/tmp/of-session; sleep 1000'
	wait_until "$PATIENCE" opened_ "$ID" || diag "no session of $1 is told"
}

begin stopped
docker_ stop -t 1 stopped >/dev/null
ok "stopped: its session is over" wait_until "$PATIENCE" closed_ "$ID"
is "once" "$(sessions "$ID" | jq -s 'map(select(.closed)) | length')" 1
is "with what it changed" "$(sessions "$ID" | jq -c 'select(.closed) | .paths')" '["/tmp/of-session"]'

begin removed
docker_ rm -f removed >/dev/null
ok "removed: its session is over" wait_until "$PATIENCE" closed_ "$ID"
is "once" "$(sessions "$ID" | jq -s 'map(select(.closed)) | length')" 1
is "before the container is" "$(events | jq -rc "select(.target.id == \"$ID\") | select(.session.closed or .type == \"target.removed\") | .type" | tail -2 | tr '\n' ' ')" \
	"exec.session target.removed "

ID=$(run_docker brief bb:2 sleep 1000) || bail "docker run"
wait_target "$ID"
docker_ exec -d brief sh -c 'echo x >/tmp/of-session; sleep 1000'
docker_ rm -f brief >/dev/null
ok "at once: it is opened" wait_until "$PATIENCE" opened_ "$ID"
ok "and over" wait_until "$PATIENCE" closed_ "$ID"
finish
