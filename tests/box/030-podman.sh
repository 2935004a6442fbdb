#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Real Podman containers: the same truth, by name and image, also where podman diff fails, invents
# or follows a link into the host.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need podman runc setfattr nsenter
need_daemon
work_dir
engine_podman_start && image_busybox podman || bail "podman"
daemon_start || bail "boltseald"
# A container's end is told by a podman of its own, which mounts its storage once more.
podman_quiet_() { ! grep -lsza "$W/podman" /proc/[0-9]*/cmdline | grep -qv "/$$/"; }
at_exit 'podman_ rm -fa -t 0 >/dev/null 2>&1; wait_until 20 podman_quiet_'

# start NAME COMMAND [IMAGE]: a container in which it ran.
declare -A ID
start() {
	ID[$1]=$(run_podman "$1" "${3:-bb:2}" sleep 1000) || bail "podman run: $1"
	[ -z "$2" ] || podman_ exec "$1" sh -c "$2" || diag "$1: $2: $?"
}
both() { # both NAME WANT DOCKER
	drift_is "$1" "${ID[$1]}" "$2"
	docker_is "$1" "${ID[$1]}" "$3"
}
start fresh ''
start write 'echo x >>/etc/app.conf; rm /etc/motd; mkdir -p /srv/a; echo n >/srv/a/n'
start opaque 'rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/new'
start identical 'chmod 600 /etc/app.conf; chmod 644 /etc/app.conf; : >>/etc/motd'
start forged 'cp -p /opt/mtime/f /tmp/r; echo 9876543210 >/opt/mtime/f; touch -r /tmp/r /opt/mtime/f; rm /tmp/r'
start link 'ln /opt/keep/k1 /opt/keep/k1.ln'
start todir 'echo evil >/bin/evil; rm /etc/motd; mkdir /etc/motd; echo x >/etc/motd/x'
# The image's /opt/link is a link; what replaces it is the container's own, whatever the host has there.
start escape 'rm /opt/link; mkdir -p /opt/link/containers; echo x >/opt/link/containers/x'

both fresh "" ""
is "podman names it" "$(bs ps -o json | jq -r ".items[] | select(.id == \"${ID[fresh]}\") | .runtime, .name, .image" | tr '\n' ' ')" \
	"podman fresh localhost/bb:2 "
both write "C /etc/app.conf
D /etc/motd
A /srv
A /srv/a
A /srv/a/n" "C /etc
C /etc/app.conf
D /etc/motd
A /srv
A /srv/a
A /srv/a/n"
both opaque "A /opt/opq/new
D /opt/opq/o1
D /opt/opq/o2" "C /opt
C /opt/opq
A /opt/opq/new
D /opt/opq/o1
D /opt/opq/o2"
like "podman's own word on it is another" "$(podman_ diff opaque)" '^D /opt/opq$'
both identical "" ""
like "podman calls an untouched copy changed" "$(podman_ diff identical)" '^C /etc/app.conf$'
both forged "C /opt/mtime/f" "C /opt
C /opt/mtime
C /opt/mtime/f"
is "a forged time" "$(aspects forged /opt/mtime/f)" content
both link "A /opt/keep/k1.ln" "C /opt
C /opt/keep
A /opt/keep/k1.ln"
both todir "A /bin/evil
C /etc/motd
A /etc/motd/x" "C /bin
A /bin/evil
C /etc
C /etc/motd
A /etc/motd/x"
not_ok "podman diff gives up on it" podman_ diff todir
both escape "C /opt/link
A /opt/link/containers
A /opt/link/containers/x" "C /opt
C /opt/link
A /opt/link/containers
A /opt/link/containers/x"

