#!/bin/bash
# shellcheck disable=SC2013,SC2015,SC2034,SC2119,SC2317 # pids; by name; bail ends; no arguments; called by wait_until
# The daemon in a container, as its Kubernetes manifests run it, keeps its siblings: image, privileges and
# mounts are those that are shipped. Asked from the host, from a sibling, and from within.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need python3
python3 -c 'import yaml' 2>/dev/null || skip_all "needs python3-yaml"
need_daemon
work_dir
TOP=$(cd ../.. && pwd)
KUBE=$TOP/packaging/kubernetes

# What is shipped speaks of one version.
version=$(sed -n 's/^VERSION *:= *//p' "$TOP/Makefile")
is "chart, manifests and image are of this version" "$(
	sed -n 's/^version: //p; s/^appVersion: "\(.*\)"/\1/p' "$TOP/packaging/helm/boltseal/Chart.yaml"
	sed -n 's/^ARG VERSION=//p' "$TOP/packaging/container/Containerfile"
	sed -n 's/ *newTag: //p' "$KUBE/kustomization.yaml"
	sed -n 's/.*image: "boltseal:\(.*\)"/\1/p' "$KUBE"/daemonset*.yaml
)" "$(yes "$version" | head -10)"

(cd "$TOP" && packaging/container/rootfs "$BIN/boltseald" "$BIN/boltseal" "$W/image") || bail "the image's tree"
tar -C "$W/image" -cf "$W/image.tar" . || bail "tar"
mkdir -p "$W/run" "$W/etc"

# split_ A B: what comes before "--" in $W/pod into the array A, the rest into B
split_() {
	local -n before=$1 after=$2
	local word all=() i
	mapfile -d '' all <"$W/pod"
	before=() after=()
	for i in "${!all[@]}"; do
		word=${all[i]}
		[ "$word" != -- ] || { after=("${all[@]:i+1}"); return; }
		before+=("$word")
	done
}
# pod ENGINE MANIFEST MOVE…: the arguments of its runs: TRIAL and TRIAL_ARGS before, then POD and POD_ARGS
pod() {
	local engine=$1 manifest=$2
	shift 2
	set -- "$KUBE/$manifest" "$KUBE/configmap.yaml" "$W/etc" "/var/lib/boltseal=$W/state-$engine" \
		"/run/boltseal=$W/run" "$@"
	python3 tools/pod_args.py --init "$@" >"$W/pod" || return 1
	split_ TRIAL TRIAL_ARGS
	python3 tools/pod_args.py "$@" >"$W/pod" || return 1
	split_ POD POD_ARGS
	# Not where the manifests look for engines; and who the containers are, is for the test to say.
	printf 'runtimes: {docker_roots: [%s], storage_roots: [%s]}\n' "$W/docker" "$W/podman" >>"$W/etc/boltseal.yaml"
}
bs() { timeout 60 "$BIN/boltseal" --no-color --socket "$W/run/boltseal.sock" "$@"; }
limits=(--ulimit nofile=1024:1024 --ulimit nproc=1024:1024)
child() { # child sensor|gateway: its pid, as the host has it
	local p
	for p in $(cat "/proc/$1/task/$1/children" 2>/dev/null); do
		tr '\0' ' ' <"/proc/$p/cmdline" | grep -q " $2 " && { echo "$p"; return 0; }
	done
	return 1
}
other_child_() { local p; p=$(child "$1" "$2") && [ "$p" != "$3" ]; }
origin() { events "$1" --type change | jq -r "select(.change.path == \"$2\") | .actor | .origin + \" \" + (.exe // \"?\")" | head -1; }

