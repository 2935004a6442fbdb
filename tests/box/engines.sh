# engines.sh - real container engines for scenarios, each wholly inside $W (lib.sh's work_dir).
# Nothing of the machine's own Docker or Podman is used or touched. Every engine registers its own
# end with at_exit: containers first, then the engine by its pid; lib.sh unmounts what is left.
#
# What each needs:
#   docker    root, dockerd, containerd, runc; any cgroup layout (v1, hybrid, v2) with the cgroups
#             writable; no bridge and no iptables, so containers have --net=none
#   podman    root, podman, conmon, runc, /etc/containers/policy.json
#   containerd  root, containerd, ctr, runc, cgroups writable; no CRI, no CNI: containers have a network of nobody's
#   minibox   root, unshare, pivot_root, busybox (static); no engine, no cgroup, no network
#   minidir   the same: a plain directory as the root, as LXC and nspawn have it
#   image_debian  debootstrap and a mirror, or an earlier run's cache
#
#   rootless  the same, newuidmap (uidmap), useradd, setpriv, user namespaces; a user of its own
#
# run_docker NAME IMAGE CMD… and run_podman NAME IMAGE CMD… start in the background (-d); more
# options go into RUN_OPTS: RUN_OPTS=(--read-only -v "$W/v:/data"). They print the full id.

# shellcheck shell=bash disable=SC2034	# SKIP_WHY is for scenarios
ENGINE_WAIT=${ENGINE_WAIT:-60} # seconds that an engine may take to come up or to go
RUN_OPTS=()

# --- Docker -------------------------------------------------------------------------------------
docker_() { timeout "$ENGINE_WAIT" docker -H "unix://$W/docker.sock" "$@"; }

engine_docker_start() {
	need dockerd docker runc
	mkdir -p "$W/docker" "$W/docker-exec"
	echo '{}' >"$W/docker.json" # not /etc/docker/daemon.json
	at_exit engine_docker_stop
	dockerd --config-file "$W/docker.json" --data-root "$W/docker" \
		--exec-root "$W/docker-exec" -H "unix://$W/docker.sock" -p "$W/docker.pid" \
		--storage-driver overlay2 --iptables=false --ip6tables=false --bridge=none \
		"$@" >"$W/docker.log" 2>&1 &
	DOCKER_PID=$!
	wait_until "$ENGINE_WAIT" docker_up_ || {
		diag "dockerd did not come up: $(tail -5 "$W/docker.log")"
		return 1
	}
}
docker_up_() {
	pid_gone "$DOCKER_PID" && return 0 # no use waiting; docker_ will say so
	[ -S "$W/docker.sock" ] && docker -H "unix://$W/docker.sock" version
}
engine_docker_stop() {
	[ -n "${DOCKER_PID:-}" ] || return 0
	local ids
	ids=$(docker_ ps -aq 2>/dev/null)
	# shellcheck disable=SC2086
	[ -z "$ids" ] || docker_ rm -f $ids >/dev/null 2>&1
	kill "$DOCKER_PID" 2>/dev/null
	wait_gone "$ENGINE_WAIT" "$DOCKER_PID" || kill -9 "$DOCKER_PID" 2>/dev/null
	wait "$DOCKER_PID" 2>/dev/null
	DOCKER_PID=
}
run_docker() {
	local name=$1 image=$2
	shift 2
	docker_ run -d --name "$name" --net=none --ulimit nofile=1024:1024 \
		${RUN_OPTS[@]+"${RUN_OPTS[@]}"} "$image" "$@"
}
docker_pid() { docker_ inspect -f '{{.State.Pid}}' "$1"; }

