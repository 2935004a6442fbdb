#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# A read-only layer changed on the host's disk: told live, and after a time in which nobody watched,
# for everybody who stacks it, and once.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare pivot_root busybox setfattr nsenter
need_daemon
work_dir
minibox_layers_ || bail "no layers"

# stack NAME BASE: a minibox on its own copy BASE of the two layers; $ID.
declare -A IDS PIDS
stack() {
	local d=$W/mini/$1
	[ -d "$W/mini/$2-1" ] || { cp -a "$W/mini/l1" "$W/mini/$2-1" && cp -a "$W/mini/l2" "$W/mini/$2-2"; }
	ID=$(printf %s "$d/upper" | sha256sum | cut -d' ' -f1)
	MINIBOX_VISIBLE=1 MINIBOX_LOWER=$W/mini/$2-2:$W/mini/$2-1 minibox "$1" || bail "minibox $1"
	IDS[$1]=$ID PIDS[$1]=$MINI_PID
	wait_until 20 baselined_ || bail "$1 is not baselined: $(tail -3 "$W/log")"
}
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
told() { # the paths of layer.tampered in this work directory's layers, each as often as it was told
	events --type layer.tampered | jq -r --arg w "$W/" 'select(.layer | startswith($w)) | .change.path' | sort
}
told_is_() { [ "$(told)" = "$1" ]; }
told_is() {
	wait_until "$PATIENCE" told_is_ "$2"
	is "$1" "$(told)" "$2"
}
names_of() { events --type layer.tampered | jq -r --arg p "$1" 'select(.change.path == $p) | .targets | join(" ")' | tail -1; }
long() { bs diff "$1" -o json | jq -r '.items[] | "\(.kind) \(.path) \(.severity) \(.aspects | join(","))"'; }

daemon_start || bail "boltseald"
stack one a
stack two a
A=$W/mini/a
minibox_exec "${PIDS[two]}" rm /opt/keep/k3
drift_is "one of them has deleted a file itself" "${IDS[two]}" "D /opt/keep/k3"

# --- live -----------------------------------------------------------------------------------------
echo EVIL >"$A-1/etc/motd" && touch -d "$IMAGE_TIME" "$A-1/etc/motd"
chmod 4755 "$A-1/bin/busybox"
mkdir -p "$A-1/planted/deep" && echo x >"$A-1/planted/deep/f"
rm "$A-1/etc/group"
rm "$A-2/opt/keep/k2" # a whiteout: the file below is back
echo gone >"$A-1/opt/keep/k3"
live="C /bin/busybox critical mode,layer
D /etc/group critical layer
C /etc/motd critical content,layer
A /opt/keep/k2 critical layer
C /opt/keep/k3 critical content,mtime,layer
A /planted critical layer
A /planted/deep critical layer
A /planted/deep/f critical layer"
long_is_() { [ "$(long "$1")" = "$2" ]; }
wait_until "$PATIENCE" long_is_ "${IDS[one]}" "$live"
is "live: every change is told, and whose it is" "$(long "${IDS[one]}")" "$live"
hidden=${live/C \/opt\/keep\/k3 critical content,mtime,layer/D \/opt\/keep\/k3 low }
wait_until "$PATIENCE" long_is_ "${IDS[two]}" "$hidden"
is "live: to who stacks it too, but not what it has hidden" "$(long "${IDS[two]}")" "$hidden"
paths=$(awk '{print $2}' <<<"$live" | sort)
told_is "live: layer.tampered once a path" "$paths"
for name in one two; do
	like "live: it names $name" "$(names_of /etc/motd)" "${IDS[$name]:0:12}"
done
is "a look through it all finds nothing else" "$(bs rescan "${IDS[one]}" >/dev/null 2>&1; long "${IDS[one]}")" "$live"
is "nor tells it again" "$(told)" "$paths"

