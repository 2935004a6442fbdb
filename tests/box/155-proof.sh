#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Read-only layers against what their image says: whatever was done to them before the daemon ever came is found and
# named, on real Docker and Podman; what nobody touched is proved.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need dockerd podman runc setfattr setcap busybox python3
need_daemon
work_dir

# --- an image with what archives can hold: hard links, xattrs, a capability, device nodes, a FIFO, names that are no
# UTF-8, long ones, directories that are only implied, whiteouts of both kinds ------------------------------------------
hard_image() {
	local d=$W/hard l1 l2
	mkdir -p "$d"
	python3 - "$d" "$(command -v busybox)" <<-'PY'
		import io, sys, tarfile
		top, busybox = sys.argv[1:]
		def add(t, name, type=tarfile.REGTYPE, data=b"", mode=0o644, link="", uid=0, gid=0, xattrs={}, dev=(0, 0)):
		    i = tarfile.TarInfo(name)
		    i.type, i.mode, i.linkname, i.uid, i.gid, i.mtime = type, mode, link, uid, gid, 1767225600.5
		    i.size, (i.devmajor, i.devminor) = len(data), dev
		    i.pax_headers = {"SCHILY.xattr." + k: v for k, v in xattrs.items()}
		    t.addfile(i, io.BytesIO(data))
		def tar(path):
		    return tarfile.open(path, "w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape")
		cap = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00".decode("utf-8", "surrogateescape")
		with tar(top + "/l1.tar") as t:
		    add(t, "bin/", tarfile.DIRTYPE, mode=0o755)
		    add(t, "bin/busybox", data=open(busybox, "rb").read(), mode=0o755)
		    add(t, "bin/sleep", tarfile.SYMTYPE, link="busybox", mode=0o777)
		    add(t, "bin/sh", tarfile.SYMTYPE, link="busybox", mode=0o777)
		    add(t, "bin/ping", data=b"ping\n", mode=0o755, xattrs={"security.capability": cap})
		    add(t, "etc/", tarfile.DIRTYPE, mode=0o755)
		    add(t, "etc/motd", data=b"welcome\n")
		    add(t, "etc/passwd", data=b"root:x:0:0:root:/:/bin/sh\n")
		    add(t, "etc/group", data=b"root:x:0:\n")
		    add(t, "etc/app.conf", data=b"mode=safe\n", xattrs={"user.a": "b", "user.empty": ""})
		    add(t, "etc/shadow", data=b"root:*::\n", mode=0o640, gid=42)
		    add(t, "etc/empty")
		    add(t, "tmp/", tarfile.DIRTYPE, mode=0o1777)
		    add(t, "opt/a/b/implied", data=b"deep\n")
		    add(t, "opt/hl/h1", data=b"hl\n")
		    add(t, "opt/hl/h2", tarfile.LNKTYPE, link="opt/hl/h1")
		    add(t, "opt/hl/h3", tarfile.LNKTYPE, link="./opt/hl/h1")
		    add(t, "opt/link", tarfile.SYMTYPE, link="../etc/motd", mode=0o777)
		    add(t, "opt/keep/k1", data=b"k1\n")
		    add(t, "opt/keep/k2", data=b"k2\n")
		    add(t, "opt/del/d1", data=b"d1\n")
		    add(t, "opt/dir/", tarfile.DIRTYPE, mode=0o750, uid=7, gid=8)
		    add(t, "opt/dir/f", data=b"f\n", uid=100000, gid=100001)
		    add(t, "opt/file", data=b"file\n")
		    add(t, "opt/mtime", data=b"0123\n")
		    add(t, "opt/null", tarfile.CHRTYPE, mode=0o666, dev=(1, 3))
		    add(t, "opt/fifo", tarfile.FIFOTYPE)
		    add(t, "opt/" + b"caf\xe9\xff".decode("utf-8", "surrogateescape"), data=b"latin\n")
		    add(t, "opt/" + "l" * 200 + "/" + "m" * 200, data=b"long\n")
		    add(t, "opt/big", data=bytes(range(256)) * 8192)
		with tar(top + "/l2.tar") as t:
		    add(t, "./opt/", tarfile.DIRTYPE, mode=0o755)
		    add(t, "./opt/layer2", data=b"two\n")
		    add(t, "./opt/keep/.wh.k2")
		    add(t, "./opt/del/", tarfile.DIRTYPE, mode=0o700)
		    add(t, "./opt/del/.wh..wh..opq")
		    add(t, "./opt/del/d3", data=b"d3\n")
	PY
	l1=$(sha256sum <"$d/l1.tar" | cut -d' ' -f1) l2=$(sha256sum <"$d/l2.tar" | cut -d' ' -f1)
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
		"$l1" "$l2" >"$d/config.json"
	echo '[{"Config":"config.json","RepoTags":["hard:1"],"Layers":["l1.tar","l2.tar"]}]' >"$d/manifest.json"
	tar -C "$d" -cf "$W/hard.tar" manifest.json config.json l1.tar l2.tar
}

