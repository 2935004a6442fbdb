#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Read-only layers against what their image says: whatever was done to them before the daemon ever came is found and
# named, on real Docker and Podman; what nobody touched is proved.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
. ./hard.sh
export LC_ALL=C
need_root
need dockerd podman runc setfattr setcap busybox python3
need_daemon
work_dir

# Of a container of engine $1 called $2: $L1 (bottom) and $L2 on the host.
layers_of() {
	local list
	list=$("${1}_" inspect -f '{{.GraphDriver.Data.LowerDir}}' "$2") || return 1
	L1=${list##*:} list=${list%:*} L2=${list##*:}
	L1=$(readlink -f "$L1") L2=$(readlink -f "$L2")
}

engine_docker_start && image_busybox docker || bail "dockerd"
engine_podman_start && image_busybox podman || bail "podman"
hard_image || bail "hard:1"
for e in docker podman; do
	"${e}_" load -q -i "$W/hard.tar" >/dev/null || bail "$e: hard:1"
	"run_$e" "$e-bb" bb:2 sleep 1000 >/dev/null && "run_$e" "$e-hard" hard:1 /bin/sleep 1000 >/dev/null || bail "$e run"
done
daemon_start || bail "boltseald"
for e in docker podman; do
	verdict_is "$e: busybox, untouched" $e-bb proved
	verdict_is "$e: what archives can hold, untouched" $e-hard proved
	is "$e: no drift" "$(long $e-hard)" ""
done

# --- a golden baseline of the archive agrees, and knows what should be in a file that is not what it was -------------
for i in bb:2 hard:1; do
	docker_ save -o "$W/$i.tar" $i
	"$BIN/boltseal" baseline build "$W/$i.tar" --output "$W/$i.baseline" >/dev/null 2>"$W/err" || diag "$(cat "$W/err")"
	bs baseline import "$W/$i.baseline" >"$W/out" 2>&1 || diag "$(cat "$W/out")"
done
golden_() { bs ps -o json | jq -e --arg n "$1" '.items[] | select(.name == $n) | .verdict | .state == "proved" and .how == "golden"'; }
for e in docker podman; do
	ok "$e: busybox is what its golden baseline says" wait_until "$PATIENCE" golden_ $e-bb
	ok "$e: what archives can hold, too" wait_until "$PATIENCE" golden_ $e-hard ||
		diag "$(bs ps -o json | jq -c '.items[] | {name, verdict}')"
done
daemon_stop
rm -rf "$W/state"
declare -A A B
for e in docker podman; do
	layers_of $e $e-hard || bail "inspect"
	A[$e]=$L1 B[$e]=$L2
	tamper "$L1" "$L2"
done
daemon_start || bail "boltseald"
for e in docker podman; do
	verdict_is "$e: busybox, still untouched" $e-bb proved
	verdict_is "$e: tampered before the first start" $e-hard broken
	wait_until "$PATIENCE" odds_are_ "${A[$e]}" "$ODDS1"
	is "$e: the lower layer's names" "$(odds "${A[$e]}")" "$ODDS1"
	is "$e: the upper layer's names" "$(odds "${B[$e]}")" "$ODDS2"
done
like "diff says so beside the drift" "$(bs diff docker-hard 2>&1 >/dev/null)" '^boltseal: what it stacks is not what its image says'
is "and nothing where it is as it should be" "$(bs diff docker-bb 2>&1 >/dev/null)" ""
# --- verify ------------------------------------------------------------------------------------------------------
bs verify docker-bb >"$W/out" 2>&1
is "verify: status of an untouched one" "$?" 0
like "verify: the image that it is proved to" "$(cat "$W/out")" "^ok +image +docker-bb +proved to sha256:[0-9a-f]{64}: [0-9]+ names"
like "verify: a line for each layer" "$(grep -c '^ok *proof .* proved to sha256:' "$W/out")" '^2$'
bs verify podman-bb >"$W/out" 2>&1
like "verify: podman keeps the manifest" "$(cat "$W/out")" "^ok +image +podman-bb +proved to sha256:[0-9a-f]{64}, manifest sha256:[0-9a-f]{64}"
bs verify docker-hard >"$W/out" 2>&1
is "verify: status of a broken one" "$?" 1
like "verify: names what is broken" "$(cat "$W/out")" "^MISMATCH +proof .*broken, should be sha256:.*C opt/big \(content\)"
like "metrics" "$(api GET /metrics | tr -d '\r')" '^boltseal_layer_verdicts\{verdict="broken"\} 4$'
event_ok "it was told" layer.verdict '.severity == "critical" and (.targets | index("docker-hard")) and (.detail | test("broken"))'

# --- and live, and put right -------------------------------------------------------------------------------------
layers_of docker docker-bb
rm "$L2/opt/keep/k2"
verdict_is "live: a whiteout taken away" docker-bb broken
mknod "$L2/opt/keep/k2" c 0 0 && chmod 0 "$L2/opt/keep/k2"
clean_() { bs diff docker-bb --exit-code; }
ok "put right: it is no drift any more" wait_until "$PATIENCE" clean_
bs verify docker-bb >"$W/out" 2>&1
is "put right: verify" "$?" 0 || diag "$(cat "$W/out")"
verdict_is "put right: proved again" docker-bb proved
# What lies at the path is not what is mounted: nothing there makes it proved.
cp -p "$L1/etc/motd" "$W/motd" && mount --bind "$W/motd" "$L1/etc/motd"
verdict_is "a mount over a file of a layer" docker-bb broken
bs verify docker-bb >"$W/out" 2>&1
is "a mount over a file of a layer: verify" "$?" 1
like "it names it" "$(cat "$W/out")" '^MISMATCH +proof .*C etc/motd \(mount\)'
umount "$L1/etc/motd"
ok "it is gone: no drift" wait_until "$PATIENCE" clean_
verified_() { bs verify docker-bb && [ "$(verdict docker-bb)" = proved ]; }
ok "and proved again" wait_until "$PATIENCE" verified_
daemon_stop
mv "$L1" "$W/mounted" && cp -a "$W/mounted" "$L1"
daemon_start || bail "boltseald"
verdict_is "a clean copy at the layer's path" docker-bb broken
bs verify docker-bb >"$W/out" 2>&1
is "a clean copy: verify" "$?" 1
like "it says why" "$(cat "$W/out")" '^MISMATCH +proof .*has another directory mounted'
daemon_stop
rm -r "$L1" && mv "$W/mounted" "$L1"
daemon_start || bail "boltseald"
docker_ stop -t 0 docker-bb >/dev/null
stopped_() { bs ps -a -o json | jq -e '.items[] | select(.name == "docker-bb") | .state == "stopped"'; }
ok "a container is stopped" wait_until "$PATIENCE" stopped_
layers_of docker docker-bb
echo x >"$L1/etc/planted"
event_ok "a layer that only a stopped container stacks is watched too" layer.tampered \
	'.change.path == "/etc/planted" and (.targets | index("docker-bb"))'
# --- less than a second of a time is nothing that an archive says: ps, verify and the drift agree -----------------
layers_of podman podman-bb
touch -d "$(stat -c %y "$L1/etc/motd" | cut -d. -f1).25" "$L1/etc/motd"
touch "$L1/etc/live"
event_ok "what came after it was seen" layer.tampered '.change.path == "/etc/live"'
rm "$L1/etc/live"
settled_() { [ -z "$(long podman-bb)" ]; }
wait_until "$PATIENCE" settled_
is "a part of a second is no drift" "$(long podman-bb)" ""
bs verify podman-bb >"$W/out" 2>&1
is "nor a mismatch" "$?" 0 || diag "$(cat "$W/out")"
verdict_is "nor in the verdict" podman-bb proved

# --- a verdict that gets worse is told, with its reason -----------------------------------------------------------
config=$W/podman/overlay-images/$(podman_ inspect -f '{{.Image}}' podman-bb)
mv "$config" "$W/config"
bs verify podman-bb >"$W/out" 2>&1
is "the image's configuration is gone: not proved, no mismatch" "$?" 0 || diag "$(cat "$W/out")"
verdict_is "consistent" podman-bb consistent
like "verify says so, too" "$(cat "$W/out")" '^ok +image +podman-bb +consistent.*: '
event_ok "and it is told" layer.verdict '.severity == "medium" and (.targets | index("podman-bb")) and (.detail | test("not proved any more: consistent: "))'
mv "$W/config" "$config"
bs verify podman-bb >/dev/null 2>&1
verdict_is "it is back" podman-bb proved
daemon_stop
layers_of podman podman-bb
touch -r "$L1/etc/motd" "$W/stamp" && printf 'WELCOME\n' >"$L1/etc/motd" && touch -r "$W/stamp" "$L1/etc/motd"

# --- the schedule: a store through a mapping that is never unmapped is what no watch of the kernel's sees -----------
cat >"$W/mapped.py" <<-'PY'
	import mmap, sys
	with open(sys.argv[1], "r+b") as f:
	    m = mmap.mmap(f.fileno(), 0)
	print("mapped", flush=True)
	sys.stdin.readline()
	m[0] ^= 1
	print("stored", flush=True)
	sys.stdin.readline()
PY
coproc MAPPED { exec python3 "$W/mapped.py" "$L2/opt/layer2"; }
at_exit 'kill "$MAPPED_PID" 2>/dev/null'
read -r -t 10 -u "${MAPPED[0]}" said && [ "$said" = mapped ] || bail "mapped.py"
schedule() { daemon_config <<<"layers: {verify_interval: $1}"; }
schedule 0
daemon_start || bail "boltseald"
verdict_is "while the daemon was down" podman-bb broken
is "and the path is drift" "$(long podman-bb)" "C /etc/motd"
echo >&"${MAPPED[1]}"
read -r -t 10 -u "${MAPPED[0]}" said
is "a store through a mapping" "$said" stored
echo x >"$L1/etc/after"
event_ok "what is written after it is told" layer.tampered '.change.path == "/etc/after"'
is "the store is not" "$(odds "$L2")" ""
schedule 100ms
kill -HUP "$DAEMON"
wait_until "$PATIENCE" odds_are_ "$L2" "C opt/layer2 content,mtime"
is "the schedule finds it" "$(odds "$L2")" "C opt/layer2 content,mtime"
event_ok "and it is told" layer.verdict '.severity == "critical" and (.targets | index("podman-bb")) and (.detail | test("opt/layer2"))'

# --- what the engine kept is nothing that can be read: it holds up nobody ----------------------------------------
daemon_stop
schedule 24h
rm -rf "$W/state"
split=$(ls "$W"/docker/image/overlay2/layerdb/sha256/*/tar-split.json.gz)
for f in $split; do rm "$f" && mkfifo "$f"; done
docker_ start docker-bb >/dev/null
# Nor is a layer in which 3000 directories are nested.
layers_of podman podman-bb
python3 - "$L1/opt" <<-'PY'
	import os, sys
	os.chdir(sys.argv[1])
	for i in range(3000):
	    os.mkdir("d" * 20); os.chdir("d" * 20)
PY
daemon_start || bail "boltseald"
verdict_is "a FIFO in the place of the archive's headers" docker-bb unknown
like "the reason names it" "$(api GET /v1/layers | head -1 | jq -r '.items[] | select(.targets | index("docker-bb")) | .verdict.why')" 'tar-split.json.gz: not a regular file'
verdict_is "others are judged" podman-hard broken
like "the target's own verdict has it" "$(bs ps -o json | jq -r '.items[] | select(.name == "docker-bb") | .verdict.why')" '^layer /.*tar-split.json.gz: not a regular file'
bs verify docker-bb >"$W/out" 2>"$W/err"
is "verify: unproved is not clean" "$?" 2 || diag "$(cat "$W/out")"
like "it is no mismatch" "$(cat "$W/out")" '^unproved +proof '
like "one line says what" "$(cat "$W/err")" '^boltseal: not proved, [0-9]+ of [0-9]+: .*tar-split.json.gz: not a regular file'
verdict_is "a layer with 3000 nested directories" podman-bb broken
deep_() { [ "$(open_gaps podman-bb)" = "too large" ]; }
ok "what is too deep there is a gap" wait_until "$PATIENCE" deep_
daemon_stop
is "and it ends when it is told to" "$?" 0
finish