# --- Docker ---------------------------------------------------------------------------------------
engine_docker_start && image_busybox docker || bail "dockerd"
docker_ import -c 'ENTRYPOINT ["/usr/sbin/boltseald"]' "$W/image.tar" boltseal:test >/dev/null || bail "docker import"
sib=$(run_docker sib bb:2 sleep 1000)
pod docker daemonset-docker.yaml "/var/lib/docker=$W/docker" || bail "the manifest for Docker, as arguments"
ok "the trial before it" docker_ run --rm "${limits[@]}" "${TRIAL[@]}" boltseal:test "${TRIAL_ARGS[@]}"
own=$(docker_ run -d --name boltseal "${limits[@]}" "${POD[@]}" boltseal:test "${POD_ARGS[@]}") || bail "docker run"
wait_until 20 bs ps || bail "boltseald in Docker: $(docker_ logs boltseal 2>&1 | tail -3)"
super=$(docker_pid boltseal)
target_is_known_() { bs diff "$1"; [ $? -lt 2 ]; }
wait_target "$sib"
is "it sees its sibling, and itself" "$(bs ps -o json | jq -r '.items[] | .name + " " + .runtime + " " + .image' | sort | xargs)" \
	"boltseal docker boltseal:test sib docker bb:2"
is "the trial found what it finds on the host" "$(cat "$W/run/trial")" "$("$BIN/boltseald" --trial "$W/trial" && cat "$W/trial")"
level=L2
[ "$(cut -d' ' -f1 "$W/trial")" -lt 5 ] || level=L1 # SEEN: what is written to an overlay is told of below it
is "so content is watched as well" "$(bs ps -o json | jq -r '.items[].level' | sort -u)" "$level"
drift_is "nothing has changed" "$sib" ""
docker_ exec sib sh -c 'mkfifo /dev/seen; echo x >/etc/evil; rm /etc/motd; read -r _ </dev/seen' & # it can be asked who it is
drift_is "a sibling's drift" "$sib" "A /etc/evil
D /etc/motd"
is "and who did it" "$(origin "$sib" /etc/evil)" "exec /bin/busybox"
docker_ exec sib sh -c 'echo >/dev/seen'
wait $!
late=$(run_docker late bb:2 sh -c 'echo x >/first; exec sleep 1000')
drift_is "one that starts later" "$late" "A /first"
like "the workload did it" "$(origin "$late" /first)" "^workload /bin/busybox"
is "it was there at mount time" "$(bs ps -o json | jq -r ".items[] | select(.id == \"$late\").late")" false
is "of its own container there is nothing but where the manifest mounts" \
	"$(bs diff "$own" -o json 2>/dev/null | jq -r '.items[] | .path' | while read -r p; do
		case $W/docker in "$p" | "$p"/*) ;; *) case $p in /var/lib/* | /run/* | /etc/boltseal/boltseal.yaml) ;; *) echo "$p" ;; esac ;; esac
	done)" ""
is "the host is called as the node is" "$(events "$sib" | tail -1 | jq -r .host)" the-node
is "no directory that it was shown is a volume" "$(bs ps -o json | jq -r '.items[] | select(.kind == "volume").name')" ""
ok "healthy" docker_ exec boltseal /usr/bin/boltseal status --health
unlike "processes are followed, from a network of its own" "$(bs doctor | grep 'process events')" "^no "

gateway=$(child "$super" gateway)
is "the gateway is another user, without a privilege" \
	"$(awk '/^(Uid|CapEff|CapPrm|CapAmb|NoNewPrivs):/ {print $2}' "/proc/$gateway/status" | xargs)" \
	"64602 0000000000000000 0000000000000000 0000000000000000 1"

# Who asks: root on the host may do all, root in a container may read, the daemon's own is the daemon's.
ok "the host's root may have it looked at" bs rescan "$sib"
ask() { docker_ run --rm --net=none "${limits[@]}" "${ASK[@]}" -v "$W/run:/run/boltseal:ro" --entrypoint /usr/bin/boltseal boltseal:test "$@" 2>&1; }
ASK=()
like "a sibling's root may read" "$(ask ps)" "sib "
like "and nothing more" "$(ask rescan sib)" "another pid namespace|not visible"
ASK=(--pid=host)
like "nor with the host's processes" "$(ask accept sib --drift "$(drift_id "$sib")" --reason mine)" "another mount namespace"
ok "within the daemon's own one is at home" docker_ exec boltseal /usr/bin/boltseal rescan sib
ok "the host's root may accept" bs accept "$sib" --drift "$(drift_id "$sib")" --reason "seen, ours"
drift_is "clean" "$sib" ""

# What dies is started again; the drift goes on.
sensor=$(child "$super" sensor)
kill -9 "$sensor"
docker_ exec sib sh -c 'echo x >/etc/while'
ok "a sensor that was killed is there again" wait_until 10 other_child_ "$super" sensor "$sensor"
drift_is "what happened meanwhile is told" "$sib" "A /etc/while"
kill -9 "$gateway"
ok "so is the gateway" wait_until 10 other_child_ "$super" gateway "$gateway"
drift_is "and it answers" "$sib" "A /etc/while"

# What it is shown does not keep a container from going.
merged=$(docker_ inspect -f '{{.GraphDriver.Data.MergedDir}}' late)
ok "its root was to be seen" grep -q " $merged " "/proc/$super/mountinfo"
ok "a sibling is removed" docker_ rm -f late
event_ok "and that is told" target.removed true "$late"
not_shown_() { ! grep -q " $merged " "/proc/$super/mountinfo"; }
ok "no mount of it is left" wait_until 10 not_shown_

# The store is the host's: another container goes on with it.
seq=$(events | tail -1 | jq .seq)
start=$(date +%s%N)
ok "it stops when it is told to" docker_ stop -t 20 boltseal
ok "at once" test $((($(date +%s%N) - start) / 1000000)) -lt 5000
is "in order" "$(docker_ inspect -f '{{.State.ExitCode}}' boltseal)" 0
docker_ rm boltseal >/dev/null
docker_ exec sib sh -c 'echo x >/etc/unseen'
docker_ run -d --name boltseal "${limits[@]}" "${POD[@]}" boltseal:test "${POD_ARGS[@]}" >/dev/null
wait_until 20 bs ps || bail "again: $(docker_ logs boltseal 2>&1 | tail -3)"
drift_is "what was changed while it was away is drift" "$sib" "A /etc/unseen
A /etc/while"
is "the baseline that was accepted is kept" "$(bs ps -o json | jq -r ".items[] | select(.id == \"$sib\").generation")" 2
is "and the journal" "$(events | jq "select(.seq == $seq).seq")" "$seq"
ok "whole" bs verify journal
docker_ rm -f boltseal >/dev/null 2>&1

# Where it is not shown what it should keep, it says so.
mapfile -t POD < <(printf '%s\n' "${POD[@]}" | grep -v "src=$W/docker,")
rm -rf "$W/state-docker" && mkdir "$W/state-docker"
docker_ run -d --name boltseal "${limits[@]}" "${POD[@]}" boltseal:test "${POD_ARGS[@]}" >/dev/null
gap_() { bs status -o json | jq -e '.gaps[]? | select((.detail // "") | contains("data root"))'; }
ok "containers out of sight are gaps" wait_until 20 gap_
docker_ rm -f boltseal >/dev/null 2>&1

# --- Podman, by CRI-O's manifest --------------------------------------------------------------------
if command -v podman >/dev/null && engine_podman_start && image_busybox podman; then
	image=$(podman_ import -q "$W/image.tar" boltseal:test | tail -1)
	sib=$(run_podman sib localhost/bb:2 sleep 1000)
	pod podman daemonset-crio.yaml "/var/lib/containers=$W/podman" "/run/containers=$W/podman-run" ||
		bail "the manifest for CRI-O, as arguments"
	podman_ run -d --name boltseal "${limits[@]}" "${POD[@]}" --entrypoint /usr/sbin/boltseald "${image#sha256:}" >/dev/null
	wait_until 20 bs ps || bail "boltseald in Podman: $(podman_ logs boltseal 2>&1 | tail -3)"
	wait_target "$sib"
	podman_ exec sib sh -c 'mkfifo /dev/seen; echo x >/etc/evil; read -r _ </dev/seen' &
	drift_is "Podman: a sibling's drift" "$sib" "A /etc/evil"
	is "Podman: who did it" "$(origin "$sib" /etc/evil)" "exec /bin/busybox"
	podman_ exec sib sh -c 'echo >/dev/seen'
	wait $!
	ok "Podman: the host's root may have it looked at" bs rescan "$sib"
	ok "Podman: it stops in order" podman_ stop -t 20 boltseal
else
	skip "the same in Podman" "podman does not run here"
fi
finish