# Of a container of engine $1 called $2: $L1 (bottom) and $L2 on the host.
layers_of() {
	local list
	list=$("${1}_" inspect -f '{{.GraphDriver.Data.LowerDir}}' "$2") || return 1
	L1=${list##*:} list=${list%:*} L2=${list##*:}
	L1=$(readlink -f "$L1") L2=$(readlink -f "$L2")
}

verdict() { bs ps -a -o json | jq -r --arg n "$1" '.items[] | select(.name == $n) | .verdict.state // "-"'; }
verdict_is_() { [ "$(verdict "$1")" = "$2" ]; }
verdict_is() { # DESC TARGET STATE
	wait_until "$PATIENCE" verdict_is_ "$2" "$3"
	is "$1" "$(verdict "$2")" "$3" ||
		diag "$(api GET /v1/layers | head -1 | jq -c --arg n "$2" '.items[] | select(.targets | index($n)) | {path, verdict}')"
}
odds() { # of the layer at $1
	api GET /v1/layers | head -1 | jq -r --arg p "$1" '.items[] | select(.path == $p) | .verdict.odds[] | "\(.kind) \(.path) \(.aspects | join(","))"' |
		sed 's/ $//' | sort
}
odds_are_() { [ "$(odds "$1")" = "$2" ]; }
long() { bs diff "$1" -o json | jq -r '.items[] | "\(.kind) \(.path)"' | sort; }
long_is_() { [ "$(long "$1")" = "$2" ]; }

# Everything that can be done to a layer, $1 and $2: without a trace in size and time where that can be.
tamper() {
	local a=$1 b=$2
	same() { touch -r "$1" "$W/stamp"; "${@:2}"; touch -h -r "$W/stamp" "$1"; }
	same "$a/etc/motd" sh -c "printf 'evilone\n' >'$a/etc/motd'"
	chmod 4755 "$a/bin/busybox"
	mkdir -p "$a/planted/deep" && echo x >"$a/planted/deep/f" && echo x >"$a/etc/cron"
	rm "$b/opt/keep/k2"
	mknod "$b/opt/file" c 0 0
	setfattr -x trusted.overlay.opaque "$b/opt/del"
	setfattr -n trusted.overlay.redirect -v /opt/a "$a/opt/hl"
	setcap cap_sys_admin+ep "$a/bin/ping"
	setfattr -n user.a -v c "$a/etc/app.conf"
	rm "$a/opt/link" && ln -s ../etc/shadow "$a/opt/link"
	cp -p "$a/opt/hl/h2" "$W/h2" && same "$a/opt/hl/h2" sh -c "rm '$a/opt/hl/h2'; cp -p '$W/h2' '$a/opt/hl/h2'; printf 'LH\n' >'$a/opt/hl/h2'"
	touch -r "$W/h2" "$a/opt/hl/h2"
	chown 1:1 "$a/etc/passwd"
	touch -d 2020-01-01 "$a/opt/mtime"
	rm "$a/opt/keep/k1" && mkdir "$a/opt/keep/k1" && echo x >"$a/opt/keep/k1/below"
	rm -r "$a/opt/dir" && echo x >"$a/opt/dir"
	mknod "$a/opt/sda" b 8 0
	rm "$a/etc/group"
	rm "$a/opt/null" && mknod -m 666 "$a/opt/null" c 1 5
	chmod 777 "$a/opt/a"
	same "$a/opt/big" sh -c "printf X | dd of='$a/opt/big' bs=1 seek=1000000 conv=notrunc 2>/dev/null"
	rm "$b/opt/layer2"
}
ODDS1='A etc/cron
A opt/keep/k1/below
A opt/sda
A planted
A planted/deep
A planted/deep/f
C bin/busybox mode
C bin/ping caps
C etc/app.conf xattr
C etc/motd content
C etc/passwd owner
C opt/a mode
C opt/big content
C opt/dir mode,owner,type
C opt/hl xattr
C opt/hl/h2 content
C opt/keep/k1 mode,type
C opt/link link
C opt/mtime mtime
C opt/null type,mtime
D etc/group
D opt/dir/f'
ODDS2='A opt/file
C opt/del xattr
D opt/keep/k2
D opt/layer2'
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
daemon_stop
layers_of podman podman-bb
touch -r "$L1/etc/motd" "$W/stamp" && printf 'WELCOME\n' >"$L1/etc/motd" && touch -r "$W/stamp" "$L1/etc/motd"
daemon_start || bail "boltseald"
verdict_is "while the daemon was down" podman-bb broken
is "and the path is drift" "$(long podman-bb)" "C /etc/motd"

# --- what the engine kept is nothing that can be read: it holds up nobody ----------------------------------------
daemon_stop
rm -rf "$W/state"
split=$(ls "$W"/docker/image/overlay2/layerdb/sha256/*/tar-split.json.gz)
for f in $split; do rm "$f" && mkfifo "$f"; done
daemon_start || bail "boltseald"
verdict_is "a FIFO in the place of the archive's headers" docker-bb unknown
like "the reason names it" "$(api GET /v1/layers | head -1 | jq -r '.items[] | select(.targets | index("docker-hard")) | .verdict.why')" 'tar-split.json.gz: is no regular file'
verdict_is "others are judged" podman-hard broken
daemon_stop
is "and it ends when it is told to" "$?" 0
finish
