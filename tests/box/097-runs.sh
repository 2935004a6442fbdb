#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# A package manager's run is one event that sums it up; what it changed is beneath it, entry by entry,
# and what is high by itself stays so. Who only calls himself a package manager is none.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need busybox jq
need_daemon
work_dir
daemon_config </dev/null
daemon_start || bail "boltseald"
engine_docker_start || bail "dockerd"
# A program at a manager's place that does what it is told: a shell. It rests at its end, as what ends at once
# is gone before its command line is read.
busybox_tree "$W/tree" || bail "the tree"
mkdir -p "$W/tree/sbin" "$W/tree/usr/bin" "$W/tree/usr/lib"
cp "$W/tree/bin/busybox" "$W/tree/sbin/apk"
stamp_ "$W/tree" && tar_ "$W/tree" "$W/image.tar" && docker_ import "$W/image.tar" runs:1 >/dev/null || bail "the image"
RUN_OPTS=(--cap-add SYS_ADMIN)
ID=$(run_docker box runs:1 /bin/sleep 3600) || bail "the container"
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
wait_until 20 baselined_ || bail "it has no baseline"
UPPER=$(docker_ inspect -f '{{.GraphDriver.Data.MergedDir}}' box)
as() { docker_ exec box /bin/sh -c 'exec -a sh "$0" -c "$1"' "$1" "$2"; }
changes() { events "$ID" --type change | jq -c "select(.change.path | test(\"$1\")) | [.change.path, .severity, .run_id // 0]"; }
changed_() { [ -n "$(changes "$1")" ]; }
run_() { events "$ID" --type package.run | jq -c "$1" | tail -1; }
runs_are_() { [ "$(events "$ID" --type package.run | wc -l)" = "$1" ]; }

# Whoever rests waits at a FIFO until he was seen.
DEV=/proc/$(docker_pid box)/root/dev
mkfifo "$DEV/seen" "$DEV/aside" || bail "a FIFO"

as /sbin/apk 'echo new >/etc/new.conf; for i in 1 2 3 4 5 6 7 8 9; do echo $i >/usr/lib/f$i; done
	/bin/busybox cp /bin/busybox /usr/bin/tool; /bin/busybox cp /bin/busybox /usr/bin/sudo
	/bin/busybox chmod 4755 /usr/bin/sudo; /bin/busybox rm /etc/motd
	read x </dev/seen; :' &
wait_until 30 changed_ '^/etc/motd$' # who did it is known then
echo >"$DEV/seen"
wait $! || bail "the run"
ok "a run is summed up when it has ended" wait_until 30 runs_are_ 1
is "its manager" "$(run_ '[.run.manager, .run.ended, .severity]')" '["apk",true,"high"]'
is "and the worst of it" "$(run_ '[.run.worst.path, .run.worst.severity]')" '["/usr/bin/sudo","high"]'
like "its command line" "$(run_ '.run.cmdline | .[0:2]')" '"sh","-c"'
is "it counts each path once" "$(run_ '[.run.n_paths, .run.counts.D, .run.n_paths == .run.counts.A + .run.counts.C + .run.counts.D]')" \
	"[$(changes . | jq -r '.[0]' | sort -u | wc -l),1,true]"
RUN=$(run_ .run.id)
is "every change is there, with the run's id" "$(changes . | jq -r '.[2]' | sort -u)" "$RUN"
is "its children's too, as info" "$(changes '^/usr/bin/tool$' | tail -1)" "[\"/usr/bin/tool\",\"info\",$RUN]"
is "what is high by itself stays high" "$(changes '^/usr/bin/sudo$' | jq -r '.[1]' | grep -c high)" 1
is "beside that, nobody is called but by the summary" \
	"$(events "$ID" --severity low | jq -r 'select(.change.path != "/usr/bin/sudo") | select(.type != "target.found") | .type')" package.run
like "people read it in a line" "$(bs log "$ID" --type package.run 2>/dev/null)" 'high +package.run .* -c .*: [0-9]+ added, [0-9]+ changed, 1 deleted; at worst high: /usr/bin/sudo'

# The name of a manager, and a program of the attacker's.
as /bin/busybox 'cp /bin/busybox /usr/bin/dpkg'
wait_until "$PATIENCE" has_event change '.change.path == "/usr/bin/dpkg"'
as /usr/bin/dpkg 'cp /bin/busybox /usr/bin/evil'
wait_until "$PATIENCE" has_event change '.change.path == "/usr/bin/evil"'
is "a manager that is drift itself is none" "$(changes '^/usr/bin/evil$' | tail -1)" '["/usr/bin/evil","medium",0]'
is "nor is a writer of the host" "$(echo x >"$UPPER/etc/byhost"
	wait_until "$PATIENCE" has_event change '.change.path == "/etc/byhost"'
	changes '^/etc/byhost$' | jq '.[2]' | tail -1)" 0

# Nor is a program that has his name in mounts of its own, for which it needs CAP_SYS_ADMIN.
docker_ exec box /bin/unshare -m /bin/sh -c '/bin/busybox mount -o bind /bin/busybox /sbin/apk &&
	exec /bin/sh -c "exec -a sh /sbin/apk -c \"echo x >/etc/aside; read x </dev/aside; :\""' &
wait_until "$PATIENCE" has_event change '.change.path == "/etc/aside"'
echo >"$DEV/aside"
wait $! || bail "unshare"
is "nor is one with mounts of its own" "$(changes '^/etc/aside$' | jq -r '.[2]' | tail -1)" 0
like "whose program is not known, and says so" "$(events "$ID" --path /etc/aside | jq -r '.actor.reason' | tail -1)" "its mounts are not its container"

as /sbin/apk 'echo again >/etc/again; sleep 60; :' &
SLEEPER=$!
wait_until "$PATIENCE" has_event change '.change.path == "/etc/again"'
daemon_stop
daemon_start || bail "again"
is "a run that is not over when the sensor stops is told so" "$(run_ '[.run.manager, .run.ended, .run.paths]')" \
	'["apk",false,["/etc/again"]]'
kill "$SLEEPER" 2>/dev/null
finish
