#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Roots without layers: real LXC and systemd-nspawn containers, and trees of the host. Their baseline is
# a full snapshot, taken once and kept over restarts.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare busybox nsenter
need_daemon
work_dir
mkdir -p "$W/tree/sub" "$W/tree/cache" "$W/lxc"
echo 1 >"$W/tree/one" && echo 2 >"$W/tree/sub/two" && echo x >"$W/tree/cache/x"
echo h >"$W/tree/h1" && ln "$W/tree/h1" "$W/tree/sub/h2"
DAEMON_BASE="group: root
runtimes: {lxc_path: $W/lxc, run_roots: [$W/run-root]}
host:
- {name: tree-$$, path: $W/tree, exclude: [/cache]}
"
daemon_config </dev/null
daemon_start || bail "boltseald"

baselined_() { bs ps -o json | jq -e --arg n "$1" '.items[] | select(.name == $n or .id == $n) | .baselined'; }
row_() { bs ps -a -o json | jq -r --arg n "$1" '.items[] | select(.name == $n) | "\(.runtime) \(.kind) \(.state)"'; }
row_is_() { [ "$(row_ "$1")" = "$2" ]; }
now_sha_() { bs show "$1" "$2" -o json 2>/dev/null | jq -r .now.sha256; }
sha_is_() { [ "$(now_sha_ "$1" "$2")" = "$(sha256sum <"$3" | cut -d' ' -f1)" ]; }

# everything NAME ROOT RUN…: the rows of a tree, changed by RUN…, a shell inside
everything() {
	local name=$1 root=$2
	shift 2
	ok "$name: it has its baseline" wait_until 20 baselined_ "$name"
	drift_is "$name: nothing differs" "$name" ""
	"$@" 'echo x >>/etc/app.conf; chmod 600 /etc/group; rm /etc/motd; mkdir -p /srv/a; echo n >/srv/a/n
		mv /opt/app/version /opt/app/v2; rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/new
		cp -p /opt/mtime/f /tmp/r; echo 9876543210 >/opt/mtime/f; touch -r /tmp/r /opt/mtime/f; rm /tmp/r
		echo t >/tmp/t; rm /tmp/t; echo HH >/opt/hl/h1'
	drift_is "$name: everything is found" "$name" "C /etc/app.conf
C /etc/group
D /etc/motd
A /opt/app/v2
D /opt/app/version
C /opt/hl/h1
C /opt/hl/h2
C /opt/mtime/f
A /opt/opq/new
D /opt/opq/o1
D /opt/opq/o2
A /srv
A /srv/a
A /srv/a/n"
	is "$name: a forged time" "$(aspects "$name" /opt/mtime/f)" content
	wait_until "$PATIENCE" sha_is_ "$name" /opt/hl/h2 "$root/opt/hl/h1"
	is "$name: both names of a hard link have what was written" "$(now_sha_ "$name" /opt/hl/h2)" \
		"$(sha256sum <"$root/opt/hl/h1" | cut -d' ' -f1)"
	is "$name: a full look finds nothing else" "$(bs rescan "$name" >/dev/null 2>&1; drift "$name" | wc -l)" 14
	"$@" 'echo welcome >/etc/motd; touch -d "2026-01-01 00:00:00" /etc/motd'
	unlike "$name: put back is no drift" "$(wait_until 5 gone_ "$name"; drift "$name")" ' /etc/motd$'
}
gone_() { ! drift "$1" | grep -q ' /etc/motd$'; }

