#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119 # bail ends; rows are run by others; no arguments
# Real Docker containers: everything that can be done to a container's files is told, by our own
# command line and through docker's client, whatever docker diff itself makes of it.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need dockerd runc setfattr setfacl setcap chattr nsenter curl
need_daemon
work_dir
engine_docker_start && image_busybox docker || bail "dockerd"
daemon_start || bail "boltseald"

# What docker lists for these changes: every directory above one is changed too, but what a
# deleted, retyped or added directory stands for is as listed.
with_parents() {
	awk 'NF {
		path = substr($0, 3); kind[path] = substr($0, 1, 1)
		for (p = path; sub("/[^/]*$", "", p) && p != "";) up[p] = 1
	}
	END {
		for (p in up) if (!(p in kind)) kind[p] = "C"
		for (p in kind) print kind[p], p
	}' | LC_ALL=C sort -k2
}
list() { [ -z "$1" ] || printf '%s\n' "${1//, /$'\n'}"; }

# row NAME DOCKER INSIDE OUTSIDE WANT [PATH=ASPECTS…]: in a fresh container INSIDE is run by
# docker exec and OUTSIDE from the host, with its root in $R and its upper directory in $U. WANT is
# the truth. DOCKER: what the real docker diff says of it: right, or blind (nothing at all).
NAMES=()
declare -A ID SAYS WANT ASPECTS
row() {
	local name=$1 pid R U
	ID[$name]=$(run_docker "$name" bb:2 sleep 1000) || bail "docker run: $name"
	SAYS[$name]=$2 WANT[$name]=$5 ASPECTS[$name]="${*:6}"
	NAMES+=("$name")
	if [ -n "$3" ]; then
		docker_ exec "$name" sh -c "$3" || diag "$name: $3: $?"
	fi
	[ -n "$4" ] || return 0
	pid=$(docker_pid "$name")
	R=/proc/$pid/root U=$(docker_ inspect -f '{{.GraphDriver.Data.UpperDir}}' "$name")
	: "$R" "$U"
	eval "$4" || diag "$name: $4: $?"
}

row fresh right '' '' ''
row mvdir right 'mv /opt/app /opt/app2' '' \
	'D /opt/app, A /opt/app2, A /opt/app2/sub, A /opt/app2/sub/file, A /opt/app2/version'
row opaque right 'rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/new' '' \
	'A /opt/opq/new, D /opt/opq/o1, D /opt/opq/o2'
row again right 'rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/o1' '' \
	'C /opt/opq/o1, D /opt/opq/o2' /opt/opq/o1=content,mtime
row rmdir right 'rm -r /opt/app' '' 'D /opt/app'
row delete right 'rm /etc/motd' '' 'D /etc/motd'
row write right 'echo x >>/etc/app.conf' '' 'C /etc/app.conf' /etc/app.conf=content,mtime
row chmod right 'chmod 600 /etc/app.conf' '' 'C /etc/app.conf' /etc/app.conf=mode
row chown right 'chown 100:100 /etc/app.conf' '' 'C /etc/app.conf' /etc/app.conf=owner
row chmodback right 'chmod 600 /etc/app.conf; chmod 644 /etc/app.conf' '' ''
row copyup right ': >>/etc/app.conf' '' ''
row link right 'ln /opt/keep/k1 /opt/keep/k1.ln' '' 'A /opt/keep/k1.ln'
row hardlink right 'echo X >/opt/hl/h1' '' 'C /opt/hl/h1' /opt/hl/h1=content,mtime
row touch right 'touch -d @1700000000 /etc/motd' '' 'C /etc/motd' /etc/motd=mtime
row forged blind 'cp -p /opt/mtime/f /tmp/r; echo 9876543210 >/opt/mtime/f
	touch -r /tmp/r /opt/mtime/f; rm /tmp/r' '' 'C /opt/mtime/f' /opt/mtime/f=content
row second blind '' 'echo 9876543210 >$R/opt/mtime/f
	touch -d "${IMAGE_TIME/:00 /:00.777 }" $R/opt/mtime/f' 'C /opt/mtime/f' /opt/mtime/f=content,mtime
row replaced blind 'cd /opt/mtime; cp -p f g; echo 9876543210 >g; touch -r f g; mv g f' '' \
	'C /opt/mtime/f' /opt/mtime/f=content
row writeback right 'cp /etc/motd /tmp/m; echo x >/etc/motd; cat /tmp/m >/etc/motd; rm /tmp/m' '' \
	'C /etc/motd' /etc/motd=mtime
