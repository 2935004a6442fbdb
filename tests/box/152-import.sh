#!/bin/bash
# shellcheck disable=SC2015,SC2317 # bail ends; called by wait_until
# A running container's baseline is exported, signed elsewhere, imported and listed; what was altered, cut or is not
# signed by a trusted key is refused, with its reason, and the journal has it. The signer is no part of boltseal.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need dockerd openssl python3 jq curl
need_daemon
work_dir
engine_docker_start || skip_all "dockerd does not start here"
image_busybox docker || bail "no image"
run_docker web bb:2 sleep 1000 >/dev/null || bail "docker run"

mkdir -p "$W/keys" "$W/secret"
for k in release other; do openssl genpkey -algorithm ed25519 -out "$W/secret/$k.pem" 2>/dev/null || bail "openssl"; done
openssl pkey -in "$W/secret/release.pem" -pubout -out "$W/keys/release.pub"
chmod 644 "$W/keys/release.pub"

# sign FILE KEY OUT: one block more, as lib/trust/sign.h says it is made.
cat >"$W/sign.py" <<'PY'
import hashlib, struct, subprocess, sys, tempfile
file, key, out = sys.argv[1:]
d = open(file, "rb").read()
at = d.index(b"\n") + 1
head, = struct.unpack_from(">I", d, at)
at += 4 + head + 1
n, = struct.unpack_from(">Q", d, at)
end = at + 8 + n
assert hashlib.sha256(d[:end]).digest() == d[end:end + 32]
der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
key_id, comment = hashlib.sha256(der).digest(), b"built by CI"
when = struct.pack(">q", 1767225600 * 10**9)
with tempfile.NamedTemporaryFile() as t:
    t.write(b"boltseal baseline\0" + d[end:end + 32] + key_id + when + struct.pack(">I", len(comment)) + comment)
    t.flush()
    sig = subprocess.run(["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", t.name], check=True, capture_output=True).stdout
block = b"\1\1" + key_id + when + struct.pack(">I", len(comment)) + comment + sig
open(out, "wb").write(d + struct.pack(">I", len(block)) + block)
PY
sign() { python3 "$W/sign.py" "$1" "$W/secret/$2.pem" "$3"; }
flip() { # flip FILE OFFSET OUT: one bit of the byte there; a negative one counts from the end
	python3 -c 'import sys
d = bytearray(open(sys.argv[1], "rb").read()); d[int(sys.argv[2])] ^= 4; open(sys.argv[3], "wb").write(d)' "$@"
}

start() { # start REQUIRE-SIGNED [ACCEPT-SIGNATURES]
	daemon_config <<-X
		trust: {keys_dir: $W/keys, require_signed: $1, accept_signatures: ${2:-0}}
	X
	daemon_start || bail "boltseald"
	wait_target web || bail "web is not found"
}
exported() { bs baseline export web --output "$W/web.baseline"; }
image() { docker_ inspect -f '{{.Image}}' web; }
golden() { bs baseline list --golden --format json | jq -r "$1"; }
refused() { # refused DESC FILE WORDS [OPTION…]
	local out
	out=$(bs baseline import "$2" "${@:4}" 2>&1) && tap_ 1 "$1: it was taken" || like "$1" "$out" "$3"
}

start false
wait_until "$PATIENCE" exported || bail "export: $(bs baseline export web --output "$W/web.baseline" 2>&1)"
like "export says what it wrote" "$(bs baseline export web --output "$W/web.baseline" 2>&1)" '^boltseal: .*web.baseline: [0-9]+ bytes'
ROOT=$(bs baseline inspect "$W/web.baseline" --format json | jq -r .root)
is "it is of the image that the container runs" \
	"$(bs baseline inspect "$W/web.baseline" --format json | jq -r .image)" "$(image)"