# --- containerd ---------------------------------------------------------------------------------
# A state directory, a store and a namespace of its own, "test"; runc's state is below $W too.
ctr_() { timeout "$ENGINE_WAIT" ctr -a "$W/ctrd.sock" -n "${CTR_SPACE:-test}" "$@"; }
engine_containerd_start() {
	need containerd ctr runc jq
	mkdir -p "$W/ctrd" "$W/ctrd-run"
	cat >"$W/containerd.toml" <<-TOML
		version = 2
		root = "$W/ctrd"
		state = "$W/ctrd-run"
		disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
		[grpc]
		  address = "$W/ctrd.sock"
		[ttrpc]
		  address = "$W/ctrd.ttrpc"
	TOML
	at_exit engine_containerd_stop
	containerd -c "$W/containerd.toml" >"$W/ctrd.log" 2>&1 &
	CONTAINERD_PID=$!
	wait_until "$ENGINE_WAIT" containerd_up_ && ! pid_gone "$CONTAINERD_PID" || {
		diag "containerd did not come up: $(tail -5 "$W/ctrd.log")"
		return 1
	}
}
containerd_up_() { pid_gone "$CONTAINERD_PID" || ctr_ version; }
engine_containerd_stop() {
	[ -n "${CONTAINERD_PID:-}" ] || return 0
	local id
	for id in $(ctr_ task ls -q 2>/dev/null); do ctr_ task rm -f "$id" >/dev/null 2>&1; done
	kill "$CONTAINERD_PID" 2>/dev/null
	wait_gone "$ENGINE_WAIT" "$CONTAINERD_PID" || kill -9 "$CONTAINERD_PID" 2>/dev/null
	wait "$CONTAINERD_PID" 2>/dev/null
	CONTAINERD_PID=
}
run_containerd() { # NAME IMAGE CMD…
	local name=$1 image=$2
	shift 2
	ctr_ run -d --null-io --runc-root "$W/ctrd-runc" --snapshotter overlayfs ${RUN_OPTS[@]+"${RUN_OPTS[@]}"} "$image" "$name" "$@"
}