row temporary right 'echo x >/var/log/t; rm /var/log/t' '' ''
row touchdir right 'touch /var/log' '' ''
row mkrmdir right 'mkdir -p /srv/a/b; echo x >/srv/a/b/c; rm -r /srv' '' ''
row xattr blind '' 'setfattr -n user.a -v b "$R/etc/motd"' 'C /etc/motd' /etc/motd=xattr
row trusted blind '' 'setfattr -n trusted.a -v b "$R/etc/motd"' 'C /etc/motd' /etc/motd=xattr
row chattr blind '' 'chattr +i "$R/etc/motd"' \
	'C /etc/motd' /etc/motd=flags
row acl right '' 'setfacl -m u:100:rw "$R/etc/motd"' 'C /etc/motd' /etc/motd=mode,xattr
row setcap right '' 'setcap cap_net_raw+ep "$R/bin/busybox"' 'C /bin/busybox' /bin/busybox=caps
row setuid right 'chmod u+s /bin/busybox' '' 'C /bin/busybox' /bin/busybox=mode
row tolink right 'rm /etc/motd; ln -s /etc/passwd /etc/motd' '' 'C /etc/motd' /etc/motd=type
row retarget blind 'touch -d @1 /tmp/t; ln -sf ../etc/MOTD /opt/link; touch -h -d @1767225600 /opt/link; rm /tmp/t' '' \
	'C /opt/link' /opt/link=link
row todir right 'rm /etc/motd; mkdir /etc/motd; echo x >/etc/motd/x' '' \
	'C /etc/motd, A /etc/motd/x' /etc/motd=mode,type
row tofile right 'rm -r /opt/app; echo f >/opt/app' '' 'C /opt/app' /opt/app=mode,type
row fifo right 'rm /etc/motd; mkfifo -m 644 /etc/motd' '' 'C /etc/motd' /etc/motd=type
row mvback right 'mv /etc/motd /etc/m; mv /etc/m /etc/motd' '' ''
row mvfile right 'mv /etc/motd /etc/motd2' '' 'D /etc/motd, A /etc/motd2'
row swap blind 'cd /opt/keep; mv k1 t; mv k3 k1; mv t k3' '' 'C /opt/keep/k1, C /opt/keep/k3' \
	/opt/keep/k1=content
row hosts right 'for f in hosts hostname resolv.conf; do echo x >>/etc/$f; done' '' ''
row planted right 'ls /opt/app' 'echo e >"$U/planted"' 'A /planted'

for name in "${NAMES[@]}"; do
	[ "$name" = chattr ] && bs rescan "${ID[chattr]}" >/dev/null # no kernel tells of it
	want=$(list "${WANT[$name]}")
	drift_is "$name" "${ID[$name]}" "$want"
	docker_is "$name" "${ID[$name]}" "$(with_parents <<<"$want")"
	for a in ${ASPECTS[$name]}; do
		is "$name: what differs in ${a%=*}" "$(aspects "${ID[$name]}" "${a%=*}")" "${a#*=}"
	done
	real=$(docker_ diff "$name" | LC_ALL=C sort -k2)
	case ${SAYS[$name]} in
	right) is "$name: docker itself agrees" "$real" "$(with_parents <<<"$want")" ;;
	blind) is "$name: docker itself is blind" "$real" "" ;;
	esac
done
is "a moved file is told as such" "$(drift "${ID[mvfile]}" -o json /etc/motd2 | jq -r '.items[0].from')" /etc/motd
is "what docker exec did is not the daemon's doing" \
	"$(events "${ID[write]}" --type change | jq -r '.actor.pid // 0' | grep -cx "$(role_pid sensor)")" 0

# --- mounts -------------------------------------------------------------------------------------
nsenter -t "$(docker_pid fresh)" -m -- /bin/mount --bind /opt/keep/k1 /etc/passwd
drift_is "a file is covered" "${ID[fresh]}" "C /etc/passwd"
is "by a mount" "$(aspects "${ID[fresh]}" /etc/passwd)" mount
docker_is "a covered file" "${ID[fresh]}" "C /etc
C /etc/passwd"
event_ok "mount.covered is told" mount.covered '.change.path == "/etc/passwd"' "${ID[fresh]}"
nsenter -t "$(docker_pid fresh)" -m -- /bin/umount /etc/passwd
drift_is "uncovered" "${ID[fresh]}" ""

