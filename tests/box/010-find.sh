#!/bin/bash
# Containers are found by the kernel's tables and named by their runtime's files: Docker, Podman
# and none at all; running, at rest, renamed and removed; the same by both ways of reading mounts.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
need_root
need dockerd docker podman runc unshare busybox "${CC:-cc}"
work_dir

SRC=../..
ok "find_dump builds" "${CC:-cc}" -std=gnu17 -D_GNU_SOURCE -O1 -g -I$SRC/lib -o "$W/find_dump" \
	tools/find_dump.c $SRC/lib/box/*.c $SRC/lib/base/*.c $SRC/lib/model/target.c \
	$SRC/lib/model/kinds.c $SRC/lib/fs/overlay.c -lcrypto -ljansson || finish

find_() {
	"$W/find_dump" -d "$W/docker" -s "$W/podman" -r "$W/docker-exec" -r "$W/podman-run" \
		-l "$W/lxc" "$@"
}
box() { find_ 2>/dev/null | grep "^box .*name=$1 "; }
box_of() { find_ 2>/dev/null | grep "^box .* upper=$1 "; }
field() { tr ' ' '\n' <<<"$2" | sed -n "s,^$1=,,p" | head -1; }

# --- no runtime ---------------------------------------------------------------------------------
minibox plain || bail "minibox"
pid=$MINI_PID
b=$(box_of "$W/mini/plain/upper")
is "a container without a runtime is unknown" "$(field runtime "$b")" unknown
is "its id is the digest of its upper path" "$(field id "$b")" \
	"$(printf %s "$W/mini/plain/upper" | sha256sum | cut -d' ' -f1)"
is "its pid" "$(field pid "$b")" "$pid"
is "its layers, top first" "$(field lowers "$b")" "$W/mini/l2:$W/mini/l1"
mkdir -p "$W/over"
minibox_exec "$pid" mount -t tmpfs none /opt/keep
like "a mount made inside is told, and is not the runtime's" \
	"$(find_ 2>/dev/null | grep "id=$(field id "$b") point=/opt/keep")" 'fs=tmpfs source= own=0'
minibox_stop "$pid"
is "gone when it ended" "$(box_of "$W/mini/plain/upper")" ""

mkdir -p "$W/mini/snapshots"/{1,2,3}/fs
cp -a "$W/mini/l1/." "$W/mini/snapshots/1/fs"
MINIBOX_CD=$W/mini/snapshots MINIBOX_LOWER=2/fs:1/fs MINIBOX_UPPER=$W/mini/snapshots/3/fs \
	minibox relative || bail "minibox with relative lowers"
is "relative layers begin two above the upper directory" \
	"$(field lowers "$(box_of "$W/mini/snapshots/3/fs")")" \
	"$W/mini/snapshots/2/fs:$W/mini/snapshots/1/fs"

minidir dir || bail "minidir"
b=$(box_of "$W/mini/dir/rootfs")
is "a plain directory as root has no layers" "$(field lowers "$b")$(field state "$b")" running
mkdir -p "$W/lxc/guest" && echo "lxc.rootfs.path = dir:$W/mini/dir/rootfs" >"$W/lxc/guest/config"
is "LXC's configuration names it" "$(field runtime "$(box guest)")" lxc
minibox_stop "$MINI_PID"
is "LXC's container at rest" "$(field state "$(box guest)")" stopped

# A user's own: seen by its tree; but not led by options to what is root's.
user_box() { # NAME DIRS-AS-IT-SAYS [COMMAND BEFORE]
	mkfifo "$W/$1.ready" && chmod 666 "$W/$1.ready"
	# shellcheck disable=SC2016
	setpriv --reuid=65534 --regid=65534 --clear-groups unshare --user --map-root-user --mount \
		--pid --fork --kill-child sh -c 'eval "$3" && d=$2 &&
		mkdir -p $d/l/bin $d/l/mnt $d/l/proc $d/u $d/w $d/m && cp "$(command -v busybox)" $d/l/bin/busybox &&
		mount -t overlay -o userxattr,lowerdir=$d/l,upperdir=$d/u,workdir=$d/w overlay $d/m &&
		cd $d/m && pivot_root . mnt && exec /bin/busybox sh -c "umount -l /mnt; echo >&9; exec /bin/busybox sleep 600"' \
		sh "$1" "$2" "${3:-:}" 9<>"$W/$1.ready" >"$W/$1.log" 2>&1 &
	at_exit "kill -9 $! 2>/dev/null"
	disown $! # no word from bash when it is killed
	timeout 10 head -n 1 "$W/$1.ready" >/dev/null
}
install -d -o 65534 -g 65534 "$W/user"
if user_box honest "$W/user"; then
	b=$(box_of "$W/user/u")
	is "a user's container" "$(field runtime "$b") $(field uxattr "$b") $(field lowers "$b")" \
		"unknown 1 $W/user/l"
	install -d -m 700 "$W/secret/l" "$W/secret/u"
	chmod 711 "$W/secret"
	user_box sly "$W/secret" "mount -t tmpfs none $W/secret"
	is "one that leads to root's by a mount of its own" "$(box_of "$W/secret/u")" ""
	like "is noted" "$(find_ 2>&1 >/dev/null)" "$W/secret/u is root's"
else
	skip "a user's container" "no user namespaces, or no overlay in them"
fi

unshare --mount --propagation private sleep 60 &
service=$!
at_exit "kill $service 2>/dev/null"
wait_until 5 sh -c "[ \$(readlink /proc/$service/ns/mnt) != $(readlink /proc/self/ns/mnt) ]"
unlike "a private namespace on the host's root is no container" "$(find_ 2>/dev/null)" "pid=$service "

# --- Docker -------------------------------------------------------------------------------------
engine_docker_start && image_busybox docker || bail "dockerd"
mkdir -p "$W/vol"
RUN_OPTS=(-v "$W/vol:/data" --read-only --tmpfs /scratch --label shop=tea)
id=$(run_docker web bb:2 sleep 1000) || bail "docker run"
RUN_OPTS=()
b=$(box web)
is "docker: runtime" "$(field runtime "$b")" docker
is "docker: id" "$(field id "$b")" "$id"
is "docker: pid" "$(field pid "$b")" "$(docker_pid web)"
is "docker: image" "$(field image "$b")" bb:2
is "docker: digest" "$(field digest "$b")" "$(docker_ inspect -f '{{.Image}}' web)"
is "docker: upper" "$(field upper "$b")" \
	"$(docker_ inspect -f '{{.GraphDriver.Data.UpperDir}}' web)"
is "docker: lowers" "$(field lowers "$b")" \
	"$(docker_ inspect -f '{{.GraphDriver.Data.LowerDir}}' web)"
is "docker: read-only" "$(field ro "$b")" 1
like "docker: label" "$b" ' label=shop=tea'
mounts=$(find_ 2>/dev/null | grep "^mount id=$id")
like "docker: volume" "$mounts" "point=/data fs=[a-z0-9]+ source=$W/vol own=1 dir=1"
like "docker: a file of its own" "$mounts" "point=/etc/hosts .*own=1 dir=0"
unlike "docker: every mount is the runtime's" "$mounts" "own=0"

docker_ rename web shop
is "docker: renamed" "$(field id "$(box shop)")" "$id"
docker_ stop -t 0 shop >/dev/null
b=$(box shop)
is "docker: stopped" "$(field state "$b")" stopped
is "docker: stopped, its layers are still known" "$(field lowers "$b")" \
	"$(docker_ inspect -f '{{.GraphDriver.Data.LowerDir}}' shop)"
docker_ start shop >/dev/null
is "docker: started again" "$(field pid "$(box shop)")" "$(docker_pid shop)"
docker_ rm -f shop >/dev/null
is "docker: removed" "$(box shop)" ""

echo '{"ID":' >"$W/half" && made=$(docker_ create --name half --net=none bb:2 true) &&
	cp "$W/half" "$W/docker/containers/$made/config.v2.json"
like "half-written JSON: the rest is still told" "$(find_ 2>/dev/null)" "^box id=$made name=${made:0:12} runtime=docker"
like "and it is noted" "$(find_ 2>&1 >/dev/null)" 'config.v2.json: not JSON'

if image_deep docker 60; then
	run_docker deep deep:60 sleep 1000 >/dev/null
	like "docker mounted 60 layers with relative paths" \
		"$(grep overlay "/proc/$(docker_pid deep)/mountinfo")" 'lowerdir=l/'
	b=$(box deep)
	is "docker: 62 layers" "$(field lowers "$b" | tr : '\n' | wc -l)" 62
	is "docker: its upper directory" "$(field upper "$b")" \
		"$(docker_ inspect -f '{{.GraphDriver.Data.UpperDir}}' deep)"
	is "docker: the layers of 60" "$(field lowers "$b")" \
		"$(docker_ inspect -f '{{.GraphDriver.Data.LowerDir}}' deep)"
else
	tap_ 1 "an image of 60 layers"
fi

# --- Podman -------------------------------------------------------------------------------------
engine_podman_start && image_busybox podman || bail "podman"
id=$(run_podman pod bb:2 sleep 1000) || bail "podman run"
b=$(box pod)
is "podman: runtime" "$(field runtime "$b")" podman
is "podman: id" "$(field id "$b")" "$id"
is "podman: pid" "$(field pid "$b")" "$(podman_pid pod)"
is "podman: image" "$(field image "$b")" localhost/bb:2
is "podman: upper" "$(field upper "$b")" \
	"$(podman_ inspect -f '{{.GraphDriver.Data.UpperDir}}' pod)"
is "podman: lowers" "$(field lowers "$b")" \
	"$(podman_ inspect -f '{{.GraphDriver.Data.LowerDir}}' pod)"
unlike "podman: every mount is the runtime's" "$(find_ 2>/dev/null | grep "^mount id=$id")" "own=0"
podman_ rename pod bowl
is "podman: renamed" "$(field id "$(box bowl)")" "$id"
podman_ stop -t 0 bowl >/dev/null
b=$(box bowl)
is "podman: stopped" "$(field state "$b")" stopped
is "podman: stopped, its layers are still known" "$(field lowers "$b" | tr : '\n' | wc -l)" 2
podman_ rm -f bowl >/dev/null
is "podman: removed" "$(box bowl)" ""

# --- both ways ----------------------------------------------------------------------------------
run_podman again bb:2 sleep 1000 >/dev/null
if [[ $("$W/find_dump" -m statmount 2>&1) == *find_dump:* ]]; then
	skip "statmount and mountinfo tell the same" "this kernel has no statmount for namespaces"
else
	is "statmount and mountinfo tell the same" "$(find_ -m statmount 2>&1 | grep -v ^time)" \
		"$(find_ -m proc 2>&1 | grep -v ^time)"
fi
diag "$(find_ -n 5 2>/dev/null | grep ^time | tail -1)"
finish
