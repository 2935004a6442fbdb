#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Layers that Podman pulled in parts (zstd:chunked), from a registry on loopback: no headers are kept, but the table of
# contents. What was done to a layer is found by that; that it is the image's cannot be said, and is not.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
. ./hard.sh
export LC_ALL=C
need_root
need podman runc skopeo docker-registry setfattr busybox curl
need_daemon
work_dir

PORT=$((20000 + $$ % 20000))
registry_up_() { curl -s "http://127.0.0.1:$PORT/v2/"; }
registry_end_() { kill "$REGISTRY" 2>/dev/null; wait "$REGISTRY" 2>/dev/null; }
mkdir "$W/registry"
cat >"$W/registry.yml" <<-Y
	version: 0.1
	storage: {filesystem: {rootdirectory: $W/registry}}
	http: {addr: "127.0.0.1:$PORT"}
Y
docker-registry serve "$W/registry.yml" >"$W/registry.log" 2>&1 &
REGISTRY=$!
at_exit registry_end_
cat >"$W/storage.conf" <<-C
	[storage]
	driver = "overlay"
	graphroot = "$W/podman"
	runroot = "$W/podman-run"
	[storage.options]
	pull_options = {enable_partial_images = "true", use_hard_links = "false", ostree_repos = ""}
C
# With --root Podman takes no options of the file.
podman_() {
	CONTAINERS_STORAGE_CONF=$W/storage.conf timeout "$ENGINE_WAIT" podman --tmpdir "$W/podman-tmp" --runtime runc \
		--cgroup-manager cgroupfs --events-backend file "$@"
}
engine_podman_start && image_archive && wait_until 10 registry_up_ || bail "podman, registry"
NAME=127.0.0.1:$PORT/bb:2
skopeo copy --quiet --dest-tls-verify=false --dest-compress --dest-compress-format zstd:chunked --format oci \
	"docker-archive:$W/bb2.tar" "docker://$NAME" >"$W/out" 2>&1 || bail "push: $(tail -1 "$W/out")"
podman_ pull -q --tls-verify=false "$NAME" >"$W/out" 2>&1 || bail "pull: $(tail -1 "$W/out")"
table() { echo "$W"/podman/overlay-layers/*/=enN0ZC1jaHVua2VkLW1hbmlmZXN0; }
# shellcheck disable=SC2046
[ $(table | wc -w) = 2 ] && [ -z "$(find "$W/podman/overlay-layers" -name '*.tar-split.gz')" ] ||
	skip_all "this Podman does not pull in parts"
run_podman chunked "$NAME" sleep 1000 >/dev/null || bail "run"
list=$(podman_ inspect -f '{{.GraphDriver.Data.LowerDir}}' chunked)
A=$(readlink -f "${list##*:}") B=$(readlink -f "${list%%:*}")
why_of() { api GET /v1/layers | head -1 | jq -r --arg p "$1" '.items[] | select(.path == $p) | .verdict | "\(.how) \(.state): \(.why // "")"'; }

# Podman 4.3 gives everything to root: that is not as the image has it, and is said. Put right, and the rest is as it is.
daemon_start || bail "boltseald"
verdict_is "this Podman's owners" chunked broken
is "what is not as the image has it" "$(odds "$A")" "C home owner"
chown 100:100 "$A/home"
clean_() { bs diff chunked --exit-code; }
ok "put right: it is no drift any more" wait_until "$PATIENCE" clean_
bs verify chunked >"$W/out" 2>&1
is "put right: verify" "$?" 0 || diag "$(cat "$W/out")"
verdict_is "no more than consistent" chunked consistent
like "against what" "$(why_of "$A")" "^toc consistent: pulled in parts: it is as its table of contents says"
daemon_stop
rm -rf "$W/state"
same() { touch -r "$1" "$W/stamp"; "${@:2}"; touch -h -r "$W/stamp" "$1"; }
same "$A/etc/motd" sh -c "printf 'evilone\n' >'$A/etc/motd'"
chmod 4755 "$A/bin/busybox"
echo x >"$A/etc/cron"
rm "$A/opt/link" && ln -s ../etc/shadow "$A/opt/link"
rm "$A/etc/group" "$B/opt/keep/k2"
setfattr -n user.a -v b "$A/etc/app.conf"
setfattr -x trusted.overlay.opaque "$B/opt/del"
daemon_start || bail "boltseald"
verdict_is "tampered before the first start" chunked broken
is "the lower layer's names" "$(odds "$A")" "A etc/cron
C bin/busybox mode
C etc/app.conf xattr
C etc/motd content
C opt/link link
D etc/group"
is "the upper layer's names" "$(odds "$B")" "C opt/del xattr
D opt/keep/k2"
daemon_stop
rm -rf "$W/state"
podman_ restart -t 0 chunked >/dev/null # or it has other objects mounted than lie there now
for f in $(table); do echo '{"version":1,"entries":[{"type":"reg","name":"a/../b"}]}' >"$f"; done
daemon_start || bail "boltseald"
verdict_is "a table that is none" chunked unknown
finish