mkdir -p "$W/vol" "$W/bind" && echo v >"$W/vol/v" && echo x >"$W/bind/x"
RUN_OPTS=(-v "$W/vol:/data" -v "$W/bind:/host/bind" --tmpfs /scratch)
ID[mounts]=$(run_docker mounts bb:2 sleep 1000)
want="A /host
A /host/bind
A /scratch"
drift_is "mount points are made by the runtime" "${ID[mounts]}" "$want"
docker_is "mount points" "${ID[mounts]}" "$want"
wait_target "$W/vol"
docker_ exec mounts sh -c 'echo w >>/data/v; rm /host/bind/x; echo t >/scratch/t'
drift_is "a volume is a target" "$W/vol" "C /v"
drift_is "a bind mount is one" "$W/bind" "D /x"
is "and none of the container's own" "$(drift "${ID[mounts]}")" "$want"
RUN_OPTS=(--read-only)
ID[sealed]=$(run_docker sealed bb:2 sleep 1000)
RUN_OPTS=()
drift_is "a read-only container" "${ID[sealed]}" ""
echo evil >"$(docker_ inspect -f '{{.GraphDriver.Data.UpperDir}}' sealed)/evil"
drift_is "a read-only container, written from the host" "${ID[sealed]}" "A /evil"

# --- life ---------------------------------------------------------------------------------------
first=$(run_docker first bb:2 sh -c 'echo x >/first; exec sleep 1000')
drift_is "the first instruction's write" "$first" "A /first"
is "it was there at mount time" "$(bs ps -o json | jq -r ".items[] | select(.id == \"$first\").late")" false
# What a SIEM gets first of a container says which image it is.
RUN_OPTS=(--label shop=tea)
named=$(run_docker "named-$$" bb:2 sleep 1000)
RUN_OPTS=()
event_ok "found" target.found true "$named"
is "the first event has name, image and labels" "$(events "$named" | head -1 |
	jq -r '.type, .target.name, .target.image, .target.image_digest, .target.labels.shop, .target.labels["org.example.image"]' | tr '\n' ' ')" \
	"target.found named-$$ bb:2 $(docker_ inspect -f '{{.Image}}' "named-$$") tea bb "
made=$(docker_ create --name "made-$$" --net=none --label shop=mate bb:2 true)
event_ok "created only" target.found true "$made"
is "the first event of one that is only created" "$(events "$made" | head -1 |
	jq -r '.type, .target.name, .target.image, .target.labels.shop' | tr '\n' ' ')" "target.found made-$$ bb:2 mate "

# Ten at once: each is watched before its first instruction.
for i in $(seq 10); do
	run_docker "burst$i-$$" bb:2 sh -c 'echo x >/first; exec sleep 1000' >"$W/burst.$i" &
done
for i in $(seq 10); do wait_until 60 test -s "$W/burst.$i"; done
actors=0 late=0
for i in $(seq 10); do
	id=$(cat "$W/burst.$i")
	drift_is "burst: $i" "$id" "A /first"
	[ "$(bs ps -o json | jq -r ".items[] | select(.id == \"$id\").late")" = false ] || late=$((late + 1))
	[ "$(events "$id" --type change | jq -s 'map(select(.change.path == "/first" and .actor.pid)) | length')" -eq 0 ] || actors=$((actors + 1))
done
is "burst: none was late" "$late" 0
ok "burst: the process is known of most ($actors of 10)" test "$actors" -ge 6
for i in $(seq 10); do docker_ rm -f "burst$i-$$" >/dev/null & done

short=$(run_docker short bb:2 sh -c 'echo x >/short')
drift_is "a container that has ended by then" "$short" "A /short"
docker_ stop -t 0 first >/dev/null
event_ok "stopped" target.stopped true "$first"
drift_is "the drift of a stopped one" "$first" "A /first"
echo p >"$(docker_ inspect -f '{{.GraphDriver.Data.UpperDir}}' first)/offline"
drift_is "planted while it was stopped" "$first" "A /first
A /offline"
docker_ start first >/dev/null
event_ok "started again" target.started true "$first"
docker_ exec first sh -c 'rm /offline; echo 2 >/second'
drift_is "watched again" "$first" "A /first
A /second"
docker_ rename first "primus-$$" # other runs have names too
wait_until "$PATIENCE" target_is_known_ "primus-$$"
drift_is "by its new name" "primus-$$" "A /first
A /second"
unlike "not by its old" "$(bs ps -o json | jq -r ".items[] | select(.id == \"$first\") | .name")" first
docker_ restart -t 0 "primus-$$" >/dev/null
drift_is "restarted" "$first" "A /first
A /second"
docker_ rm -f "primus-$$" >/dev/null
event_ok "removed" target.removed true "$first"
unlike "ps lists it no more" "$(bs ps)" "^${first:0:12} "
like "ps -a does" "$(bs ps -a)" "^${first:0:12} .*primus-$$ .* removed +2 +0 +0"
drift_is "its last drift stays" "$first" "A /first
A /second"

# --- accept -------------------------------------------------------------------------------------
old=$(drift_id "${ID[write]}")
docker_ exec write sh -c 'echo y >/tmp/y'
drift_is "one more" "${ID[write]}" "C /etc/app.conf
A /tmp/y"
out=$(bs accept "${ID[write]}" --drift "$old" --reason "seen" 2>&1)
is "accept of a drift that moved: status" "$?" 2
like "and words" "$out" '^boltseal: .*moved'
is "and HTTP" "$(api POST "/v1/targets/${ID[write]}/accept" -H "If-Match: \"$old\"" -H 'Content-Type: application/json' \
	-d '{"reason":"seen"}' | tail -1)" 412
