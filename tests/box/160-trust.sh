#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# The journal is signed by the host's key: who copies the store or what a receiver stored proves it with
# the public half alone, elsewhere, as anybody; who alters, removes, adds or rolls back is found.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare pivot_root busybox nsenter jq setpriv openssl
need_daemon
work_dir
install -d -m 777 "$W/receiver"
daemon_config <<-YAML
	heartbeat: {interval: 1s}
	trust: {checkpoint_every: 20, checkpoint_interval: 1s, keys_dir: $W/keys}
	sinks: [{name: kept, type: file, address: $W/receiver/all, from: beginning}]
YAML
daemon_start || bail "boltseald"
is "the host's key is the sensor's alone" "$(stat -c %a "$W/state/keys/host.key")" 600
ok "its public half is what openssl reads" openssl pkey -pubin -in "$W/state/keys/host.pub" -noout
cp "$W/state/keys/host.pub" "$W/host.pub"
chmod 644 "$W/host.pub"

MINIBOX_VISIBLE=1 minibox box || bail "minibox"
ID=$(printf %s "$W/mini/box/upper" | sha256sum | cut -d' ' -f1)
wait_until 20 target_is_known_ "$ID" || bail "the box is not found"
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
wait_until 20 baselined_ || bail "it has no baseline"
minibox_exec "$MINI_PID" sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo $i >/srv$i; done; echo x >>/etc/passwd'
wait_until "$PATIENCE" has_event change '.change.path == "/etc/passwd"'
signed_() { # a checkpoint covers the change of /etc/passwd
	local seq
	seq=$(events --type change | jq -s 'map(select(.change.path == "/etc/passwd"))[-1].seq')
	events --type checkpoint | jq -es --argjson s "$seq" 'any(.[].checkpoint; .to >= $s)'
}
ok "a checkpoint follows" wait_until 10 signed_
like "people read it so" "$(bs log --type checkpoint 2>/dev/null | head -1)" 'entries 1 to [0-9]+ signed by key [0-9a-f]{12}'
idle_() { local n; n=$(events --type checkpoint | wc -l); wait_until 10 beats_more_ 4; [ "$(events --type checkpoint | wc -l)" = "$n" ]; }
beats_more_() { BEATS=${BEATS:-$(events --type heartbeat | wc -l)}; [ "$(events --type heartbeat | wc -l)" -ge $((BEATS + $1)) ]; }
ok "heartbeats alone make no checkpoint by time" idle_

verify() { timeout 60 "$BIN/boltseal" --no-color --socket "${SOCKET:-/nonexistent}" verify "$@"; }
says() { verify "$@" >"$W/proof" 2>&1; echo $?; }
is "the live journal is proven by a key that the daemon does not choose" "$(SOCKET=$W/run/s.sock says journal --key "$W/host.pub")" 0
like "and it is said by whom it was signed" "$(cat "$W/proof")" '^ok +checkpoint +.* signed by host'
is "the daemon proves it too" "$(bs verify journal >"$W/proof" 2>&1; echo $?)" 0
like "by the store's own key" "$(cat "$W/proof")" 'the key that the store itself names'
like "the host's key can be asked for" "$(bs key show host 2>&1)" '^host +[0-9a-f]{12} +good'
bs -o json key show host | jq -j '.items[0].pem' >"$W/asked.pub"
ok "and is the one that lies beside the store" cmp "$W/asked.pub" <(sed -n '/BEGIN/,$p' "$W/host.pub")
CHANGE=$(events --type change | jq -s '.[0].seq')
ok "one entry's proof is written" bs log --prove "$CHANGE" --output "$W/entry.proof"
is "and proves it, off-line" "$(says entry "$W/entry.proof" --key "$W/host.pub")" 0
like "by the checkpoint's signature" "$(cat "$W/proof")" '^ok +entry .*in the signed tree'
sed 's|"type":"change"|"type":"canary"|' "$W/entry.proof" >"$W/entry.forged"
is "one that was altered is found" "$(says entry "$W/entry.forged" --key "$W/host.pub")" 1
SEQ=$(events --type checkpoint | jq -s '.[-1].seq')
CID=$(events --type checkpoint | jq -rs '.[-1].id')
mkdir "$W/old"
cp "$W/state/data.mdb" "$W/old/"
is "a copy of a store in use is proven, up to what is not signed yet" \
	"$(says --store "$W/old" --key "$W/host.pub" --allow-tail)" 0