# A lower link that is absolute: podman's stat follows it on the host.
lower=$(podman_ inspect -f '{{.GraphDriver.Data.LowerDir}}' fresh)
mkdir -p /run/containers
podman_ exec fresh ln -s /run /var/run
ok "an image with an absolute link" podman_ commit -q fresh run:1
podman_ exec fresh rm /var/run
start absolute 'rm /var/run; mkdir -p /var/run/containers /var/run/nosuch' run:1
both absolute "C /var/run
A /var/run/containers
A /var/run/nosuch" "C /var
C /var/run
A /var/run/containers
A /var/run/nosuch"
like "podman takes the host's directory for the image's" "$(podman_ diff absolute)" '^C /var/run/containers$'

# --- what a SIEM gets first ---------------------------------------------------------------------
RUN_OPTS=(--label shop=tea --annotation org.example.note=hot)
named=$(run_podman "named-$$" bb:2 sleep 1000)
RUN_OPTS=()
event_ok "found" target.found true "$named"
is "the first event has name, image and labels" "$(events "$named" | head -1 |
	jq -r '.type, .target.name, .target.image, .target.image_digest, .target.labels["org.example.note"]' | tr '\n' ' ')" \
	"target.found named-$$ localhost/bb:2 sha256:$(podman_ image inspect -f '{{.Id}}' bb:2) hot "
for i in $(seq 10); do
	run_podman "burst$i-$$" bb:2 sh -c 'echo x >/first; exec sleep 1000' >"$W/burst.$i" &
done
for i in $(seq 10); do wait_until 60 test -s "$W/burst.$i"; done
actors=0 late=0 bare=0
for i in $(seq 10); do
	id=$(cat "$W/burst.$i")
	drift_is "burst: $i" "$id" "A /first"
	[ "$(bs ps -o json | jq -r ".items[] | select(.id == \"$id\").late")" = false ] || late=$((late + 1))
	[ "$(events "$id" --type change | jq -s 'map(select(.change.path == "/first" and .actor.pid)) | length')" -eq 0 ] || actors=$((actors + 1))
	[ "$(events "$id" | head -1 | jq -r '.type, .target.image' | tr '\n' ' ')" = "target.found localhost/bb:2 " ] || bare=$((bare + 1))
done
is "burst: none was late" "$late" 0
is "burst: none was told without its image" "$bare" 0
ok "burst: the process is known of most ($actors of 10)" test "$actors" -ge 6

# --- life ---------------------------------------------------------------------------------------
nsenter -t "$(podman_pid fresh)" -m -- /bin/mount --bind /opt/keep/k1 /etc/passwd
drift_is "a covered file" "${ID[fresh]}" "C /etc/passwd"
event_ok "is told" mount.covered '.change.path == "/etc/passwd"' "${ID[fresh]}"
nsenter -t "$(podman_pid fresh)" -m -- /bin/umount /etc/passwd
drift_is "uncovered" "${ID[fresh]}" ""
id=${ID[link]}
podman_ stop -t 0 link >/dev/null 2>&1
event_ok "stopped" target.stopped true "$id"
drift_is "the drift of a stopped one" "$id" "A /opt/keep/k1.ln"
podman_ rename link "chain-$$"
wait_until "$PATIENCE" target_is_known_ "chain-$$"
drift_is "by its new name" "chain-$$" "A /opt/keep/k1.ln"
podman_ start "chain-$$" >/dev/null
event_ok "started" target.started true "$id"
podman_ exec "chain-$$" sh -c 'rm /opt/keep/k1.ln; echo x >/x'
drift_is "watched again" "$id" "A /x"
is "its removal is not disturbed" "$(podman_ rm -f -t 0 "chain-$$" 2>&1 >/dev/null)" ""
event_ok "removed" target.removed true "$id"
drift_is "its last drift stays" "$id" "A /x"
ok "accept" bs accept "${ID[write]}" --drift "$(drift_id "${ID[write]}")" --reason "release 2"
drift_is "accepted" "${ID[write]}" ""
echo EVIL >"${lower##*:}/etc/app.conf"
drift_is "a layer that was edited" "${ID[fresh]}" "C /etc/app.conf" --rescan
event_ok "layer.tampered names who stacks it" layer.tampered '.targets | contains(["fresh", "write", "absolute"])'
finish