# --- Podman (root) ------------------------------------------------------------------------------
podman_() {
	timeout "$ENGINE_WAIT" podman --root "$W/podman" --runroot "$W/podman-run" \
		--tmpdir "$W/podman-tmp" --storage-driver overlay --runtime runc \
		--cgroup-manager cgroupfs --events-backend file "$@"
}
engine_podman_start() { # there is no daemon; this makes the directories and sees that it answers
	need podman runc
	mkdir -p "$W/podman" "$W/podman-run" "$W/podman-tmp"
	at_exit engine_podman_stop
	podman_ info >"$W/podman.log" 2>&1 || {
		diag "podman info: $(tail -5 "$W/podman.log")"
		return 1
	}
}
engine_podman_stop() {
	[ -d "$W/podman" ] || return 0
	podman_ rm -fa -t 0 >/dev/null 2>&1
	local f pid
	for f in "$W"/podman-run/overlay-containers/*/userdata/conmon.pid; do
		pid=$(cat "$f" 2>/dev/null) || continue
		wait_gone 5 "$pid" || kill "$pid" 2>/dev/null
	done
}
run_podman() {
	local name=$1 image=$2
	shift 2
	podman_ run -d --name "$name" --net=none --ulimit nofile=1024:1024 \
		--ulimit nproc=1024:1024 ${RUN_OPTS[@]+"${RUN_OPTS[@]}"} "$image" "$@"
}
podman_pid() { podman_ inspect -f '{{.State.Pid}}' "$1"; }

# --- Podman (rootless) --------------------------------------------------------------------------
# Everything of the user's lies below $W: home, runtime directory and one store a directory,
# $W/NAME with $W/NAME-run and $W/NAME-tmp. ROOTLESS=NAME says which store is meant; its mount
# program, if any, is $(cat $W/NAME.fuse). The user has its own subordinate ids and goes at the end.
ROOTLESS=rl
RL_USER=
rootless_as() { # runs a command as the user, with nothing of root's environment
	env -i -C "$W/home" PATH="$PATH" HOME="$W/home" XDG_RUNTIME_DIR="$W/xdg" USER="$RL_USER" \
		setpriv --reuid="$RL_USER" --regid="$RL_USER" --init-groups "$@"
}
rootless_() {
	local fuse=()
	[ ! -f "$W/$ROOTLESS.fuse" ] || fuse=(--storage-opt "overlay.mount_program=$(cat "$W/$ROOTLESS.fuse")")
	rootless_as timeout "$ENGINE_WAIT" podman --root "$W/$ROOTLESS" --runroot "$W/$ROOTLESS-run" \
		--tmpdir "$W/$ROOTLESS-tmp" --storage-driver overlay ${fuse[@]+"${fuse[@]}"} \
		--runtime runc --cgroup-manager cgroupfs --events-backend file "$@"
}
rootless_user_start() { # 1 and $SKIP_WHY where there can be no such user
	need podman runc useradd userdel setpriv
	SKIP_WHY="newuidmap is not installed"
	command -v newuidmap >/dev/null || return 1
	RL_USER=bseal$$
	SKIP_WHY="useradd: $(useradd -M -d "$W/home" -s /bin/sh "$RL_USER" 2>&1)" || { RL_USER=; return 1; }
	at_exit rootless_user_stop
	local f from
	for f in /etc/subuid /etc/subgid; do
		grep -q "^$RL_USER:" "$f" 2>/dev/null && continue
		from=$(awk -F: '$2 + $3 > m {m = $2 + $3} END {print m > 100000 ? m : 100000}' "$f" 2>/dev/null)
		echo "$RL_USER:${from:-100000}:65536" >>"$f"
	done
	install -d -o "$RL_USER" -g "$RL_USER" "$W/home"
	install -d -m 700 -o "$RL_USER" -g "$RL_USER" "$W/xdg"
	SKIP_WHY="no user namespaces: $(rootless_as unshare --user true 2>&1)" || return 1
}
rootless_user_stop() {
	[ -n "$RL_USER" ] || return 0
	local f
	for f in /proc/[0-9]*; do # the pause process, monitors, file systems: whatever is still the user's
		[ "$(stat -c %U "$f" 2>/dev/null)" != "$RL_USER" ] || kill -9 "${f#/proc/}" 2>/dev/null
	done
	wait_until 10 rootless_nobody_
	userdel "$RL_USER" >/dev/null 2>&1
	sed -i "/^$RL_USER:/d" /etc/subuid /etc/subgid
	RL_USER=
}
rootless_nobody_() { ! pgrep -u "$RL_USER" >/dev/null; }
engine_rootless_start() { # NAME [MOUNT-PROGRAM]; 1 and $SKIP_WHY when it does not answer
	ROOTLESS=$1
	install -d -o "$RL_USER" -g "$RL_USER" "$W/$1" "$W/$1-run" "$W/$1-tmp"
	[ -z "${2:-}" ] || echo "$2" >"$W/$1.fuse"
	at_exit "ROOTLESS=$1; rootless_ rm -fa -t 0 >/dev/null 2>&1"
	image_archive && chmod 644 "$W/bb2.tar"
	rootless_ load -q -i "$W/bb2.tar" >"$W/$1.log" 2>&1 || {
		SKIP_WHY="podman load: $(tail -1 "$W/$1.log")"
		return 1
	}
}
run_rootless() {
	local name=$1 image=$2
	shift 2
	rootless_ run -d --name "$name" --net=none --ulimit nofile=1024:1024 \
		--ulimit nproc=1024:1024 ${RUN_OPTS[@]+"${RUN_OPTS[@]}"} "$image" "$@"
}
rootless_pid() { rootless_ inspect -f '{{.State.Pid}}' "$1"; }

# fuse_ready: /dev/fuse can be opened by users, as udev has it; 1 and $SKIP_WHY when not.
fuse_ready() {
	SKIP_WHY="fuse-overlayfs is not installed"
	command -v fuse-overlayfs >/dev/null || return 1
	SKIP_WHY="there is no /dev/fuse"
	[ -c /dev/fuse ] || return 1
	FUSE_MODE=$(stat -c %a /dev/fuse)
	[ "$FUSE_MODE" = 666 ] || { at_exit "chmod $FUSE_MODE /dev/fuse" && chmod 666 /dev/fuse; }
}

# --- Images -------------------------------------------------------------------------------------
IMAGE_TIME='2026-01-01 00:00:00 UTC'

# busybox_tree DIR: layer 1's tree, from the host's static busybox.
busybox_tree() {
	local d=$1 bb applet
	bb=$(command -v busybox) || return 1
	mkdir -p "$d"/{bin,etc,home,mnt,proc,sys,dev,run,root,var/log,data} \
		"$d"/opt/{app/sub,keep,del,opq,mtime,hl}
	mkdir -m 1777 "$d/tmp"
	cp "$bb" "$d/bin/busybox" && chmod 755 "$d/bin/busybox"
	for applet in $("$bb" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$d/bin/$applet"
	done
	printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:100:100::/home:/bin/sh\n' >"$d/etc/passwd"
	printf 'root:x:0:\nweb:x:100:\n' >"$d/etc/group"
	echo 'welcome' >"$d/etc/motd"
	printf 'port=80\nmode=safe\n' >"$d/etc/app.conf"
	echo '1.0' >"$d/opt/app/version"
	echo 'sub' >"$d/opt/app/sub/file"
	echo k1 >"$d/opt/keep/k1" && echo k2 >"$d/opt/keep/k2" && echo k3 >"$d/opt/keep/k3"
	echo d1 >"$d/opt/del/d1" && echo d2 >"$d/opt/del/d2"
	echo o1 >"$d/opt/opq/o1" && echo o2 >"$d/opt/opq/o2"
	echo 0123456789 >"$d/opt/mtime/f"
	echo hl >"$d/opt/hl/h1" && ln "$d/opt/hl/h1" "$d/opt/hl/h2"
	ln -s ../etc/motd "$d/opt/link"
	chown 100:100 "$d/home"
	stamp_ "$d"
}
# busybox_layer2 DIR: adds /opt/layer2, deletes /opt/keep/k2, replaces /opt/del - as a layer tar
# says it (.wh.*), not as overlayfs does.
busybox_layer2() {
	local d=$1
	mkdir -p "$d/opt/keep" "$d/opt/del"
	echo layer2 >"$d/opt/layer2"
	: >"$d/opt/keep/.wh.k2"
	: >"$d/opt/del/.wh..wh..opq"
	echo fresh >"$d/opt/del/d3"
	stamp_ "$d"
}
# The same as overlayfs keeps it on disk, for miniboxes.
busybox_layer2_overlay() {
	local d=$1
	busybox_layer2 "$d"
	rm "$d/opt/keep/.wh.k2" "$d/opt/del/.wh..wh..opq"
	mknod "$d/opt/keep/k2" c 0 0
	setfattr_opaque_ "$d/opt/del"
	stamp_ "$d"
}
setfattr_opaque_() { # without the attr package
	if command -v setfattr >/dev/null; then
		setfattr -n trusted.overlay.opaque -v y "$1"
	else
		python3 -c 'import os,sys; os.setxattr(sys.argv[1], "trusted.overlay.opaque", b"y")' "$1"
	fi
}
stamp_() { find "$1" -depth -exec touch -h -d "$IMAGE_TIME" {} +; }
tar_() { # tar_ DIR FILE: the same bytes every time
	tar -C "$1" --sort=name --numeric-owner --format=posix \
		--pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' -cf "$2" .
}

# image_archive: $W/bb2.tar, a docker-archive of two layers named bb:2.
image_archive() {
	[ -f "$W/bb2.tar" ] && return 0
	local d=$W/bb2 l1 l2
	busybox_tree "$d/l1" && busybox_layer2 "$d/l2" || return 1
	mkdir -p "$d/img"
	tar_ "$d/l1" "$d/img/l1.tar" && tar_ "$d/l2" "$d/img/l2.tar" || return 1
	l1=$(sha256sum <"$d/img/l1.tar" | cut -d' ' -f1)
	l2=$(sha256sum <"$d/img/l2.tar" | cut -d' ' -f1)
	cat >"$d/img/config.json" <<-JSON
		{"architecture":"amd64","os":"linux","created":"2026-01-01T00:00:00Z",
		"config":{"Cmd":["/bin/sh"],"Env":["PATH=/bin"],"Labels":{"org.example.image":"bb"}},
		"rootfs":{"type":"layers","diff_ids":["sha256:$l1","sha256:$l2"]},
		"history":[{"created":"2026-01-01T00:00:00Z"},{"created":"2026-01-01T00:00:00Z"}]}
	JSON
	echo '[{"Config":"config.json","RepoTags":["bb:2"],"Layers":["l1.tar","l2.tar"]}]' \
		>"$d/img/manifest.json"
	tar -C "$d/img" -cf "$W/bb2.tar" manifest.json config.json l1.tar l2.tar
	rm -rf "$d"
}
# image_busybox docker|podman: has bb:2 there. Podman calls it localhost/bb:2 too.
image_busybox() {
	image_archive || return 1
	case $1 in
	docker) docker_ load -q -i "$W/bb2.tar" >/dev/null ;;
	podman)
		podman_ load -q -i "$W/bb2.tar" >/dev/null &&
			{ podman_ image exists localhost/bb:2 || podman_ tag bb:2 localhost/bb:2; }
		;;
	*) return 2 ;;
	esac
}

# image_deep docker|podman N: has deep:N there, bb:2 under N more layers of a file each. 60 layers
# make the engine's mount options longer than a page, so that it mounts with relative paths.
image_deep() {
	local engine=$1 n=$2 d=$W/deep i sum ids=() names=()
	rm -rf "$d" && mkdir -p "$d/img" "$d/l" && busybox_tree "$d/base" || return 1
	tar_ "$d/base" "$d/img/0.tar"
	for i in $(seq 1 "$n"); do
		mkdir -p "$d/l/deep" && rm -f "$d"/l/deep/* && echo "$i" >"$d/l/deep/$i"
		stamp_ "$d/l"
		tar_ "$d/l" "$d/img/$i.tar" || return 1
	done
	for i in $(seq 0 "$n"); do
		sum=$(sha256sum <"$d/img/$i.tar" | cut -d' ' -f1)
		ids+=("\"sha256:$sum\"") names+=("\"$i.tar\"")
	done
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},' >"$d/img/config.json"
	(IFS=,; printf '"rootfs":{"type":"layers","diff_ids":[%s]}}' "${ids[*]}") >>"$d/img/config.json"
	(IFS=,; printf '[{"Config":"config.json","RepoTags":["deep:%s"],"Layers":[%s]}]' "$n" \
		"${names[*]}") >"$d/img/manifest.json"
	tar -C "$d/img" -cf "$d/deep.tar" . && "${engine}_" load -q -i "$d/deep.tar" >/dev/null
	i=$?
	rm -rf "$d"
	return $i
}

# Where debootstrap finds packages: DEBIAN_MIRROR, or what apt of this host uses for Debian.
debian_mirror() {
	[ -n "${DEBIAN_MIRROR:-}" ] || DEBIAN_MIRROR=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' |
		sed -n 's/^Debian //p' | head -1)
	printf '%s\n' "$DEBIAN_MIRROR"
}

# debian_tar: prints the path of a debootstrap minbase tree as a tar; made once and kept. Returns 1
# with the reason in $SKIP_WHY when there is neither a cache nor a mirror.
debian_tar() {
	local cache=${BOLTSEAL_TEST_CACHE:-/var/cache/boltseal-tests} d
	DEBIAN_TAR=$cache/deb12.tar
	[ -s "$DEBIAN_TAR" ] && return 0
	SKIP_WHY="debootstrap is not installed"
	command -v debootstrap >/dev/null || return 1
	mkdir -p "$cache" && d=$(mktemp -d "$cache/deb12.XXXXXX") || return 1
	SKIP_WHY="debootstrap reached no mirror"
	if ! timeout "${DEBOOTSTRAP_WAIT:-600}" debootstrap --variant=minbase bookworm \
		"$d/root" "$(debian_mirror)" >"$d/log" 2>&1; then
		diag "$(tail -3 "$d/log")"
		umount_below "$d"
		rm -rf --one-file-system "$d"
		return 1
	fi
	tar -C "$d/root" --numeric-owner --xattrs -cf "$d/tar" . && mv "$d/tar" "$DEBIAN_TAR"
	umount_below "$d"
	rm -rf --one-file-system "$d"
	[ -s "$DEBIAN_TAR" ]
}
# image_debian docker|podman: has deb:12 there; 1 and $SKIP_WHY when it cannot be had.
image_debian() {
	debian_tar || return 1
	SKIP_WHY="the image could not be imported"
	case $1 in
	docker) docker_ import "$DEBIAN_TAR" deb:12 >/dev/null ;;
	podman) podman_ import -q "$DEBIAN_TAR" deb:12 >/dev/null ;;
	*) return 2 ;;
	esac
}

# --- Containers without a runtime ----------------------------------------------------------------
# minibox NAME [OVERLAY_OPTIONS]: an overlay of two busybox layers as the root of a new mount and
# pid namespace, not seen in the host's mount table. Its directories: $W/mini/NAME/{upper,work},
# lowers $W/mini/l2:$W/mini/l1, or MINIBOX_LOWER as lowerdir= takes it. MINIBOX_CMD is what it runs
# as pid 1 (default: sleep 3600). MINIBOX_VISIBLE=1 mounts the overlay in the host's table first.
# Sets $MINI_PID to the host pid of its init and prints nothing: call it without $( ), so that
# minibox_stop and the end of the scenario know it.
MINI_PIDS=()
minibox() {
	local name=$1 opts=${2:-} d=$W/mini/$1 options
	minibox_layers_ || return 1
	mkdir -p "$d/upper" "$d/work" "$d/merged"
	options="lowerdir=${MINIBOX_LOWER:-$W/mini/l2:$W/mini/l1}"
	options="$options,upperdir=${MINIBOX_UPPER:-$d/upper},workdir=$d/work"
	[ -z "$opts" ] || options="$options,$opts"
	minibox_start_ "$name" "$d/merged" env -C "${MINIBOX_CD:-/}" \
		mount -t overlay overlay -o "$options" "$d/merged"
}
# minidir NAME: a plain directory, $W/mini/NAME/rootfs, bind-mounted and pivoted into.
minidir() {
	local d=$W/mini/$1
	minibox_layers_ || return 1
	mkdir -p "$d"
	[ -d "$d/rootfs" ] || cp -a "$W/mini/l1" "$d/rootfs"
	minibox_start_ "$1" "$d/rootfs" mount --bind "$d/rootfs" "$d/rootfs"
}
minibox_layers_() {
	need unshare pivot_root
	[ -d "$W/mini/l2" ] && return 0
	mkdir -p "$W/mini"
	busybox_tree "$W/mini/l1" && busybox_layer2_overlay "$W/mini/l2" || return 1
	at_exit minibox_stop_all
}
minibox_start_() { # NAME ROOT MOUNT…
	local name=$1 root=$2 fifo=$W/mini/$1/ready outer said fd
	shift 2
	if [ "${MINIBOX_VISIBLE:-0}" = 1 ]; then "$@" || return 1; set -- :; fi
	rm -f "$fifo" && mkfifo "$fifo" && exec {fd}<>"$fifo" || return 1
	# The old root goes to /mnt, which the image has: nothing is made in the upper directory.
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child --propagation private -- sh -c '
		root=$1 init=$2; shift 2
		"$@" && cd "$root" && pivot_root . mnt && exec /bin/busybox sh -c "
			cd / && umount -l /mnt && mount -t proc proc /proc &&
			mount -t tmpfs -o size=1m tmpfs /dev && mknod -m 666 /dev/null c 1 3 && echo ready >&9 && exec 9>&- && exec $init"
	' sh "$root" "${MINIBOX_CMD:-sleep 3600}" "$@" 9>&"$fd" {fd}>&- </dev/null >"$W/mini/$name/log" 2>&1 &
	outer=$!
	said=
	read -r -t 20 -u "$fd" said
	exec {fd}>&-
	MINI_PID=$(tr -d ' ' <"/proc/$outer/task/$outer/children" 2>/dev/null)
	MINI_PIDS+=("$outer")
	[ "$said" = ready ] && [ -n "$MINI_PID" ] || {
		diag "minibox $name: $(cat "$W/mini/$name/log")"
		return 1
	}
	echo "$MINI_PID" >"$W/mini/$name/pid"
}
# minibox_exec PID CMD ARG…: as docker exec does it.
minibox_exec() {
	local pid=$1
	shift
	nsenter -t "$pid" -m -p -r -w/ -- "$@"
}
minibox_stop() { # PID of its init
	kill -9 "$1" 2>/dev/null
	wait_gone 10 "$1"
}
minibox_stop_all() {
	local p
	for p in ${MINI_PIDS[@]+"${MINI_PIDS[@]}"}; do
		kill -9 "$p" 2>/dev/null # --kill-child takes the init along
		wait "$p" 2>/dev/null
	done
	MINI_PIDS=()
}