ok "accept one path" bs accept "${ID[write]}" /tmp/y --drift "$(drift_id "${ID[write]}")" --reason "a file of ours"
drift_is "the other is left" "${ID[write]}" "C /etc/app.conf"
ok "accept the rest" bs accept "${ID[write]}" --drift "$(drift_id "${ID[write]}")" --reason "tuned"
drift_is "clean" "${ID[write]}" ""
is "clean: status" "$(bs diff "${ID[write]}" >/dev/null 2>&1; echo $?)" 0
drift_is "against the image" "${ID[write]}" "C /etc/app.conf
A /tmp/y" --against image
drift_is "against generation 2" "${ID[write]}" "C /etc/app.conf" --against gen:2
drift_is "docker knows no baselines" "${ID[write]}" "C /etc
C /etc/app.conf
C /tmp
A /tmp/y" --docker
drift_is "against another target" "${ID[write]}" "C /etc/app.conf
A /etc/motd
A /tmp/y" --against "${ID[delete]}"
docker_ exec write sh -c 'echo 2 >>/etc/app.conf'
drift_is "after what was accepted comes more" "${ID[write]}" "C /etc/app.conf"
event_ok "who accepted what" baseline.accepted true "${ID[write]}"
ok "accept until a moment" bs accept "${ID[rmdir]}" --drift "$(drift_id "${ID[rmdir]}")" --reason "for a moment" --expires 2s
is "until then it is clean" "$(drift "${ID[rmdir]}")" ""
drift_is "then it is drift again, by itself" "${ID[rmdir]}" "D /opt/app"
event_ok "and that is told" baseline.expired '.generation == 2' "${ID[rmdir]}"
docker_ exec mkrmdir sh -c 'mkdir /srv; echo 1 >/srv/a'
drift_is "a new directory" "${ID[mkrmdir]}" "A /srv
A /srv/a"
ok "accept it" bs accept "${ID[mkrmdir]}" --drift "$(drift_id "${ID[mkrmdir]}")" --reason "ours"
docker_ exec mkrmdir rm -r /srv
drift_is "then it goes" "${ID[mkrmdir]}" "D /srv"
is "against the image there is nothing" "$(drift "${ID[mkrmdir]}" --against image)" ""
docker_is "accepted and removed" "${ID[mkrmdir]}" ""
ok "accept a directory's end" bs accept "${ID[rmdir]}" --drift "$(drift_id "${ID[rmdir]}")" --reason "not needed"
docker_ exec rmdir mkdir /opt/app
drift_is "made again it is new, and nothing below it was there before" "${ID[rmdir]}" "A /opt/app"
docker_ exec rmdir sh -c 'mkdir /opt/app/sub; echo x >/opt/app/version'
drift_is "with what is new in it" "${ID[rmdir]}" "A /opt/app
A /opt/app/sub
A /opt/app/version"
is "a full look says the same" "$(drift "${ID[rmdir]}" --rescan | wc -l)" 3