sign "$W/web.baseline" release "$W/signed"
sign "$W/web.baseline" other "$W/foreign"
bs baseline export web --generation 1 --output - >"$W/one" 2>/dev/null
is "generation 1 is the image alone, and has the same root" \
	"$(bs baseline inspect "$W/one" --format json | jq -r '[.root, .accepts] | join(" ")')" "$ROOT 0"
like "there is no golden baseline yet" "$(golden '.items | length')" '^0$'

# --- what is not taken, and told ---
size=$(stat -c %s "$W/web.baseline")
flip "$W/signed" $((size / 2)) "$W/bit"
flip "$W/signed" -1 "$W/badsig"
flip "$W/signed" 40 "$W/badhead"
head -c -1 "$W/signed" >"$W/cut"
head -c 10000 /dev/urandom >"$W/noise"
refused "a flipped bit of its records" "$W/bit" 'it was altered'
refused "a flipped bit of its header" "$W/badhead" 'it was altered|cut off'
refused "a flipped bit of its signature" "$W/badsig" 'key release: '
refused "a cut one" "$W/cut" 'cut off'
refused "no baseline file at all" "$W/noise" 'it is none'
event_ok "the journal has each of them, as high" baseline.refused '.severity == "high" and (.detail | test("it was altered"))'
is "all five" "$(events --type baseline.refused | jq -s length)" 5
: >"$W/empty"
refused "an empty file" "$W/empty" 'no file with something in it'
is "nothing of it is stored" "$(golden '.items | length')" 0

# --- what is taken ---
like "the signed one is taken" "$(bs baseline import "$W/signed" 2>&1)" "signed by release"
event_ok "the journal says of which image and by whom" baseline.imported \
	".severity == \"info\" and .uid == 0 and (.detail | test(\"$(image).*root ${ROOT#sha256:}, signed by release\"))"
is "it is listed" "$(golden '.items[] | ["sha256:" + .image.digest, "sha256:" + .root, .signed, .signatures[0].name] | join(" ")')" \
	"$(image) $ROOT true release"
like "for people too" "$(bs baseline list --golden)" 'bb:2 .* release '
is "the target says by what it is judged" \
	"$(bs ps --format json | jq -r '.items[] | select(.name == "web") | .golden | [.root, .signed_by[0], .lacks] | join(" ")')" \
	"${ROOT#sha256:} release false"
refused "an unsigned one in its place" "$W/web.baseline" 'is signed, and this file is not.*--replace'
is "with --replace it is taken" "$(bs baseline import "$W/web.baseline" --replace --format json | jq -r .signed)" false
like "one that is signed by a stranger is no better than unsigned" "$(bs baseline import "$W/foreign" 2>&1)" 'not signed by a key that is trusted here'
ok "and again the signed one" bs baseline import "$W/signed"
ok "a proof of all that is stored still holds" bs verify --all
is "its layers are golden snapshots" \
	"$(api GET /v1/layers | head -1 | jq -r '[.items[] | select(.kind == "golden") | .state] | unique | join(" ")')" complete

# --- another life of the daemon, which wants signatures ---
daemon_stop
start true
is "it is still there" "$(golden '.items[0].signed')" true
refused "an unsigned one under require_signed" "$W/web.baseline" 'not signed, and trust.require_signed' --replace
refused "a stranger's under require_signed" "$W/foreign" 'no key that is trusted here' --replace
event_ok "told as medium" baseline.refused '.severity == "medium" and (.detail | test("require_signed"))'

# --- a key that is revoked takes its word back, also for what it signed before ---
sed -i '1i revoked: 2026-01-02T00:00:00Z' "$W/keys/release.pub"
is "a revoked key's signature does not count any more" "$(golden '.items[0] | [.signed, .signatures[0].state] | join(" ")')" "false refused"
is "the target lacks a signed one" "$(bs ps --format json | jq -r '.items[] | select(.name == "web") | .golden.lacks')" true
like "ps says so" "$(bs ps)" 'web .*unsigned'
like "and doctor" "$(bs doctor 2>&1)" 'unsigned-baseline'
refused "nor is it taken" "$W/signed" 'revoked' --replace
sed -i 1d "$W/keys/release.pub"