# --- LXC ----------------------------------------------------------------------------------------
lxc_do() { lxc-attach -P "$W/lxc" -n "$LXC" -- /bin/busybox sh -c "TZ=UTC; export TZ; $1" 2>/dev/null; }
lxc_up() {
	lxc-start -P "$W/lxc" -n "$LXC" -d -o "$W/lxc.log" -l ERROR 2>/dev/null &&
		lxc-wait -P "$W/lxc" -n "$LXC" -s RUNNING -t 10 2>/dev/null
}
LXC=guest-$$
if command -v lxc-start >/dev/null && command -v lxc-attach >/dev/null; then
	busybox_tree "$W/lxc/$LXC/rootfs"
	printf '%s\n' "lxc.rootfs.path = dir:$W/lxc/$LXC/rootfs" "lxc.uts.name = guest" 'lxc.net.0.type = empty' \
		'lxc.init.cmd = /bin/busybox sleep 3600' 'lxc.apparmor.profile = unconfined' \
		'lxc.mount.auto = proc:mixed sys:ro' >"$W/lxc/$LXC/config"
	at_exit 'lxc-stop -P "$W/lxc" -n "$LXC" -k 2>/dev/null'
	if lxc_up; then
		wait_until 20 row_is_ "$LXC" "lxc container running"
		is "LXC: found and named" "$(row_ "$LXC")" "lxc container running"
		everything "$LXC" "$W/lxc/$LXC/rootfs" lxc_do
		lxc-stop -P "$W/lxc" -n "$LXC" -k 2>/dev/null
		wait_until "$PATIENCE" row_is_ "$LXC" "lxc container stopped"
		is "LXC: stopped" "$(row_ "$LXC")" "lxc container stopped"
		echo p >"$W/lxc/$LXC/rootfs/planted"
		ok "LXC: changed while it is stopped" wait_until "$PATIENCE" sha_is_ "$LXC" /planted "$W/lxc/$LXC/rootfs/planted"
		lxc_up
		wait_until "$PATIENCE" row_is_ "$LXC" "lxc container running"
		is "LXC: started again" "$(row_ "$LXC")" "lxc container running"
	else
		skip "LXC" "$(tail -1 "$W/lxc.log" 2>/dev/null)"
	fi
else
	skip "LXC" "no lxc-start"
fi

# --- systemd-nspawn -----------------------------------------------------------------------------
# Its registration is written as systemd-machined writes it: no system bus is needed.
nspawn_do() { nsenter -t "$NSPAWN_PID" -m -p -r -w -- /bin/busybox sh -c "TZ=UTC; export TZ; $1"; }
nspawn_up_() {
	NSPAWN_PID=$(tr -d ' ' <"/proc/$NSPAWN/task/$NSPAWN/children" 2>/dev/null)
	[ -n "$NSPAWN_PID" ] && [ "$(stat -c %d:%i "/proc/$NSPAWN_PID/root/etc" 2>/dev/null)" = "$(stat -c %d:%i "$MACHINE/etc")" ]
}
MACHINE=$W/machines/box-$$
if command -v systemd-nspawn >/dev/null; then
	busybox_tree "$MACHINE"
	mkdir -p "$MACHINE/usr/bin" "$W/run-root/systemd/machines"
	: >"$MACHINE/etc/os-release"
	printf 'NAME=%s\nCLASS=container\nROOT=%s\n' "box-$$" "$MACHINE" >"$W/run-root/systemd/machines/box-$$"
	systemd-nspawn -q -D "$MACHINE" --register=no --keep-unit --private-network \
		--timezone=off --resolv-conf=off --link-journal=no --as-pid2 \
		/bin/busybox sleep 3600 </dev/null >"$W/nspawn.log" 2>&1 &
	NSPAWN=$!
	at_exit 'kill -9 "$NSPAWN" 2>/dev/null; wait "$NSPAWN" 2>/dev/null'
	if wait_until 10 nspawn_up_; then
		wait_until 20 row_is_ "box-$$" "nspawn container running"
		is "nspawn: found and named" "$(row_ "box-$$")" "nspawn container running"
		ok "nspawn: it has its baseline" wait_until 20 baselined_ "box-$$"
		nspawn_do 'echo x >>/etc/app.conf; rm /etc/motd; echo n >/srv-new'
		drift_is "nspawn: changes are found" "box-$$" "C /etc/app.conf
D /etc/motd
A /srv-new"
		kill -9 "$NSPAWN"
		wait "$NSPAWN" 2>/dev/null
		wait_until 40 row_is_ "box-$$" "nspawn container stopped"
		is "nspawn: stopped" "$(row_ "box-$$")" "nspawn container stopped"
	else
		skip "nspawn" "$(tail -1 "$W/nspawn.log")"
	fi
