#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Read-only layers against what their image says: whatever was done to them before the daemon ever came is found and
# named, on real Docker and Podman; what nobody touched is proved.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need dockerd podman runc setfattr setcap busybox
need_daemon
work_dir
verdict() { bs ps -a -o json | jq -r --arg n "$1" '.items[] | select(.name == $n) | .verdict.state // "-"'; }
verdict_is_() { [ "$(verdict "$1")" = "$2" ]; }
verdict_is() { # DESC TARGET STATE
	wait_until "$PATIENCE" verdict_is_ "$2" "$3"
	is "$1" "$(verdict "$2")" "$3" || diag "$(bs ps -a -o json | jq -c --arg n "$2" '.items[] | select(.name == $n) | .verdict'; api GET /v1/layers | head -1 | jq -c '.items[] | {path, verdict}')"
}
engine_docker_start && image_busybox docker || bail "dockerd"
engine_podman_start && image_busybox podman || bail "podman"
run_docker d1 bb:2 sleep 1000 >/dev/null || bail "docker run"
run_podman p1 bb:2 sleep 1000 >/dev/null || bail "podman run"
daemon_start || bail "boltseald"
verdict_is "docker: untouched" d1 proved
verdict_is "podman: untouched" p1 proved
api GET /v1/layers | head -1 | jq -c '.items[] | {path, verdict}' | sed 's/^/# /'
bs ps | sed 's/^/# /'
finish