# --- gone ---
short=$(image)
short=${short#sha256:}
ok "it is removed" bs baseline remove "${short:0:12}"
event_ok "the journal has it" baseline.removed '.severity == "medium"'
is "it is not listed" "$(golden '.items | length')" 0
refused_remove=$(bs baseline remove "${short:0:12}" 2>&1)
like "nor can it be removed twice" "$refused_remove" 'no golden baseline'
# --- what a golden baseline accepts is accepted in every container of the image ---
diff_of_() { [ "$(bs diff "$1" 2>/dev/null)" = "$2" ]; }
diff_of() { # DESC NAME LINES
	wait_until "$PATIENCE" diff_of_ "$2" "$3"
	is "$1" "$(bs diff "$2" 2>&1)" "$3"
}
generation() { bs baseline list "$1" --format json | jq -r ".items[0].generations[-1] | $2"; }
run_docker two bb:2 sleep 1000 >/dev/null || bail "docker run"
hotfix() { docker_ exec "$1" sh -c 'echo fix >/fix; rm /opt/mtime/f; touch -d @1700000000 /fix'; }
hotfix web
diff_of "a hotfix" web $'A /fix\nD /opt/mtime/f'
ok "is accepted" bs accept web --drift "$(drift_id web)" --reason "ticket 4711"
docker_ exec web sh -c 'echo soon >/soon; touch -d @1700000000 /soon'
diff_of "something for a while" web 'A /soon'
ok "is accepted, too" bs accept web --drift "$(drift_id web)" --reason "until next week" --expires 7d
ok "and exported" bs baseline export web --output "$W/fixed.baseline"
is "the file has all of it" "$(bs baseline inspect "$W/fixed.baseline" --format json | jq -r .accepts)" 3
sign "$W/fixed.baseline" release "$W/fixed"
daemon_stop
start true 2
refused "one key is not enough where accepts want two" "$W/fixed" 'accepts signed by 2 keys.*: 1 that may do so'
daemon_stop
start true 1
diff_of "another container has no drift" two ''
ok "imported" bs baseline import "$W/fixed"
diff_of "it lacks the hotfix now" two $'D /fix\nA /opt/mtime/f\nD /soon'
is "by generations that came with it" \
	"$(generation two '[.generation, .paths, .golden, .reason] | join(" ")' | sed 's/baseline [0-9a-f]*/baseline R/')" \
	"3 1 $(golden '.items[0].root') of the golden baseline R, signed by release: ticket 4711; until next week"
is "which hold as long as in the file" "$(generation two .expires)" "$(generation web .expires)"
event_ok "and were told" baseline.accepted '.generation == 3 and (.reason | test("signed by release")) and .target.name == "two"'
hotfix two
docker_ exec two sh -c 'echo soon >/soon; touch -d @1700000000 /soon'
diff_of "put right" two ''
diff_of "where it was accepted by hand there is nothing new" web ''
is "nor a generation" "$(generation web .generation)" 3
run_docker three bb:2 sleep 1000 >/dev/null || bail "docker run"
diff_of "one that starts later is held against it, too" three $'D /fix\nA /opt/mtime/f\nD /soon'
ok "imported again" bs baseline import "$W/fixed"
is "gives nothing twice" "$(generation two .generation)" 3
daemon_stop
docker_ exec two sh -c 'rm /fix'
start true 1
diff_of "what goes while nobody looks is missed" two 'D /fix'
bs verify --all >"$W/out" 2>&1
is "a proof of all that is stored holds" "$(grep -c '^MISMATCH' "$W/out")" 0 || diag "$(cat "$W/out")"
ok "the golden baseline goes" bs baseline remove "${short:0:12}"
docker_ rm -f two three web >/dev/null

golden_layers() { api GET /v1/layers | head -1 | jq -e '[.items[] | select(.kind == "golden")] | length == 0'; }
ok "its layers are forgotten" wait_until 20 golden_layers
finish
