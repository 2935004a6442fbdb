#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# What lies at a layer's path is not always what a container has mounted; and what an overlay shows of a layer hangs
# on marks and mounts that no file's record tells of. Both are told, live and after a time in which nobody watched.
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
M=$W/mini

# stack NAME: a minibox on its own copy NAME-2:NAME-1 of the two layers.
declare -A IDS PIDS
stack() {
	cp -a "$M/l1" "$M/$1-1" && cp -a "$M/l2" "$M/$1-2"
	ID=$(printf %s "$M/$1/upper" | sha256sum | cut -d' ' -f1)
	MINIBOX_LOWER=$M/$1-2:$M/$1-1 minibox "$1" || bail "minibox $1"
	IDS[$1]=$ID PIDS[$1]=$MINI_PID
}
state() { bs ps -a -o json | jq -r --arg id "${IDS[$1]}" '.items[] | select(.id == $id) | .verdict.state'; }
state_is_() { [ "$(state "$1")" = "$2" ]; }
state_is() { # DESC NAME STATE
	wait_until "$PATIENCE" state_is_ "$2" "$3"
	is "$1" "$(state "$2")" "$3"
}
long() { bs diff "${IDS[$1]}" -o json | jq -r '.items[] | "\(.kind) \(.path) \(.severity) \(.aspects | join(","))"'; }
long_is_() { [ "$(long "$1")" = "$2" ]; }
long_is() { # DESC NAME LINES
	wait_until "$PATIENCE" long_is_ "$2" "$3"
	is "$1" "$(long "$2")" "$3"
}
betrayed_() { [ "$(long "$1" | grep -c 'critical layer$')" = 1 ]; }
swap() { mv "$M/$1-1" "$M/$1-was" && cp -a "$M/$1-was" "$M/$1-1"; }
told_of() { events --type layer.tampered | jq -r --arg l "$M/$1" --arg p "$2" 'select(.layer == $l and .change.path == $p) | .detail' | tail -1; }
verify_rc() { bs verify "${IDS[$1]}" >"$W/out" 2>&1; echo $?; }

for name in clean swapped moved marks covers; do stack $name; done
swap swapped
echo EVIL >"$M/swapped-was/etc/motd"
is "a container has mounted what lies elsewhere by now" "$(minibox_exec "${PIDS[swapped]}" cat /etc/motd)" EVIL
cp -a "$M/covers-1/etc/motd" "$M/motd" && echo EVIL >"$M/covers-1/etc/motd"
mount --bind "$M/motd" "$M/covers-1/etc/motd" || bail "no bind mount"
daemon_start || bail "boltseald"

# --- before the first start ---------------------------------------------------------------------------------------
state_is "a clean copy lies at a layer's path: broken all the same" swapped broken
ok "and a path that betrays it is drift" wait_until "$PATIENCE" betrayed_ swapped || diag "$(long swapped)"
event_ok "it is told, with layer and target" layer.verdict \
	"(.severity == \"critical\") and (.layer == \"$M/swapped-1\") and (.detail | test(\"has another directory mounted\"))"
event_ok "what cannot be seen is a gap" gap.opened ".gap.detail | test(\"$M/swapped-1 is not what lies there\")"
is "verify: status" "$(verify_rc swapped)" 1
like "verify: the layer is not what is mounted" "$(cat "$W/out")" "^MISMATCH +proof +$M/swapped-1 .*has another directory mounted"
long_is "a mount of the host's over a layer's file" covers "C /etc/motd critical layer"
like "it is told why" "$(told_of covers-1 /etc/motd)" 'a mount lies over it'
state_is "what is below it is not known" covers broken
is "verify: status" "$(verify_rc covers)" 1
like "verify: names the mount" "$(cat "$W/out")" "proof +$M/covers-1 .*a mount lies over what it has at etc/motd"

# --- live ---------------------------------------------------------------------------------------------------------
umount "$M/covers-1/etc/motd" && cp -p "$M/motd" "$M/covers-1/etc/motd"
long_is "the mount is gone, and what was below it is right" covers ""
mount --bind "$M/motd" "$M/covers-1/etc/motd"
long_is "a mount appears" covers "C /etc/motd critical layer"
umount "$M/covers-1/etc/motd"
long_is "and goes" covers ""
setfattr -n trusted.overlay.redirect -v /etc "$M/marks-1/root"
long_is "a directory shows another's content" marks "C /root critical xattr,layer"
like "it is told why" "$(told_of marks-1 /root)" 'marks that steer'
state_is "and the layer is broken" marks broken
setfattr -x trusted.overlay.redirect "$M/marks-1/root"
long_is "as it was" marks ""
setfattr -n trusted.overlay.opaque -v y "$M/marks-2/opt"
opaque_() { long marks | grep -qx 'C /opt critical xattr,layer' && long marks | grep -q '^D /opt/link '; }
ok "a directory hides what lies in the layers below, and that is told" wait_until "$PATIENCE" opaque_ || diag "$(long marks)"
setfattr -x trusted.overlay.opaque "$M/marks-2/opt"
long_is "as it was" marks ""
setfattr -n user.a -v b "$M/marks-2/opt"
long_is "an attribute of a directory" marks "C /opt critical xattr,layer"
setfattr -x user.a "$M/marks-2/opt"
long_is "as it was" marks ""
is "verify, when all is put right" "$(verify_rc marks)" 0 || diag "$(grep -v ^ok "$W/out")" "$(long marks)"
mv "$M/moved-1" "$M/moved-was"
state_is "a layer's directory is moved away: told at once" moved broken
mv "$M/moved-was" "$M/moved-1"
right_() { [ "$(verify_rc moved)" = 0 ]; }
ok "it is there again: verify" wait_until "$PATIENCE" right_
state_is "and the verdict is as it was" moved consistent

# --- while nobody watched -----------------------------------------------------------------------------------------
daemon_stop
swap moved
echo EVIL >"$M/moved-was/etc/motd"
daemon_start || bail "boltseald"
state_is "replaced by a clean copy while the daemon was down" moved broken
ok "and a path that betrays it is drift" wait_until "$PATIENCE" betrayed_ moved || diag "$(long moved)"
state_is "what was found before still is" swapped broken
ok "by the same path" wait_until "$PATIENCE" betrayed_ swapped || diag "$(long swapped)"
state_is "nobody touched this one" clean consistent
is "and nothing is said of it" "$(long clean)" ""
minibox_stop "${PIDS[moved]}"
is "a container that has ended has nothing mounted" "$(wait_until 45 long_is_ moved "" && verify_rc moved)" 0
finish