else
	skip "nspawn" "no systemd-nspawn"
fi

# --- a tree of the host -------------------------------------------------------------------------
tree=tree-$$
ok "a host tree has its baseline" wait_until 20 baselined_ "$tree"
echo 22 >"$W/tree/sub/two" && rm "$W/tree/one" && mkdir "$W/tree/new" && echo n >"$W/tree/new/n"
echo y >"$W/tree/cache/x" && echo z >"$W/tree/cache/z" && echo hh >"$W/tree/h1"
want="C /h1
A /new
A /new/n
D /one
C /sub/h2
C /sub/two"
drift_is "a host tree, but for what is excluded" "$tree" "$want"
daemon_stop
echo down >"$W/tree/while-down"
daemon_start || bail "boltseald"
drift_is "after a restart, with what came meanwhile" "$tree" "$(printf '%s\nA /while-down' "$want")"
is "what was hashed before is not hashed again" \
	"$(counter hashed_files | awk '{ print ($1 <= 4 ? "no" : $1) }')" no
sed -i "/name: tree-/d; s/^host:/host: []/" "$W/boltseal.yaml"
kill -HUP "$DAEMON"
event_ok "taken out of the configuration: kept no more" target.removed true "$tree"
drift_is "but its last drift stays" "$tree" "$(printf '%s\nA /while-down' "$want")"

# --- what the path of a tree shows is what counts ----------------------------------------------------
# tree_at NAME: a tree of its own
tree_at() { mkdir -p "$W/at/$1/d" && echo a >"$W/at/$1/a" && echo x >"$W/at/$1/d/x"; }
trees() { # trees NAME…: the configuration has these, below $W/at
	local n
	sed -i '/^- {name: at-/d' "$W/boltseal.yaml"
	sed -i 's/^host:.*/host:/' "$W/boltseal.yaml"
	for n; do echo "- {name: at-$n-$$, path: $W/at/$n}" >>"$W/boltseal.yaml"; done
	kill -HUP "$DAEMON"
}
state_is_() { [ "$(row_ "$1")" = "host host $2" ]; }
gap_is_() { open_gaps "$1" | grep -qx "$2"; }
# Its own ones: that of a path that is not there is everybody's.
no_gap_() { bs diff "$1" --format json | jq -e '.coverage.gaps | all(.detail | test("host tree"))'; }
journal_has_gap_() { has_event gap.opened ".gap.cause == \"$2\"" "$1"; }
for t in moved removed away down mnt; do tree_at "$t"; done
trees moved removed away down mnt never
for t in moved removed away down mnt; do
	ok "$t: it has its baseline" wait_until 20 baselined_ "at-$t-$$"
	ok "$t: all of it is judged" wait_until "$PATIENCE" no_gap_ "at-$t-$$"
	ok "$t: the journal says when it was not" journal_has_gap_ "at-$t-$$" "baselined late"
done
replaced="C /
D /a
D /d
A /evil"
rows() { drift "$1" | grep -v '^C /$'; }
rows_same_() { [ "$(rows "$1")" = "$2" ]; }
rows_is() { # rows_is DESC TARGET WANT: but for the root's own times and mode
	wait_until "$PATIENCE" rows_same_ "$2" "$3"
	is "$1" "$(rows "$2")" "$3"
}
replaced=$(echo "$replaced" | grep -v '^C /$')

mv "$W/at/moved" "$W/at/moved.old" && mkdir "$W/at/moved" && echo evil >"$W/at/moved/evil"
rows_is "the root is moved away and another put there" "at-moved-$$" "$replaced"
ok "and no gap stays" wait_until "$PATIENCE" no_gap_ "at-moved-$$"
echo more >"$W/at/moved/more"
rows_is "what is there now is watched" "at-moved-$$" "$replaced
A /more"
rm -r "$W/at/moved" && mv "$W/at/moved.old" "$W/at/moved"
drift_is "moved back: clean" "at-moved-$$" ""

rm -r "$W/at/removed" && mkdir "$W/at/removed" && echo evil >"$W/at/removed/evil"
bs rescan "at-removed-$$" >/dev/null 2>&1
is "removed and made anew: a rescan at once is right" "$(rows "at-removed-$$")" "$replaced"

