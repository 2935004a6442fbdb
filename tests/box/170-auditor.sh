#!/bin/bash
# shellcheck disable=SC2015,SC2317 # bail ends; called by wait_until
# The auditor's proof: a copy of the store, the host's public key and the image's archive prove, on another machine and by
# an ordinary user, that what ran was that image. A layer that was changed before boltseal came, and a store that was
# changed after it went, are both found there.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need busybox jq setpriv python3
need_daemon
work_dir
daemon_config <<-YAML
	trust: {checkpoint_interval: 1s}
YAML
engine_docker_start || bail "dockerd"
BUSYBOX=$(command -v busybox) ID=()
for name in good evil; do
	mkdir -p "$W/$name"
	cp -a "$BUSYBOX" "$W/$name/busybox"
	busybox_tree "$W/$name/tree" && echo "image $name" >"$W/$name/tree/etc/motd" && tar_ "$W/$name/tree" "$W/$name/image.tar" || bail "the tree"
	docker_ import "$W/$name/image.tar" "audit-$name:1" >/dev/null && docker_ save "audit-$name:1" -o "$W/$name/saved.tar" || bail "the image"
	chmod 644 "$W/$name/saved.tar"
	ID+=("$(run_docker "$name" "audit-$name:1" /bin/sleep 3600)") || bail "the container"
done
layer_of() { docker_ inspect -f '{{.GraphDriver.Data.LowerDir}}' "$1" | tr ':' '\n' | grep -v -- -init/ | head -1; }
sed -i 's/image/IMAGE/' "$(layer_of evil)/etc/motd" # of the same size
daemon_start || bail "boltseald"
proved_() { bs ps -o json | jq -e --arg id "$1" '.items[] | select(.id == $id) | .baselined and .verdict.state == $v' --arg v "$2"; }
ok "the host proves the one" wait_until 30 proved_ "${ID[0]}" proved
ok "and finds the other broken" wait_until 30 proved_ "${ID[1]}" broken
is "verify --all says so" "$(bs verify --all >"$W/all" 2>&1; echo $?)" 1
like "and names the file" "$(grep MISMATCH "$W/all")" '/etc/motd'
daemon_stop

# Elsewhere, as nobody.
mkdir -p "$W/audit/copy"
cp "$W/state/data.mdb" "$W/audit/copy/" && cp "$W/state/keys/host.pub" "$W/audit/"
chown -R 65534:65534 "$W/audit"
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups -- "$BIN/boltseal" --no-color --socket /nonexistent "$@"; }
for name in good evil; do
	ok "the image's own baseline is built of its archive: $name" as_nobody baseline build "$W/$name/saved.tar" --output "$W/audit/$name.baseline"
done
audit() { as_nobody verify --store "$W/audit/copy" --key "$W/audit/host.pub" "$@" >"$W/proof" 2>&1; }
audit --golden "$W/audit/good.baseline"
like "the store is as its last checkpoint says" "$(cat "$W/proof")" 'ok +seal +store +nothing was written after checkpoint'
like "which the host's key has signed" "$(cat "$W/proof")" 'ok +checkpoint '
like "its layer is the image's" "$(cat "$W/proof")" 'ok +golden +sha256:[0-9a-f]{64} +[0-9]+ records, as the image has them'
like "and that the other one was broken is there too" "$(cat "$W/proof")" 'MISMATCH +proof .*etc/motd'
audit --golden "$W/audit/evil.baseline"
like "the other one's is not its image's" "$(cat "$W/proof")" 'MISMATCH +golden +sha256:[0-9a-f]{64} +what is stored of .* is not this layer'
like "which nobody is told twice" "$(grep -c 'MISMATCH *golden' "$W/proof")" '^1$'
python3 - "$W/audit/copy/data.mdb" <<'X'
import sys
d = open(sys.argv[1], "rb").read()
# Pages that are free still have older copies of it.
open(sys.argv[1], "wb").write(d.replace(b'"type":"target.found"', b'"type":"target.fOund"'))
X
audit
like "one flipped bit in the copy is found, and where" "$(cat "$W/proof")" 'MISMATCH +journal +journal +event [0-9]+'
finish
