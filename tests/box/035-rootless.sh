#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; run by others; no arguments; by wait_until
# A user's own containers, watched by root's daemon: rootless Podman on the kernel's overlay and on
# fuse-overlayfs, and fuse-overlayfs run by root. They are in no mount table of the host, their
# markers are user.* xattrs or files, and their ids are the user's.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need podman runc setfattr getfattr nsenter
need_daemon
work_dir
daemon_start || bail "boltseald"

# --- what is done in every engine ---------------------------------------------------------------
# It is the engine's by prefix: ${E}_, run_$E. Ids are in ID, by "store/name".
declare -A ID
start() { # start NAME COMMAND
	ID[$S/$1]=$("run_$E" "$1" bb:2 sleep 1000) || { tap_ 1 "$S: podman run $1"; return 1; }
	[ -z "$2" ] || "${E}_" exec "$1" sh -c "$2" || diag "$S: $1: $2: $?"
}
found() { # found NAME: how ps tells it
	bs ps -a -o json | jq -r ".items[] | select(.id == \"${ID[$S/$1]}\") | .runtime, .name, .image, .state" | tr '\n' ' '
}
upper_of() { "${E}_" inspect -f '{{.GraphDriver.Data.UpperDir}}' "$1"; }
truth() { # truth NAME WANT: live, and again by a full look
	drift_is "$S: $1" "${ID[$S/$1]}" "$2"
	is "$S: $1, by a full look" "$(drift "${ID[$S/$1]}" --rescan)" "$2"
}
changes() {
	start fresh '' || return
	wait_target "${ID[$S/fresh]}"
	is "$S: it is named" "$(found fresh)" "podman fresh localhost/bb:2 running "
	is "$S: by its image's digest" "$(bs ps -o json | jq -r ".items[] | select(.id == \"${ID[$S/fresh]}\") | .image_digest")" \
		"sha256:$("${E}_" image inspect -f '{{.Id}}' bb:2)"
	truth fresh ""
	start write 'echo x >>/etc/app.conf; echo n >/n; mkdir -p /srv/a; echo n >/srv/a/n; : >>/etc/motd; chmod 600 /opt/layer2'
	truth write "C /etc/app.conf
A /n
C /opt/layer2
A /srv
A /srv/a
A /srv/a/n"
	is "$S: write: what differs" "$(aspects "${ID[$S/write]}" /etc/app.conf)" content,mtime
	is "$S: chmod: what differs" "$(aspects "${ID[$S/write]}" /opt/layer2)" mode
	start delete 'rm /etc/motd; rm -r /opt/app; rm /opt/keep/k1; echo 2 >/opt/keep/k2'
	truth delete "D /etc/motd
D /opt/app
D /opt/keep/k1
A /opt/keep/k2"
	start opaque 'rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/new; rm -r /opt/app; mkdir /opt/app; echo 1.0 >/opt/app/version'
	truth opaque "D /opt/app/sub
C /opt/app/version
A /opt/opq/new
D /opt/opq/o1
D /opt/opq/o2"
	start move 'mv /opt/app /opt/app2; mv /opt/keep/k1 /opt/keep/k4; mv /etc/motd /etc/m; mv /etc/m /etc/motd'
	truth move "D /opt/app
A /opt/app2
A /opt/app2/sub
A /opt/app2/sub/file
A /opt/app2/version
D /opt/keep/k1
A /opt/keep/k4"
	start forged 'cp -p /opt/mtime/f /tmp/r; echo 9876543210 >/opt/mtime/f; touch -r /tmp/r /opt/mtime/f; rm /tmp/r'
	truth forged "C /opt/mtime/f"
	is "$S: forged: what differs" "$(aspects "${ID[$S/forged]}" /opt/mtime/f)" content
	start again 'mv /opt/opq /opt/o; mv /opt/o /opt/opq; chmod 600 /etc/app.conf; chmod 644 /etc/app.conf; echo x >/var/log/t; rm /var/log/t'
	truth again ""
	start kinds 'rm /etc/motd; mkdir /etc/motd; echo x >/etc/motd/x; rm -r /opt/hl; ln -s /etc /opt/hl; chown 100:100 /opt/keep/k3; ln /opt/mtime/f /opt/mtime/g'
	truth kinds "C /etc/motd
A /etc/motd/x
C /opt/hl
C /opt/keep/k3
A /opt/mtime/g"
	is "$S: chown: what differs" "$(aspects "${ID[$S/kinds]}" /opt/keep/k3)" owner
	unlike "$S: no marker is told as a file" "$(bs diff "${ID[$S/opaque]}"; bs diff "${ID[$S/delete]}")" '\.wh\.'
}
life() {
	local id=${ID[$S/write]}
	"${E}_" stop -t 0 write >/dev/null 2>&1
	event_ok "$S: stopped" target.stopped true "$id"
	"${E}_" rename write "${S}-$$" >/dev/null
	wait_until "$PATIENCE" target_is_known_ "${S}-$$"
	drift_is "$S: at rest, by its new name" "${S}-$$" "C /etc/app.conf
A /n
C /opt/layer2
A /srv
A /srv/a
A /srv/a/n"
	"${E}_" start "${S}-$$" >/dev/null
	event_ok "$S: started" target.started true "$id"
	"${E}_" exec "${S}-$$" sh -c 'rm -r /srv /n; echo x >/x'
	drift_is "$S: watched again" "$id" "C /etc/app.conf
C /opt/layer2
A /x"
	"${E}_" rm -f -t 0 "${S}-$$" >/dev/null
	event_ok "$S: removed" target.removed true "$id"
	like "$S: its last drift stays" "$(drift "$id")" "^A /x$"
}

