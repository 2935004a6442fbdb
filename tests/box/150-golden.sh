#!/bin/bash
# shellcheck disable=SC2015,SC2317 # bail ends; called by at_exit
# One image, by its archive, by what Docker and Podman save of it, as OCI layouts, and by running containers: one root
# digest. The image is made by hand of what engines and archives disagree about; beside it a busybox and a Debian tree.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need podman runc setpriv python3 jq
need_daemon
work_dir
export SOURCE_DATE_EPOCH=1767225600

busybox=$(command -v busybox)
ok "the image is made" python3 image.py "$busybox" "$W/odd.tar"
chmod 644 "$W/odd.tar"
mkdir -m 777 "$W/made"

# As a user who may nothing but read it.
build() { # build NAME PATH [OPTION…]: prints the root digest
	setpriv --reuid=65534 --regid=65534 --clear-groups -- \
		"$BIN/boltseal" baseline build "${@:2}" --output "$W/made/$1.baseline" --format json | jq -r .root
}
ROOT=$(build archive "$W/odd.tar")
like "its archive has a root" "$ROOT" '^sha256:[0-9a-f]{64}$'
same() { is "$1" "$(build "${@:2}")" "$ROOT"; }

gzip -k "$W/odd.tar"
same "the same packed by gzip" gz "$W/odd.tar.gz"
ok "a build is the same bytes each time" cmp "$W/made/archive.baseline" "$W/made/gz.baseline"
is "what is in it" "$(bs baseline inspect "$W/made/archive.baseline" --format json |
	jq -r '[.name, (.layers | length), .accepts, (.signatures | length), .image[0:7]] | join(" ")')" "odd:1 3 0 0 sha256:"

# What was tampered with.
python3 image.py "$busybox" "$W/evil.tar" alter
other=$(build evil "$W/evil.tar")
[ -n "$other" ] && [ "$other" != "$ROOT" ] && tap_ 0 "one byte of a file makes another root" || tap_ 1 "one byte of a file makes another root"
python3 - "$W/odd.tar" "$W/flipped.tar" <<'X'
import sys
d = open(sys.argv[1], "rb").read()
open(sys.argv[2], "wb").write(d.replace(b"mode=safe\n", b"mode=evil\n", 1))
X
like "a layer that is not the configuration's is refused" "$(build flipped "$W/flipped.tar" 2>&1)" 'layer 1 is not the one'
ok "and nothing is written" test ! -e "$W/made/flipped.baseline"
head -c 100000 "$W/odd.tar" >"$W/cut.tar"
like "a cut archive is refused" "$(build cut "$W/cut.tar" 2>&1)" 'cut off'
python3 - "$W/made/archive.baseline" "$W/made/bit.baseline" <<'X'
import sys
d = bytearray(open(sys.argv[1], "rb").read())
d[len(d) // 2] ^= 4
open(sys.argv[2], "wb").write(d)
X
like "a baseline file with one bit flipped is refused" "$(bs baseline inspect "$W/made/bit.baseline" 2>&1)" 'altered'

# Each engine: loads it, saves it, runs it.
engines=() BUSYBOX="" DEBIAN="" SKIP_WHY="podman does not start here"
export_() { bs baseline export "$1" --output "$W/made/$1.baseline" >"$W/out" 2>&1; }
ask_running() { # ask_running NAME WANT
	wait_until "$PATIENCE" export_ "$1" || diag "$(cat "$W/out")"
	is "the running container has it: $1" \
		"$(bs baseline inspect "$W/made/$1.baseline" --format json 2>&1 | jq -r .root)" "$2"
}
if engine_docker_start; then
	engines+=(docker)
	ok "docker loads it" docker_ load -i "$W/odd.tar"
	docker_ save odd:1 -o "$W/docker.tar" && chmod 644 "$W/docker.tar"
	same "docker: what it saves has it" docker-saved "$W/docker.tar"
	run_docker docker-odd odd:1 /bin/sleep 1000 >/dev/null || diag "docker run"
	if image_busybox docker; then
		docker_ save bb:2 -o "$W/bb.tar" && chmod 644 "$W/bb.tar"
		BUSYBOX=$(build bb "$W/bb.tar")
		run_docker docker-bb bb:2 sleep 1000 >/dev/null || diag "docker run: bb:2"
	fi
else
	skip "docker" "dockerd does not start here"
fi
if engine_podman_start; then
	engines+=(podman)
	at_exit 'podman_ rm -fa -t 0 >/dev/null 2>&1'
	ok "podman loads it" podman_ load -i "$W/odd.tar"
	name=localhost/odd:1
	podman_ image exists "$name" || name=docker.io/library/odd:1
	for form in docker-archive oci-archive oci-dir docker-dir; do
		podman_ save -q --format "$form" -o "$W/podman-$form" "$name" >/dev/null 2>"$W/err" || diag "$form: $(cat "$W/err")"
		chmod -R a+rX "$W/podman-$form"
		same "podman: what it saves as $form has it" "podman-$form" "$W/podman-$form"
	done
	mkdir -p "$W/oci-zstd"
	if podman_ push -q --compression-format zstd "$name" "oci:$W/oci-zstd/l:odd" >/dev/null 2>"$W/err"; then
		chmod -R a+rX "$W/oci-zstd"
		same "podman: an OCI layout, packed by zstd" podman-zstd "$W/oci-zstd/l"
	else
		skip "podman: an OCI layout, packed by zstd" "podman push: $(tail -1 "$W/err")"
	fi
	like "of a name that is not in it there is no build" \
		"$(build none "$W/podman-oci-dir" --image "sha256:$(printf '0%.0s' {1..64})" 2>&1)" 'there is not one image'
	run_podman podman-odd "$name" /bin/sleep 1000 >/dev/null || diag "podman run"
	# The same of one of debootstrap's is 165-packages.sh's; here with BOLTSEAL_TEST_DEBIAN=1, which makes it.
	SKIP_WHY="BOLTSEAL_TEST_DEBIAN=1 asks for it; see 165-packages.sh"
	if [ "${BOLTSEAL_TEST_DEBIAN:-0}" = 1 ] && image_debian podman; then
		podman_ save -q --format docker-archive -o "$W/debian.tar" localhost/deb:12 && chmod 644 "$W/debian.tar"
		DEBIAN=$(build debian "$W/debian.tar")
		run_podman podman-debian localhost/deb:12 sleep 1000 >/dev/null || diag "podman run: deb:12"
	fi
fi
daemon_start || bail "boltseald"
for e in ${engines[@]+"${engines[@]}"}; do ask_running "$e-odd" "$ROOT"; done
[ -z "$BUSYBOX" ] || ask_running docker-bb "$BUSYBOX"
PATIENCE=60 # 200 MB are hashed
if [ -n "$DEBIAN" ]; then ask_running podman-debian "$DEBIAN"; else skip "a debootstrap tree" "$SKIP_WHY"; fi
finish
