#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# containerd's layers against its content store: a real containerd, an image of gzip and zstd below an index. What was
# done to snapshots before the daemon ever came is found and named; so is a blob that is not what its name says.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
. ./hard.sh
export LC_ALL=C
need_root
need containerd ctr runc setfattr setcap busybox python3 zstd
need_daemon
work_dir

# hard:1 as a registry has it: packed, and found by way of an index. The same configuration as in $W/hard.tar.
hard_layout() {
	local d=$W/hard
	gzip -nk "$d/l1.tar" && zstd -qk "$d/l2.tar" || return 1
	python3 - "$d" "$W/layout" <<-'PY'
		import hashlib, json, os, sys
		top, out = sys.argv[1:]
		os.makedirs(out + "/blobs/sha256")
		def put(data, media, **more):
		    d = hashlib.sha256(data).hexdigest()
		    open(out + "/blobs/sha256/" + d, "wb").write(data)
		    return {"mediaType": media, "digest": "sha256:" + d, "size": len(data), **more}
		def file(name, media):
		    return put(open(top + "/" + name, "rb").read(), media)
		def doc(v, media, **more):
		    return put(json.dumps(v).encode(), media, **more)
		oci = "application/vnd.oci.image."
		m = {"schemaVersion": 2, "mediaType": oci + "manifest.v1+json", "config": file("config.json", oci + "config.v1+json"),
		     "layers": [file("l1.tar.gz", oci + "layer.v1.tar+gzip"), file("l2.tar.zst", oci + "layer.v1.tar+zstd")]}
		m = doc(m, oci + "manifest.v1+json", platform={"os": "linux", "architecture": "amd64"})
		i = doc({"schemaVersion": 2, "mediaType": oci + "index.v1+json", "manifests": [m]}, oci + "index.v1+json",
		        annotations={"io.containerd.image.name": "docker.io/library/hard:1"})
		json.dump({"schemaVersion": 2, "manifests": [i]}, open(out + "/index.json", "w"))
		open(out + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
		open(top + "/manifest", "w").write(m["digest"])
	PY
	tar -C "$W/layout" -cf "$W/layout.tar" . || return 1
	HARD_CONFIG=sha256:$(sha256sum <"$d/config.json" | cut -d' ' -f1) HARD_MANIFEST=$(cat "$d/manifest")
}
snapshots() { # of the container $1: $L1 (bottom) and $L2
	local list
	list=$(sed -n "s:.* $W/ctrd-run/.*/$1/rootfs overlay .*lowerdir=\([^,]*\),.*:\1:p" /proc/mounts)
	L1=${list##*:} list=${list%:*} L2=${list##*:}
	[ -d "$L1" ] && [ -d "$L2" ]
}
blob() { echo "$W/ctrd/io.containerd.content.v1.content/blobs/sha256/$(sha256sum <"$1" | cut -d' ' -f1)"; }
item() { bs ps -a -o json | jq -r --arg n "$1" ".items[] | select(.name == \$n) | $2"; }
why_of() { api GET /v1/layers | head -1 | jq -r --arg p "$1" '.items[] | select(.path == $p) | .verdict | "\(.state): \(.why // "")"'; }
start_anew() { # what was done is done before the first start
	daemon_stop
	rm -rf "$W/state"
	daemon_start || bail "boltseald"
}

engine_containerd_start || bail "containerd"
image_archive && hard_image && hard_layout || bail "images"
ctr_ images import "$W/bb2.tar" >/dev/null && ctr_ images import "$W/layout.tar" >/dev/null || bail "import"
run_containerd bb docker.io/library/bb:2 sleep 1000 && run_containerd hard docker.io/library/hard:1 /bin/sleep 1000 || bail "run"
DAEMON_BASE="group: root
runtimes:
  run_roots: [$W/ctrd-run]
" daemon_config </dev/null
daemon_start || bail "boltseald"
for n in bb hard; do
	verdict_is "$n, untouched" $n proved
	is "$n: its image, by containerd's database" "$(item $n .image)" "docker.io/library/$([ $n = bb ] && echo bb:2 || echo hard:1)"
done
is "bb: no drift" "$(long bb)" ""
is "hard: only the mount points that the image has not" "$(long hard)" "A /dev
A /proc
A /run
A /sys"
is "by way of an index: its configuration" "$(item hard .image_digest)" "$HARD_CONFIG"
bs verify hard >"$W/out" 2>&1
is "verify: status" "$?" 0 || diag "$(cat "$W/out")"
like "verify: reaches the manifest" "$(cat "$W/out")" "^ok +image +hard +proved to $HARD_CONFIG, manifest $HARD_MANIFEST"
snapshots hard || bail "snapshots"
like "verify: a line for each layer" "$(cat "$W/out")" "^ok +proof +$L1 +proved to sha256:$(sha256sum <"$W/hard/l1.tar" | cut -d' ' -f1)"

# --- the same root digest from the archive ---------------------------------------------
ctr_ images export "$W/bb.tar" docker.io/library/bb:2 && cp "$W/layout.tar" "$W/hard.tar" || bail "export"
for i in bb hard; do
	"$BIN/boltseal" baseline build "$W/$i.tar" --output "$W/$i.baseline" >/dev/null 2>"$W/err" || diag "$(cat "$W/err")"
	bs baseline import "$W/$i.baseline" >"$W/out" 2>&1 || diag "$(cat "$W/out")"
done
golden_() { [ "$(item "$1" .verdict.how)" = golden ] && [ "$(verdict "$1")" = proved ]; }
ok "bb is what the golden baseline of its archive says" wait_until "$PATIENCE" golden_ bb
ok "hard, too" wait_until "$PATIENCE" golden_ hard || diag "$(item hard '.verdict')"

# --- live ------------------------------------------------------------------------------------------------------------
snapshots bb || bail "snapshots"
printf 'evilone\n' >"$L1/etc/motd"
event_ok "live: a write into a snapshot" layer.tampered '.change.path == "/etc/motd" and (.targets | index("bb"))'
printf 'welcome\n' >"$L1/etc/motd" && touch -d "$IMAGE_TIME" "$L1/etc/motd"

# --- before the first start ------------------------------------------------------------------------------------------
BLOB=$(blob "$W/hard/l2.tar.zst")
snapshots hard && tamper "$L1" "$L2"
A=$L1 B=$L2
snapshots bb
start_anew
verdict_is "snapshots tampered with" hard broken
wait_until "$PATIENCE" odds_are_ "$A" "$ODDS1"
is "the lower snapshot's names" "$(odds "$A")" "$ODDS1"
is "the upper snapshot's names" "$(odds "$B")" "$ODDS2"
verdict_is "the other is untouched" bb proved
bs verify hard >"$W/out" 2>&1
is "verify: status of a broken one" "$?" 1
like "verify: names what is broken" "$(cat "$W/out")" "^MISMATCH +proof +$A +broken, should be sha256:.*C opt/link \(link\)"

# --- what the content store keeps is not what it says, or is not there -------------------------------------------------
cp -p "$BLOB" "$W/keep" && python3 -c 'import sys
f = open(sys.argv[1], "r+b"); f.seek(40); b = f.read(1); f.seek(40); f.write(bytes([b[0] ^ 1]))' "$BLOB"
start_anew
verdict_is "a bit of a blob" hard broken
like "it is named" "$(why_of "$B")" "^broken: .*$BLOB: does not have the digest that it goes by"
cp -p "$W/keep" "$BLOB"
rm "$(blob "$W/hard/l1.tar.gz")"
start_anew
verdict_is "what is left is still looked at" hard broken
like "a blob that is gone" "$(why_of "$A")" "^consistent: its archive is not in containerd's content store"
mv "$W/ctrd/io.containerd.snapshotter.v1.overlayfs/metadata.db" "$W/metadata.db"
start_anew
verdict_is "no database of snapshots" bb consistent
snapshots bb
like "it says so" "$(why_of "$L1")" "^consistent: containerd's database of snapshots cannot be read"
finish