# --- while nobody watched -------------------------------------------------------------------------
stack three b
stack four b
B=$W/mini/b
daemon_stop
echo EVIL >"$B-1/etc/motd" && touch -d "$IMAGE_TIME" "$B-1/etc/motd"
chown 1:1 "$B-1/etc/passwd"
setfattr -n user.a -v b "$B-1/etc/app.conf"
mkdir -p "$B-1/planted/deep" && echo x >"$B-1/planted/deep/f"
rm -r "$B-1/opt/hl"
rm "$B-2/opt/keep/k2"
rm "$B-1/opt/link" && ln -s elsewhere "$B-1/opt/link" && touch -h -d "$IMAGE_TIME" "$B-1/opt/link"
daemon_start || bail "boltseald"
down="C /etc/app.conf critical xattr,layer
C /etc/motd critical content,layer
C /etc/passwd critical owner,layer
D /opt/hl critical layer
A /opt/keep/k2 critical layer
C /opt/link critical link,layer
A /planted critical layer
A /planted/deep critical layer
A /planted/deep/f critical layer"
for name in three four; do
	wait_until "$PATIENCE" long_is_ "${IDS[$name]}" "$down"
	is "while the daemon was down: $name is told at the start" "$(long "${IDS[$name]}")" "$down"
done
told_is "once a path" "$(printf '%s\n%s\n' "$paths" "$(awk '{print $2}' <<<"$down")" | sort)"
event_ok "and the blind time is closed" gap.closed '.gap.cause == "daemon down"'

# --- untouched ------------------------------------------------------------------------------------
before=$(told)
stack five c
daemon_stop
daemon_config <<<'watch: {processes: false}' # a slow round is due every 5 s then, not every 30
daemon_start || bail "boltseald"
event_ok "again" gap.closed '.gap.cause == "daemon down"'
is "what nobody touched is not told" "$(drift "${IDS[five]}")" ""
is "nor anything else again" "$(told)" "$before"

# --- while nobody stacked it ----------------------------------------------------------------------
minibox_stop "${PIDS[five]}"
umount -l "$W/mini/five/merged"
rm -r "$W/mini/five"
# Nobody announces that a directory was removed which no engine knows: the slow round finds it.
PATIENCE=45 event_ok "the last container of a layer goes" target.removed true "${IDS[five]}"
echo LATER >"$W/mini/c-1/etc/motd"
stack six c
wait_until "$PATIENCE" long_is_ "${IDS[six]}" "C /etc/motd critical content,mtime,layer"
is "changed while no container stacked it: the next one is told" "$(long "${IDS[six]}")" \
	"C /etc/motd critical content,mtime,layer"

# --- when nobody needs it any more ----------------------------------------------------------------
layers() { api GET /v1/layers | head -1 | jq -r --arg w "$W/" '.items[].path | select(startswith($w))' | sort; }
layers_are_() { [ "$(layers)" = "$1" ]; }
minibox_stop "${PIDS[six]}"
umount -l "$W/mini/six/merged"
rm -r "$W/mini/six"
mkdir -p "$W/nudge" && mount -t tmpfs nudge "$W/nudge" && umount "$W/nudge" # any mount makes it look
event_ok "the last one goes again" target.removed true "${IDS[six]}"
gone=$(date +%s)
expired_() { [ "$(date +%s)" -gt $((gone + 2)) ]; }
daemon_stop
wait_until 10 expired_
daemon_config <<<'retention: {removed: 1s}
watch: {processes: false}'
daemon_start || bail "boltseald"
want=$(printf '%s\n' "$W"/mini/{a,b}-{1,2})
wait_until 75 layers_are_ "$want" # after a slow round
is "a layer that nobody stacks goes with the last target that did" "$(layers)" "$want"
like "what is left proves" "$(bs verify "${IDS[three]}" 2>&1)" '^ok '
daemon_stop

# --- in a flood -----------------------------------------------------------------------------------
daemon_config <<<'watch: {queue: 256, debounce: 1s}'
daemon_start || bail "boltseald"
stack seven d
minibox_exec "${PIDS[seven]}" sh -c 'cd /data; i=0; while [ $i -lt 1500 ]; do i=$((i + 1)); : >f$i; [ $i != 1000 ] || echo now; done' |
	{ read -r _ && echo FLOOD >"$W/mini/d-1/etc/motd"; cat >/dev/null; }
in_flood_() { long "${IDS[seven]}" | grep -qx 'C /etc/motd critical content,mtime,layer'; }
event_ok "a flood: more than watch.queue" gap.opened '.gap.cause == "overflow"'
ok "a layer changed in the flood is told" wait_until 30 in_flood_
event_ok "and the gap is closed" gap.closed '.gap.cause == "overflow"'
finish