# --- a layer edited on the host -----------------------------------------------------------------
lower=$(docker_ inspect -f '{{.GraphDriver.Data.LowerDir}}' delete)
lower=${lower##*:}
like "verify finds nothing" "$(bs verify "${ID[delete]}" 2>&1)" '^ok '
echo EVIL >"$lower/etc/motd"
drift_is "an edited layer is seen as it is edited" "${ID[fresh]}" "C /etc/motd"
like "verify finds it" "$(bs verify "${ID[fresh]}" 2>&1; echo "status $?")" '^MISMATCH +files +fresh +/etc/motd: not what was hashed'
is "verify: status" "$(bs verify "${ID[fresh]}" >/dev/null 2>&1; echo $?)" 1
drift_is "the container sees it" "${ID[fresh]}" "C /etc/motd" --rescan
is "from its layer" "$(aspects "${ID[fresh]}" /etc/motd)" content,mtime,layer
docker_is "an edited layer" "${ID[fresh]}" "C /etc
C /etc/motd"
event_ok "layer.tampered names every container" layer.tampered '.targets | contains(["fresh", "write", "chmod"])'
is "real docker is blind to it" "$(docker_ diff fresh)" ""
drift_is "who deleted it before sees no change" "${ID[delete]}" "D /etc/motd" --rescan

# --- volumes: none that holds containers, none that is excluded -----------------------------------
volumes_() { bs ps -a -o json | jq -r '.items[] | select(.kind == "volume") | "\(.name) \(.state)"' | grep "^$W/" | LC_ALL=C sort; }
volumes_are_() { [ "$(volumes_)" = "$1" ]; }
volumes_are() { # volumes_are DESC WANT
	wait_until "$PATIENCE" volumes_are_ "$2"
	is "$1" "$(volumes_)" "$2"
}
exclude() { sed -i '/^volumes:/d' "$W/boltseal.yaml" && echo "volumes: {exclude: [$1]}" >>"$W/boltseal.yaml"; }
changes_of_() { events --type change | jq -r --arg p "$1" 'select(.change.path | endswith($p)) | .target.name'; }
merged=$(docker_ inspect -f '{{.GraphDriver.Data.MergedDir}}' fresh)
mkdir -p "$W/last" "$W/old"
RUN_OPTS=(-v "$W/last:/last" -v "$W/old:/old" -v "$W/docker:/var/lib/docker:ro" -v "$merged:/other:ro" -v "$merged/etc:/etc-other:ro"
	-v "$W/docker/overlay2:/layers:ro" -v "$W/state:/state:ro")
ID[advisor]=$(run_docker advisor bb:2 sleep 1000)
RUN_OPTS=()
wait_target "${ID[advisor]}"
is "the mounts are there, with the roots of others" "$(docker_ exec advisor grep -c ' /var/lib/docker/overlay2/.*/merged ' /proc/mounts | awk '{ print ($1 > 1) }')" 1
says="$W/bind running
$W/last running
$W/old running
$W/vol running"
volumes_are "a data root, layers, others' roots, our own state: no volumes" "$says"
for d in docker docker/overlay2 "${merged#"$W"/}" "${merged#"$W"/}/etc" state; do
	is "the log says so of $d, once" "$(grep -c " $W/$d, which .* is not kept as a volume" "$W/log")" 1
done
docker_ exec mounts sh -c 'echo o >/tmp/once'
event_ok "a change in another container" change '.change.path == "/tmp/once"' "${ID[mounts]}"
docker_ rm -f advisor mounts >/dev/null
event_ok "a volume whose last container is gone is stopped" target.stopped true "$W/bind"
is "that change was told once" "$(changes_of_ /tmp/once)" mounts
volumes_are "and what held containers left nothing behind" "${says//running/stopped}"
echo l >"$W/bind/late"
drift_is "it is still watched" "$W/bind" "A /late
D /x"
exclude "$W/bind"
kill -HUP "$DAEMON"
event_ok "excluded: removed" target.removed '.target.kind == "volume"' "$W/bind"
volumes_are "excluded: kept no more" "$W/bind removed
$W/last stopped
$W/old stopped
$W/vol stopped"
echo m >"$W/bind/more" && echo m >"$W/vol/more"
drift_is "the other one is watched" "$W/vol" "A /more
C /v"
is "and what is excluded is not" "$(drift "$W/bind")" "A /late
D /x"
daemon_stop
exclude "$W/bind, $W/v*"
sed -i "s|docker_roots: \[|&$W/old, |" "$W/boltseal.yaml"
daemon_start || bail "boltseald"
volumes_are "excluded, or a data root, while the daemon was down: kept no more" "$W/bind removed
$W/last stopped
$W/old removed
$W/vol removed"
like "and it is told why" "$(events --type target.removed "$W/old")" 'excluded, or holds containers'
sed -i 's/^volumes:.*/volumes: {watch: false}/' "$W/boltseal.yaml"
kill -HUP "$DAEMON"
volumes_are "no volumes at all: the last one goes" "$W/bind removed
$W/last removed
$W/old removed
$W/vol removed"
finish