minibox_exec "$MINI_PID" sh -c 'echo y >>/etc/passwd; chmod 600 /etc/passwd'
newer_() { [ "$(jq -s 'map(select(.type == "checkpoint"))[-1].seq' "$W/receiver/all")" -gt "$SEQ" ]; }
ok "the receiver gets the next one" wait_until 10 newer_
daemon_stop

# An auditor: another place, another user, the public key.
install -d -m 755 "$W/copy"
cp "$W/state/data.mdb" "$W/copy/"
chown -R nobody "$W/copy"
chmod 755 "$W" "$W/copy"
ROOM=$(mktemp -d)
leave_room() { rm -rf "$ROOM"; }
at_exit leave_room
cp "$BIN/boltseal" "$BIN/boltseal-proof" "$W/host.pub" "$ROOM"
cp -r "$W/copy" "$ROOM/store"
chmod -R go+rX "$ROOM"
chown -R nobody "$ROOM/store"
auditor() { setpriv --reuid=65534 --regid=65534 --clear-groups "$ROOM/boltseal" --no-color verify "$@" >"$W/proof" 2>&1; echo $?; }
is "another user on another machine proves the copy" "$(auditor --store "$ROOM/store" --key "$ROOM/host.pub")" 0
like "each entry" "$(cat "$W/proof")" '^ok +journal +.*in one chain'
like "what was signed, when the daemon stopped" "$(cat "$W/proof")" '^ok +checkpoint .*when the daemon stopped'
like "and the rest of it" "$(cat "$W/proof")" '^ok +seal .*nothing was written after'
is "a checkpoint that was kept elsewhere is in it" "$(says --store "$W/copy" --key "$W/host.pub" --checkpoint "$SEQ:$CID")" 0
NEW=$(jq -rs 'map(select(.type == "checkpoint"))[-1] | "\(.seq):\(.id)"' "$W/receiver/all")
is "a store that was rolled back is found by what the receiver has" \
	"$(says --store "$W/old" --key "$W/host.pub" --allow-tail --checkpoint "$NEW")" 1
like "and named" "$(cat "$W/proof")" '^MISMATCH +known .*rolled back'
openssl genpkey -algorithm ed25519 2>/dev/null | openssl pkey -pubout -out "$W/other.pub" 2>/dev/null
is "another key proves nothing" "$(says --store "$W/copy" --key "$W/other.pub")" 1
like "and says whose is needed" "$(cat "$W/proof")" '^MISMATCH +checkpoint .*not given'