rm -r "$W/at/away"
bs rescan "at-away-$$" >/dev/null 2>&1
is "removed: a rescan at once says so" "$(drift "at-away-$$")" "D /"
ok "with a gap" gap_is_ "at-away-$$" "mount lost"
ok "and it does not run" wait_until "$PATIENCE" state_is_ "at-away-$$" stopped
tree_at away
ok "put back: looked at without being asked" wait_until "$PATIENCE" no_gap_ "at-away-$$"
rows_is "and the content is what it was" "at-away-$$" "$(rows "at-away-$$" | grep '^C ')"
ok "it runs again" wait_until "$PATIENCE" state_is_ "at-away-$$" running

daemon_stop
mv "$W/at/down" "$W/at/down.old" && mkdir "$W/at/down" && echo evil >"$W/at/down/evil"
mv "$W/at/moved" "$W/at/moved.old"
daemon_start || bail "boltseald"
rows_is "replaced while the daemon was down: the baseline stays" "at-down-$$" "$replaced"
drift_is "moved away while the daemon was down" "at-moved-$$" "D /"
ok "with a gap" gap_is_ "at-moved-$$" "mount lost"
mv "$W/at/moved.old" "$W/at/moved"
drift_is "back again: clean" "at-moved-$$" ""

# --- mounts over what is baselined --------------------------------------------------------------------
mounted_() { aspects "$1" "$2" | grep -qw mount; }
mnt=at-mnt-$$
mount -t tmpfs none "$W/at/mnt/d"
ok "a mount over a directory of the tree" wait_until "$PATIENCE" mounted_ "$mnt" /d
event_ok "is told as what it is" mount.covered '.change.path == "/d"' "$mnt"
echo in >"$W/at/mnt/d/in"
bs rescan "$mnt" >/dev/null 2>&1
ok "a rescan finds it too" mounted_ "$mnt" /d
umount "$W/at/mnt/d"
drift_is "unmounted: clean" "$mnt" ""
mount -t tmpfs none "$W/at/mnt"
ok "a mount over the whole tree" wait_until "$PATIENCE" mounted_ "$mnt" /
is "by what it is" "$(aspects "$mnt" /)" mount
ok "it can be unmounted" umount "$W/at/mnt"
drift_is "unmounted: clean again" "$mnt" ""
mount -t tmpfs none "$W/at/mnt/d"
ok "covered" wait_until "$PATIENCE" mounted_ "$mnt" /d
daemon_stop
umount "$W/at/mnt/d"
daemon_start || bail "boltseald"
drift_is "unmounted while the daemon was down: clean" "$mnt" ""
tree_at sub && mount -t tmpfs none "$W/at/sub/d" && echo s >"$W/at/sub/d/s" && echo f >"$W/at/sub/f"
echo over >"$W/over" && mount --bind "$W/over" "$W/at/sub/f"
trees moved removed away down mnt sub never
ok "a tree with mounts in it" wait_until 20 baselined_ "at-sub-$$"
ok "is judged" wait_until "$PATIENCE" no_gap_ "at-sub-$$"
daemon_stop
daemon_start || bail "boltseald"
echo b >"$W/at/sub/b"
drift_is "what was mounted when it was baselined is no drift" "at-sub-$$" "A /b"

# --- configured, and not there ------------------------------------------------------------------------
lines_() { grep -c "host tree at-never-$$: $W/at/never is not there" "$W/log"; }
absent_gaps_() { events --type "$1" | jq -r "select(.gap.path == \"$W/at/never\") | .gap.cause"; }
ok "a path that is not there: the log says so" test "$(lines_)" -ge 1
is "and the journal, once" "$(absent_gaps_ gap.opened)" unreadable
mkdir "$W/at/never" && echo n >"$W/at/never/n"
ok "it is kept when it is there" wait_until 20 baselined_ "at-never-$$"
wait_until "$PATIENCE" has_event gap.closed ".gap.path == \"$W/at/never\""
is "and the gap is closed" "$(absent_gaps_ gap.closed)" unreadable
finish