# --- rootless, the kernel's overlay -------------------------------------------------------------
if ! rootless_user_start; then
	skip "rootless Podman" "$SKIP_WHY"
elif E=rootless S=native && ! engine_rootless_start native; then
	skip "rootless Podman on the kernel's overlay" "$SKIP_WHY"
else
	changes
	u=$(upper_of opaque)
	mount=$(grep ' / / .* overlay ' "/proc/$(rootless_pid opaque)/mountinfo")
	like "native: the kernel's overlay by a user" "$mount" userxattr
	is "native: its mount is not the host's" "$(grep -c "$u" /proc/self/mountinfo)" 0
	like "native: its markers are the user's" "$(getfattr -R -h -d -m - --absolute-names "$u" 2>/dev/null)" 'user.overlay.opaque="y"'
	life
fi

# --- rootless, fuse-overlayfs -------------------------------------------------------------------
if [ -z "$RL_USER" ]; then
	skip "rootless Podman on fuse-overlayfs" "$SKIP_WHY"
elif ! fuse_ready; then
	skip "rootless Podman on fuse-overlayfs" "$SKIP_WHY"
elif E=rootless S=fuse && ! engine_rootless_start fuse "$(command -v fuse-overlayfs)"; then
	skip "rootless Podman on fuse-overlayfs" "$SKIP_WHY"
else
	changes
	u=$(upper_of opaque)
	like "fuse: it is one" "$(cat "/proc/$(rootless_pid opaque)/mountinfo")" ' / / .* fuse.fuse-overlayfs '
	like "fuse: its markers are names" "$(find "$u")" '/\.wh\.'
	like "fuse: and xattrs" "$(getfattr -R -h -d -m - --absolute-names "$u" 2>/dev/null)" 'user.fuseoverlayfs.opaque="y"'
	life
fi

# --- root's, fuse-overlayfs ---------------------------------------------------------------------
rootfuse_() {
	timeout "$ENGINE_WAIT" podman --root "$W/rootfuse" --runroot "$W/rootfuse-run" \
		--tmpdir "$W/rootfuse-tmp" --storage-driver overlay --storage-opt \
		"overlay.mount_program=$(command -v fuse-overlayfs)" --runtime runc \
		--cgroup-manager cgroupfs --events-backend file "$@"
}
run_rootfuse() {
	local name=$1 image=$2
	shift 2
	rootfuse_ run -d --name "$name" --net=none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$image" "$@"
}
if ! fuse_ready; then
	skip "root's Podman on fuse-overlayfs" "$SKIP_WHY"
	skip "no engine, fuse-overlayfs" "$SKIP_WHY"
	finish
fi
E=rootfuse S=rootfuse
at_exit 'rootfuse_ rm -fa -t 0 >/dev/null 2>&1'
image_archive
if rootfuse_ load -q -i "$W/bb2.tar" >"$W/rootfuse.log" 2>&1; then
	changes
	life
else
	skip "root's Podman on fuse-overlayfs" "podman load: $(tail -1 "$W/rootfuse.log")"
fi

# No engine: nobody but the file system's own server knows the directories. It must keep the host's
# root (MINIBOX_VISIBLE): with its own file system for a root it would wait for itself.
d=$W/mini/fuse && minibox_layers_ && mkdir -p "$d"/{upper,work,merged}
if MINIBOX_VISIBLE=1 minibox_start_ fuse "$d/merged" fuse-overlayfs \
	-o "lowerdir=$W/mini/l1,upperdir=$d/upper,workdir=$d/work" "$d/merged"; then
	S=bare ID[bare/box]=$(printf %s "$d/upper" | sha256sum | cut -d' ' -f1)
	ok "bare: it is found" wait_target "${ID[bare/box]}"
	minibox_exec "$MINI_PID" sh -c 'rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/new; rm /etc/motd; chmod 600 /opt/keep/k1'
	truth box "D /etc/motd
C /opt/keep/k1
A /opt/opq/new
D /opt/opq/o1
D /opt/opq/o2"
else
	skip "no engine, fuse-overlayfs" "$(tail -1 "$W/mini/fuse/log" 2>/dev/null)"
fi
finish