# What a receiver stored.
from() { says journal --key "$W/host.pub" --from "$@"; }
LAST=$(grep -n '"type":"checkpoint"' "$W/receiver/all" | tail -1 | cut -d: -f1)
head -n "$LAST" "$W/receiver/all" >"$W/whole"
is "what a sink wrote is signed, up to a checkpoint that it has" "$(from "$W/whole")" 0
sed '$d' "$W/whole" >"$W/less"
is "a truncated tail is found" "$(from "$W/less")" 1
like "and named" "$(cat "$W/proof")" '^MISMATCH +checkpoint .*truncated'
# A forger with the whole chain but not the key: every id is computed anew.
cat >"$W/forge.py" <<'PY'
import hashlib, json, sys
def text(o): return json.dumps(o, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
prev, done = "0" * 64, False
for line in open(sys.argv[1], encoding="utf-8"):
    e = json.loads(line)
    if not done and e["type"] == "change":
        e["change"]["severity"] = e["severity"] = "info"
        done = True
    e["prev"] = prev
    e.pop("id")
    e["id"] = prev = hashlib.sha256(text(e).encode()).hexdigest()
    print(text(e))
PY
python3 "$W/forge.py" "$W/whole" >"$W/forged"
is "a chain that was rewritten from one entry on is whole by itself" "$(says journal --from "$W/forged")" 0
is "and fails at the signature" "$(from "$W/forged")" 1
like "of the checkpoint after it" "$(cat "$W/proof")" '^MISMATCH +checkpoint .*checkpoint [0-9]+: '

# Keys of people.
keys() { "$BIN/boltseal" --no-color --socket /nonexistent key "$@" --dir "$W/keys" >"$W/said" 2>&1; echo $?; }
mkdir -m 755 "$W/keys"
(umask 077; echo 'correct horse' >"$W/pass"; echo 'wrong horse' >"$W/wrong")
is "a key is made" "$(keys new alice --out "$W/alice.key" --passphrase-file "$W/pass" --expires 365d)" 0
is "its private half is the owner's alone" "$(stat -c %a "$W/alice.key")" 600
like "and locked" "$(cat "$W/alice.key")" 'BEGIN ENCRYPTED PRIVATE KEY'
install -m 644 "$W/alice.pub" "$W/keys/alice.pub"
is "those that are trusted are listed" "$(keys list)" 0
like "with what they are for" "$(cat "$W/said")" '^alice +[0-9a-f]{12} +good +20[0-9-]+T.* baseline,checkpoint,accept '
mkdir -p "$W/tree/etc"
echo hello >"$W/tree/etc/motd"
baseline() { "$BIN/boltseal" --no-color --socket /nonexistent baseline "$@" >"$W/said" 2>&1; echo $?; }
is "a baseline is built" "$(baseline build "$W/tree" --output "$W/b")" 0
is "that nobody signed is not verified" "$(baseline verify "$W/b" --key "$W/keys")" 1
is "a wrong passphrase signs nothing" "$(baseline sign "$W/b" --key "$W/alice.key" --passphrase-file "$W/wrong")" 2
like "and is said" "$(cat "$W/said")" 'wrong passphrase'
is "the right one does" "$(baseline sign "$W/b" --key "$W/alice.key" --passphrase-file "$W/pass" --comment 'release 7')" 0
is "and is verified" "$(baseline verify "$W/b" --key "$W/keys")" 0
like "with the words that were signed" "$(cat "$W/said")" '^ok +signature +alice .*release 7'
cp "$W/b" "$W/b2"
printf '\1' | dd of="$W/b2" bs=1 seek=$(($(stat -c %s "$W/b") - 1)) conv=notrunc status=none
is "an altered signature is found" "$(baseline verify "$W/b2" --key "$W/keys")" 1
chmod 640 "$W/alice.key"
is "a private key that others may read is refused" "$(baseline sign "$W/b" --key "$W/alice.key" --passphrase-file "$W/pass")" 2
like "and what to do is said" "$(cat "$W/said")" 'chmod 600'
is "the next key takes the name" "$(keys rotate alice --out "$W/alice2.key" --no-passphrase)" 0
is "what the old one signed stays good" "$(baseline verify "$W/b" --key "$W/keys")" 0
OLD=$(basename "$(ls "$W"/keys/alice.*.pub)" .pub)
is "a key that is lost is revoked" "$(keys revoke "$OLD" --reason 'laptop lost')" 0
is "and nothing it signed counts" "$(baseline verify "$W/b" --key "$W/keys")" 1
like "with the reason" "$(cat "$W/said")" 'revoked .*laptop lost'

# Two people for an accept.
is "bob has a key" "$(keys new bob --out "$W/bob.key" --no-passphrase)" 0
install -m 644 "$W/bob.pub" "$W/keys/bob.pub"
sed -i 's/trust: {/trust: {accept_signatures: 2, /' "$W/boltseal.yaml"
daemon_start || bail "boltseald"
wait_until 20 baselined_ || bail "it has no baseline"
accept() { "$BIN/boltseal" --no-color --socket "$W/run/s.sock" accept "$ID" --drift "$(drift_id "$ID")" --reason 'ticket 4711' "$@" >"$W/said" 2>&1; echo $?; }
is "an accept that nobody signed is refused" "$(accept)" 2
like "and what to do is said" "$(cat "$W/said")" 'signed by 2 keys'
is "one signature is not enough" "$(accept --sign "$W/bob.key")" 2
is "who signs first leaves a file" "$(accept --sign "$W/bob.key" --output "$W/4711.sig")" 0
is "the same key twice is one" "$(accept --sign "$W/bob.key" --with "$W/4711.sig")" 2
is "other words are not what was signed" "$("$BIN/boltseal" --socket "$W/run/s.sock" accept "$ID" --drift "$(drift_id "$ID")" \
	--reason 'ticket 4712' --sign "$W/alice2.key" --with "$W/4711.sig" >"$W/said" 2>&1; echo $?)" 2
is "two are" "$(accept --sign "$W/alice2.key" --with "$W/4711.sig")" 0
like "and the journal says who" "$(events --type baseline.accepted | jq -r .detail)" '^signed by bob, alice: '
like "as the generation does" "$(bs baseline list "$ID")" 'ticket 4711 \(signed by bob, alice\)'
daemon_stop
finish
