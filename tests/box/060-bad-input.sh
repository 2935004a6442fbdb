#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2046,SC2119,SC2317 # as the other scenarios have them
# Whatever is asked, said, configured or found wrong: one clear sentence, the right status, and a
# daemon that goes on. No container engine is needed but for docker's own client.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare pivot_root busybox nsenter setpriv python3 curl jq mdb_dump mdb_load
[ -x "$BIN/boltseald" ] && [ -x "$BIN/boltseal" ] || bail "nothing is built in $BIN"
work_dir

# --- what is used below -------------------------------------------------------------------------
# cli DESC STATUS ERE WORD…: nothing on stdout, one line on stderr that fits, and that status.
cli() { cli_with "" "$@"; }
cli_with() { # the same after words for env, or for a shell
	local with=$1 desc=$2 status=$3 ere=$4 said rc
	shift 4
	# shellcheck disable=SC2086
	said=$(timeout 60 env $with "$BIN/boltseal" --socket "$W/run/s.sock" "$@" 2>&1)
	rc=$?
	if [ "$rc" = "$status" ] && [ "$(wc -l <<<"$said")" = 1 ] && grep -Eq "^boltseal: .*$ere" <<<"$said"; then
		tap_ 0 "cli: $desc"
	else
		tap_ 1 "cli: $desc"
		diag "boltseal $* -> $rc (wanted $status, one line like: $ere)"
		diag "$said"
	fi
}
# http DESC STATUS ERE METHOD PATH [CURL OPTION…]: a problem of that status whose detail fits;
# docker's routes say {"message"}.
http() {
	local desc=$1 status=$2 ere=$3 method=$4 path=$5 code type said
	shift 5
	code=$(curl -sS -m 30 -X "$method" --unix-socket "$W/run/s.sock" -o "$W/body" -D "$W/head" \
		-w '%{http_code} %{content_type}' "$@" "http://boltseal$path" 2>"$W/curl")
	type=${code#* } code=${code%% *}
	case $type in
	application/problem+json) said=$(jq -r "select(.status == $status and (.title | length) > 0 and (.type | startswith(\"urn:\"))) | .detail" "$W/body") ;;
	application/json) said=$(jq -r 'select(keys == ["message"]) | .message' "$W/body") ;;
	*) said= ;;
	esac
	if [ "$code" = "$status" ] && [ "$(wc -l <<<"$said")" = 1 ] && grep -Eq -- "$ere" <<<"$said"; then
		tap_ 0 "http $status: $desc"
	else
		tap_ 1 "http $status: $desc"
		diag "$method $path -> $code $type (wanted $status, like: $ere)"
		diag "$(cat "$W/curl" "$W/body")"
	fi
}
# refuses DESC ERE BOLTSEALD WORDS…: it ends with 2 and one sentence, and has not said "ready".
refuses() {
	local desc=$1 ere=$2 said rc n
	shift 2
	said=$(timeout 20 "$@" 2>&1)
	rc=$?
	n=$(grep -Ec '^(<[0-4]>|boltseald: )' <<<"$said")
	if [ "$rc" = 2 ] && [ "$n" = 1 ] && grep -E '^(<3>|boltseald: )' <<<"$said" | grep -Eq -- "$ere" &&
		! grep -q 'ready on' <<<"$said"; then
		tap_ 0 "boltseald: $desc"
	else
		tap_ 1 "boltseald: $desc"
		diag "ran: $*"
		diag "status $rc (wanted 2), $n sentences (wanted 1, like: $ere)"
		diag "$said"
	fi
}
D=$BIN/boltseald
sub=$W/sub # daemons beside the first one have all theirs in here
mkdir -p "$sub"
printf 'group: root\nhost_defaults: false\nruntimes: {ignore: [/var/lib]}\n' >"$sub/ok.yaml"
chmod 644 "$sub/ok.yaml"
beside() { # beside NAME [OPTION…]: words of one that would start
	local name=$1
	shift
	echo "$D" --config "$sub/ok.yaml" --state-dir "$sub/$name" --socket "$sub/$name.run/s.sock" "$@"
}

# --- a container, two host trees, and a third whose id begins like the container's ------------------
minibox web || bail "minibox"
PID=$MINI_PID
ID=$(printf %s "$W/mini/web/upper" | sha256sum | cut -d' ' -f1)
mkdir -p "$W/tree/sub" "$W/tree/left-out" "$W/cup"
echo a >"$W/tree/sub/f" && echo b >"$W/tree/left-out/f"
alike=$(python3 - "$W" "${ID:0:3}" <<'PY'
import hashlib, sys
for i in range(1000000):
    p = "%s/alike%d" % (sys.argv[1], i)
    if hashlib.sha256(b"host:" + p.encode()).hexdigest().startswith(sys.argv[2]):
        print(p)
        break
PY
)
mkdir "$alike"
daemon_config <<<"host:
  - {path: $W/tree, name: zq-pot, exclude: [/left-out]}
  - {path: $W/cup, name: zq-cup}
  - {path: $alike, name: zq}
"
daemon_start || bail "boltseald"
wait_target "$ID" && wait_target zq-pot && wait_target zq-cup && wait_target zq || bail "its targets"

# Slow ones are begun now and asked about at the end.
python3 - "$W/run/s.sock" >"$W/slow" 2>&1 <<'PY' &
import select, socket, sys, time
def dial():
    s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); return s
head = b"GET /v1/status HTTP/1.1\r\nHost: x\r\nX-Slow: yes\r\n\r\n"
slow, body, deaf = dial(), dial(), dial()
body.sendall(b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
deaf.setblocking(False)
try: # asks and asks and never reads
    while True: deaf.send(b"GET /v1/openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
except BlockingIOError: pass
start, got, at = time.time(), {}, 0
while len(got) < 2 and time.time() - start < 25:
    for name, s, byte in (("head", slow, head[at % len(head):][:1]), ("body", body, b" ")):
        if name in got: continue
        try:
            if not select.select([s], [], [], 0)[0]: s.send(byte)
        except OSError: pass
        if select.select([s], [], [], 0)[0]: got[name] = s.recv(4096)
    at += 1
    select.select([x for n, x in (("head", slow), ("body", body)) if n not in got], [], [], 1)
for name, text in sorted(got.items()):
    line, _, rest = text.partition(b"\r\n")
    length = int(rest.lower().partition(b"content-length: ")[2].split(b"\r")[0] or 0)
    whole = len(rest.partition(b"\r\n\r\n")[2]) == length
    print(name, line.decode(), "whole" if whole else "cut", "%.0f s" % (time.time() - start))
PY
slow_pid=$!
at_exit "kill $slow_pid 2>/dev/null"

# --- which target -------------------------------------------------------------------------------
none="no target is called zz-none; .boltseal ps -a. lists them"
for words in "diff zz-none" "show zz-none /x" "log zz-none" "rescan zz-none" "verify zz-none" \
	"baseline list zz-none" "baseline show zz-none 1" "diff zq --against zz-none" \
	"accept zz-none --drift $(printf 'e%.0s' {1..64}) --reason x"; do
	# shellcheck disable=SC2086
	cli "unknown target: ${words:0:30}" 2 "$none" $words
done
cli "an empty target" 2 "a word is empty: boltseal diff TARGET" diff ""
cli "a prefix of two names lists both" 2 "zq- fits more than one target; .*zq-cup \([0-9a-f]{12}\).*zq-pot|zq-pot.*zq-cup" diff zq-
cli "a prefix of two ids lists both" 2 "zq \(${ID:0:3}" diff "${ID:0:3}"
is "a prefix of one name" "$(bs diff zq-p -o json | jq -r .target.name)" zq-pot
is "a whole name wins over longer ones" "$(bs diff zq -o json | jq -r .target.name)" zq
is "a prefix of one id" "$(bs diff "${ID:0:20}" -o json | jq -r .target.id)" "$ID"
T=/v1/targets/$ID
http "unknown target" 404 "no target is called zz-none" GET /v1/targets/zz-none/drift
http "ambiguous prefix" 409 "zq- fits more than one target" GET /v1/targets/zq-
is "its candidates" "$(jq -r '.candidates | map(split(" ")[0]) | sort | join(" ")' "$W/body")" "zq-cup zq-pot"
http "docker's route: unknown" 404 '^No such container: zz-none$' GET /v1.41/containers/zz-none/changes
http "docker's route: ambiguous" 409 'fits more than one target.*zq-(cup|pot)' GET /v1.41/containers/zq-/changes
http "docker's route: what it does not have" 501 'docker ps, diff and version only' GET /v1.41/images/json
http "docker's route: too new" 400 'is too new. Maximum supported API version' GET /v1.99/containers/json
if command -v docker >/dev/null; then
	like "docker's client: unknown" "$(stock diff zz-none 2>&1)" '^Error response from daemon: No such container: zz-none$'
	like "docker's client: ambiguous" "$(stock diff zq- 2>&1)" '^Error response from daemon: zq- fits more than one'
	like "docker's client: what it does not have" "$(stock images 2>&1)" '^Error response from daemon: boltseal answers docker ps'
else skip "docker's client" "no docker"; fi

code() { curl -sS -m 10 --unix-socket "$W/run/s.sock" -o /dev/null -w '%{http_code}' "$@"; }
as() { setpriv --reuid=65533 --regid=65533 --clear-groups "$@"; } # has no role
chmod 755 "$W" "$W/run" && chmod 666 "$W/run/s.sock"
head=$(as curl -sS -m 10 -i --unix-socket "$W/run/s.sock" http://boltseal/_ping)
like "docker's route: without a role" "$head" '^HTTP/1.1 403 '
like "it says the version all the same" "$head" '^Api-Version: 1\.'
is "and before any version: the role" "$(as curl -sS --unix-socket "$W/run/s.sock" http://boltseal/v1.99/version | jq -r .message | grep -c 'it takes the role viewer')" 1
if command -v docker >/dev/null; then
	like "docker's client: without a role" "$(as env HOME=/ docker -H "unix://$W/run/s.sock" ps 2>&1)" 'uid 65533 may not do this: it takes the role viewer'
else skip "docker's client without a role" "no docker"; fi
chmod 660 "$W/run/s.sock"
cp "$BIN/boltseal" "$W/boltseal-c"
for how in --mount "--mount --pid --fork"; do
	# shellcheck disable=SC2086
	like "from another namespace ($how): root may not change a thing" \
		"$(unshare $how "$W/boltseal-c" --socket "$W/run/s.sock" rescan "$ID" 2>&1; echo "-> $?")" \
		'^boltseal: .*it is in another (mount|pid) namespace.*'
	# shellcheck disable=SC2086
	ok "but look" unshare $how "$W/boltseal-c" --socket "$W/run/s.sock" diff "$ID"
done
ok "from another root of ours it may" chroot / "$W/boltseal-c" --socket "$W/run/s.sock" rescan "$ID"

# --- a path that is nowhere, and one that is gone with its directory -------------------------------
pot_is_baselined_() { bs ps -o json | jq -e '.items[] | select(.name == "zq-pot") | .baselined'; }
wait_until 60 pot_is_baselined_ || bail "zq-pot has no baseline"
nowhere="nothing of [^ ]+ is kept at /nope, in its baseline or now"
cli "diff of a path that is nowhere" 0 "$nowhere" diff "$ID" /nope
cli "diff of it below a file" 0 "is kept at /etc/motd/x, in" diff "$ID" /etc/motd/x
is "diff of one that is there says nothing" "$(bs diff "$ID" /etc//./motd/ 2>&1)" ""
cli "show of it" 2 "$nowhere" show "$ID" /nope
cli "show of it, on a host tree" 2 "nothing of zq-pot is kept at /sub/nope, in" show zq-pot /sub/nope
cli "rescan of it" 2 "/nope is neither in the baseline nor there now" rescan "$ID" /nope
cli "rescan of it, on a host tree" 2 "/sub/nope is neither in the baseline nor there now" rescan zq-pot /sub/nope
cli "rescan of what is excluded" 2 "the configuration excludes it" rescan zq-pot /left-out/f
ok "rescan of one that is there" bs rescan "$ID" /etc/motd
http "file: nowhere" 404 "$nowhere" GET "$T/file?path=/nope"
http "patch: nowhere" 404 'no regular file there' GET "$T/patch?path=/nope"
http "rescan: nowhere" 404 '/nope is neither in the baseline nor there now' POST "$T/rescan" -d '{"path":"/nope"}'
is "drift: nowhere is told, byte for byte" \
	"$(api GET "$T/drift?path=/nope&path=/etc&path=/x%ff" | head -1 | jq -c '[.nowhere[] | [.path, .path_b64]]')" \
	'[["/nope",null],["/x'$'\xef\xbf\xbd''","L3j/"]]'
minibox_exec "$PID" sh -c 'rm -r /opt/app; mount -t tmpfs none /opt/keep; echo x >>/etc/motd; echo y >/was'
drift_is "a directory is deleted, one hidden" "$ID" "C /etc/motd
D /opt/app
C /opt/keep
A /was"
is "what was in the deleted one is not clean" "$(bs diff "$ID" /opt/app/version; echo $?)" "D /opt/app
1"
is "nor what is hidden, nor twice" "$(bs diff "$ID" /opt/keep/k1 /opt/app/version /opt/app; echo $?)" "D /opt/app
C /opt/keep
1"
like "show says what became of it" "$(bs show "$ID" /opt/app/version)" "a directory above it is deleted"
like "and what hides it" "$(bs show "$ID" /opt/keep/k1)" "a mount covers a directory above it.*; it is tmpfs"
like "of the place itself, too" "$(bs show "$ID" /opt/keep)" "a mount covers it.*; it is tmpfs"
minibox_exec "$PID" rm /was
drift_is "what came goes" "$ID" "" /was
like "show of what came and went has its events" "$(bs show "$ID" /was)" "change.cleared .*A /was"

# --- accepting ------------------------------------------------------------------------------------
id=$(drift_id "$ID") other=$(printf 'e%.0s' {1..64})
cli "accept without --drift" 2 "accept needs --drift ID" accept "$ID" --reason x
cli "accept without --reason" 2 "accept needs --reason TEXT" accept "$ID" --drift "$id"
cli "accept with a blank reason" 2 "accept needs --reason TEXT" accept "$ID" --drift "$id" --reason "  "
cli "accept with half an id" 2 "is not a drift id, nor its first 8 hex digits or more" accept "$ID" --drift "${id:0:7}" --reason x
cli "accept of another drift" 2 "moved since eeeeeeeeeeee: look again" accept "$ID" --drift "$other" --reason x
cli "accept until yesterday" 2 "expires must lie in the future" accept "$ID" --drift "$id" --reason x --expires 2020-01-01
cli "accept until never" 2 "--expires: never: not a time such as" accept "$ID" --drift "$id" --reason x --expires never
cli "accept where nothing drifts" 2 "no drift is there to accept" accept "$ID" /etc/passwd --drift "$id" --reason x
is "nothing of this was accepted" "$(bs baseline list "$ID" -o json | jq '.items[0].generations | length')" 1
m="If-Match: \"$other\""
http "accept without If-Match" 428 'say which drift is accepted: If-Match' POST "$T/accept" -d '{"reason":"x"}'
http "accept with a malformed one" 400 'If-Match must be a drift id: 64 hex digits' POST "$T/accept" -d '{"reason":"x"}' -H 'If-Match: *'
http "accept of another drift" 412 "the drift has moved since: it is $id now" POST "$T/accept" -d '{"reason":"x"}' -H "$m"
http "accept without a reason" 400 'a reason is required' POST "$T/accept" -d '{}' -H "$m"
http "accept of no paths" 400 'paths must be a list with something in it' POST "$T/accept" -d '{"reason":"x","paths":[]}' -H "$m"
http "accept of broken base64" 400 'paths_b64: base64' POST "$T/accept" -d '{"reason":"x","paths_b64":["!!"]}' -H "$m"
bs accept "$ID" /opt/app --drift "${id:0:8}" --reason fine >/dev/null
like "what was accepted is a table" "$(bs baseline show "$ID" 2)" '^D +2 +- +/opt/app$'
like "and show knows" "$(bs show "$ID" /opt/app/version)" "it was accepted that a directory above it is gone"
cli "a generation that is not there" 2 'there is no generation 9 of it; .boltseal baseline list. lists them' baseline show "$ID" 9
cli "a generation that is no number" 2 'generation: two: not a whole decimal number' baseline show "$ID" two
cli "diff against it" 2 'there is no generation 9; the newest is 2' diff "$ID" --against gen:9
cli "diff against other layers" 2 'do not stack the same image layers' diff "$ID" --against zq

last=$(bs status -o json | jq .last_seq)
cli "log from beyond the end" 2 "the journal ends at seq [0-9]+: 999999 is of another journal; begin with since=0" log --since 999999
is "log from the end has what came since" "$(bs log --since "$last" >/dev/null; echo $?)" 0
http "events from beyond the end" 416 'the journal ends at seq [0-9]+: 999999 is of another journal' GET '/v1/events?since=999999'
http "the same, resumed" 416 'is of another journal' GET /v1/events -H 'Accept: text/event-stream' -H 'Last-Event-ID: 999999'
is "HEAD of events" "$(code -I http://boltseal/v1/events)" 200

# --- HTTP: addresses, queries, bodies ----------------------------------------------------------------
http "unknown address" 404 'nothing is at this address' GET /v1/nope
http "wrong method" 405 'POST is not for this address; use GET, HEAD' POST /v1/status
like "with Allow" "$(cat "$W/head")" '^Allow: GET, HEAD'
http "wrong method" 405 'use POST' GET "$T/rescan"
http "malformed cursor" 400 'the cursor is not one that this address gave' GET "$T/drift?cursor=%21"
http "a cursor of its own making" 400 'the cursor is not one that this address gave' GET "$T/drift?cursor=ZXRj"
for q in 'limit=0#limit: 0 is not between' 'limit=x#limit: x: not a whole' 'limit=1&limit=2#given twice' \
	'kind=X#letters A, C and D' 'severity=nice#severity is info, low' 'zz=1#zz: no such query parameter' \
	'path=etc#etc: a path begins with' 'path=/a%00b#a NUL byte' 'path=/a%zz#a broken % escape' \
	'path=/a/../b#a path is without' "path=/$(printf 'a%.0s' {1..4096})#at most 4095 bytes" \
	'against=gen:x#takes the number of a generation'; do
	http "drift?${q:0:20}" 400 "${q#*#}" GET "$T/drift?${q%%#*}"
done
for q in 'since=x#since: x: not a time' 'until=x#until: x: not a time' 'type=x#x: no such type of event; there are change, ' \
	'follow=x#follow is either 1 or 0' 'path=/%5B#a bracket that is not closed' \
	'since=2026-02-02&until=2026-01-01#until lies before since'; do
	http "events?${q:0:20}" 400 "${q#*#}" GET "/v1/events?${q%%#*}"
done
http "targets?state" 400 'state is running, stopped or removed' GET '/v1/targets?state=fine'
for b in '{"path":#the body is not JSON' '[]#must be a JSON object' '{"pth":"/"}#pth. that is not known' '{"path":5}#path must be a text' \
	'{"path":"etc"}#a path begins with' '{"path":"/a\u0000"}#no NUL' '{"path":"/","path":"/"}#the body is not JSON'; do
	http "rescan ${b%%#*}" 400 "${b#*#}" POST "$T/rescan" -d "${b%%#*}"
done
http "verify of what?" 400 'what is journal, layers or all' POST /v1/verify -d '{"what":"x"}'
head -c 1100000 /dev/zero | tr '\0' ' ' >"$W/big"
http "a body too large" 413 'at most 1048576 bytes' POST "$T/accept" --data-binary "@$W/big" -H Expect: -H "$m"
http "the same in chunks" 413 'at most 1048576 bytes' POST "$T/accept" --data-binary "@$W/big" -H Expect: -H "$m" -H 'Transfer-Encoding: chunked'

# --- HTTP that is none ----------------------------------------------------------------------------
is "broken HTTP gets a status or is closed" "$(python3 - "$W/run/s.sock" <<'PY'
import socket, sys
def ask(name, data):
    s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1])
    out = b""
    try:
        s.sendall(data)
        while True:
            b = s.recv(65536)
            if not b: break
            out += b
    except ConnectionError: pass
    except TimeoutError: out = b"HTTP/1.1 it hangs"
    print(name, out.split(b"\r\n")[0].decode()[9:12] or "closed")
post = b"POST /v1/verify HTTP/1.1\r\nHost: x\r\n"
ask("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
ask("no version", b"GET /v1/status\r\n\r\n")
ask("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
ask("long address", b"GET /" + b"a" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
ask("long header", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40000 + b"\r\n\r\n")
ask("both lengths", post + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
ask("length -3", post + b"Content-Length: -3\r\n\r\n")
ask("bad chunk", post + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n")
ask("NUL", b"GET /health\0z HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
PY
)" "garbage closed
no version 400
HTTP/2 505
long address 414
long header 431
both lengths 400
length -3 400
bad chunk 400
NUL 404"

# --- the command line's own ---------------------------------------------------------------------------
cli "no command" 2 "no command: .boltseal help."
cli "unknown command" 2 "unknown command dif: did you mean diff" dif "$ID"
cli "one like no other" 2 "unknown command frobnicate: .boltseal help. lists" frobnicate
cli "unknown option" 2 "unknown option --aginst: did you mean --against" diff "$ID" --aginst image
cli "an option without its value" 2 "--against needs a value" diff "$ID" --against
cli "too few words" 2 "show needs more words: boltseal show TARGET PATH" show "$ID"
cli "too many words" 2 "x is one word too many" status x
cli "unknown format" 2 "unknown format xml: it is table, json or jsonl" ps --format xml
cli "options that exclude each other" 2 "choose one" diff "$ID" -l -p
cli "options that exclude each other" 2 "leave them or --docker out" diff "$ID" /etc --docker
cli "a relative path" 2 "etc is not a path in the target: begin it with /" diff "$ID" etc
cli "a path too long" 2 "at most 4095 bytes" diff "$ID" "/$(printf 'a%.0s' {1..4096})"
cli "a path with .." 2 "a path is without" show "$ID" /etc/../etc
cli "log --since when?" 2 "--since: soon: not a time such as" log --since soon
cli "log until before since" 2 "until lies before since" log --since 2h --until 3h
cli "log of no such type" 2 "x: no such type of event; there are change, " log --type x
cli "log of no such severity" 2 "severity is info, low, medium, high or critical" log --severity x
cli "control bytes in a word" 2 'unknown command x\\033\[2J' $'x\e[2J'
lost="cannot write the answer"
for words in ps "log -o jsonl" "diff $ID" "verify journal" help; do
	# shellcheck disable=SC2086
	like "$words on a full disk" "$(bs $words 2>&1 >/dev/full; echo " -> $?")" "^boltseal: $lost: No space left on device"
done
# shellcheck disable=SC2086
is "its status" "$(bs ps 2>/dev/null >/dev/full; echo $?)" 2
(trap '' PIPE; bs ps 2>"$W/pipe"; echo "-> $?" >>"$W/pipe") | true
is "into a closed pipe" "$(cat "$W/pipe")" "boltseal: $lost: Broken pipe
-> 2"
bs log -o jsonl 2>"$W/pipe" | true
is "a reader that has enough is no error to tell" "$(cat "$W/pipe")" ""
like "the socket by BOLTSEAL_SOCKET" "$(BOLTSEAL_SOCKET=$W/run/s.sock "$BIN/boltseal" ps)" zq-pot
cli "no daemon there" 2 "cannot reach boltseald at /nonexistent/s: No such file or directory: is it running\? .systemctl start boltseald." --socket /nonexistent/s ps
cli "a file where the socket should be" 2 "it is not a socket: give another with --socket or BOLTSEAL_SOCKET" --socket "$W/big" ps
cli "a socket whose name is too long" 2 "a socket's path has 1 to 107 bytes" --socket "/$(printf 'a%.0s' {1..120})" ps
cli "no socket at all" 2 "--socket is empty" --socket= ps
install -m 755 "$BIN/boltseal" "$BIN/boltseald" "$W/"
like "a socket that one may not use" "$(setpriv --reuid=65534 --regid=65534 --clear-groups "$W/boltseal" --socket "$W/run/s.sock" ps 2>&1; echo "-> $?")" \
	'^boltseal: cannot reach boltseald at .*: Permission denied: join the group boltseal'
python3 - "$W/fake" "$W/fake.up" <<'PY' &
import os, socket, sys
says = [b"\x00\xff\x1b[2J nonsense\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"]
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(9); os.mkdir(sys.argv[2])
for text in says:
    c, _ = s.accept(); c.recv(9999); c.sendall(text); c.close()
s.close()
PY
fake=$!
at_exit "kill $fake 2>/dev/null"
wait_until 10 test -d "$W/fake.up"
cli "a daemon of garbage" 2 "not HTTP that makes sense" --socket "$W/fake" ps
cli "one that hangs up" 2 "closed before an answer came" --socket "$W/fake" ps
cli "one that breaks off" 2 "the answer broke off" --socket "$W/fake" ps
cli "one that speaks no JSON" 2 "does not speak boltseal's JSON" --socket "$W/fake" ps
cli "one that only says 500" 2 "answered with status 500: see .journalctl -u boltseald." --socket "$W/fake" ps
wait "$fake"
cli "a socket that a dead one left" 2 "Connection refused: is it running" --socket "$W/fake" ps

# --- configuration --------------------------------------------------------------------------------
while IFS='#' read -r desc text ere; do
	printf '%b' "$text" >"$sub/c.yaml"
	refuses "$desc" "^boltseald: $sub/c.yaml:$ere" "$D" --config "$sub/c.yaml" --check-config
done <<'CASES'
an unknown key#log:\n  lvel: note\n#2:3: log.lvel: unknown key, did you mean "level"
an unknown key at the top#nope: 1\n#1:1: nope: unknown key, allowed log
a wrong type#watch:\n  workers: many\n#2:12: watch.workers: many: not a whole decimal number, allowed 0 to 64
a list for a mapping#- a\n#1:1: a list or text where a mapping belongs
out of range#watch: {workers: 65}\n#1:18: watch.workers: 65: out of range, allowed 0 to 64
a word of no list#log: {level: loud}\n#1:14: log.level: loud: unknown, allowed err
a key twice#log: {}\nlog: {}\n#2:1: log: given twice
what must be given#host:\n  - name: x\n#2:5: host\[\].path: missing
a sink without a port#sinks:\n  - name: s\n    type: syslog\n    address: tcp://h\n#4:14: sinks\[\] s: address: there is no port
a sink's file that is no path#sinks:\n  - {name: s, type: file, address: rel}\n#2:36: sinks\[\] s: address: .*an absolute path
an anchor#log: &a {level: note}\n#1:6: anchors
an alias#log: *a\n#1:6: alias
broken YAML#log: [\n#2:1: not YAML
no UTF-8#a: \xff\n#1:[0-9]+: not UTF-8
CASES
printf 'nope: 1\n' >"$sub/c.yaml"
refuses "a wrong configuration does not start" 'c.yaml:1:1: nope: unknown key' \
	"$D" --config "$sub/c.yaml" --state-dir "$sub/never" --socket "$sub/never.run/s.sock"
not_ok "and makes nothing" test -e "$sub/never" -o -e "$sub/never.run"
refuses "a configuration that is missing" 'cannot be read: .*/missing.yaml: No such file' "$D" --config "$sub/missing.yaml" --check-config
install -m 600 "$sub/ok.yaml" "$sub/secret.yaml"
refuses "one that may not be read" 'cannot be read: .*: Permission denied' \
	setpriv --reuid=65534 --regid=65534 --clear-groups "$W/boltseald" --config "$sub/secret.yaml" --check-config
refuses "one that the gateway may not read" 'secret.yaml: the gateway .* cannot read it' \
	"$D" --config "$sub/secret.yaml" --state-dir "$sub/a" --socket "$sub/a.run/s.sock"
refuses "an unknown option" 'unknown option --zzz, see boltseald --help' "$D" --zzz
refuses "an unknown role" 'unknown role x, allowed sensor or gateway' "$D" x
is "--check-config of a right one" "$("$D" --config "$sub/ok.yaml" --check-config; echo $?)" "$sub/ok.yaml: ok
0"
mkdir "$sub/empty.d" && { cat "$sub/ok.yaml" && echo "rules_dir: $sub/empty.d"; } >"$sub/norules.yaml"
like "one without any rules is warned of" "$("$D" --config "$sub/norules.yaml" --check-config 2>&1)" "warning: no rules are loaded: there are none in $sub/empty.d"
cp "$W/boltseal.yaml" "$sub/kept.yaml"
echo 'nope: 1' >>"$W/boltseal.yaml"
kill -HUP "$DAEMON"
told_() { grep -q "the old configuration stays" "$W/log" && grep -q "sensor: reload: .*nope: unknown key" "$W/log"; }
ok "SIGHUP with a wrong one: the old one stays, and it says so" wait_until 5 told_
ok "and it answers on" bs diff zq-pot
{ cat "$sub/kept.yaml" && echo 'limits: {hash_max_time: 7s}'; } >"$W/boltseal.yaml"
kill -HUP "$DAEMON"
ok "what a reload cannot change is told" wait_until 5 grep -q "limits.hash_max_time: takes effect at the next start" "$W/log"
again_() { [ "$(events --type rules.loaded | wc -l)" = 3 ]; }
cp "$sub/kept.yaml" "$W/boltseal.yaml"
kill -HUP "$DAEMON"
ok "and the right one is read again" wait_until 5 again_

# --- state, sockets, others --------------------------------------------------------------------------
refuses "a socket in use" "socket $W/run/s.sock is in use by a live daemon \(pid $DAEMON\)" $(beside a --socket "$W/run/s.sock")
refuses "a state directory in use" "is written by another process \(pid $(role_pid sensor)\): stop that one first" $(beside a --state-dir "$W/state")
refuses "a door in use" 'door.sock is in use by a live daemon' $(beside a --socket "$W/run/t.sock")
ok "the first one answers on" bs ps
: >"$sub/file"
refuses "a file where the socket should be" 'file is there and is not a socket' $(beside a --socket "$sub/file")
refuses "no directory for the socket" "cannot be made: make it, or name another --socket: No such file" $(beside a --socket "$sub/x/y/s.sock")
mkdir -p "$sub"/{foreign,shared,open,full,junk}
chown 65534 "$sub/foreign" && chmod 770 "$sub/shared" && chmod 777 "$sub/open"
: >"$sub/full/precious" && chmod 755 "$sub/full"
head -c 9999 /dev/urandom >"$sub/junk/data.mdb"
refuses "a state directory of somebody else" "foreign belongs to uid 65534, not to 0: chown it or choose another" $(beside foreign)
refuses "one that its group may write" "shared can be written by its group: chmod go-w it" $(beside shared)
refuses "one that anyone may write" "open can be written by anyone: chmod go-w it" $(beside open)
refuses "one of other things" "full has other files in it and no store: choose an empty --state-dir" $(beside full)
is "which are left as they were" "$(ls "$sub/full") $(stat -c %a "$sub/full")" "precious 755"
refuses "a store that is none" "junk: open: the file is damaged: .*: move it away to begin anew" $(beside junk)
refuses "one that cannot be made" "make state directory .*: Not a directory" $(beside file/x --socket "$sub/x.run/s.sock")

# up DESC NAME COMMAND…: a daemon beside; back when it is ready. $UP, its log in $sub/NAME.log.
up() {
	local desc=$1 name=$2
	shift 2
	"$@" >"$sub/$name.log" 2>&1 &
	UP=$!
	at_exit "kill $UP 2>/dev/null"
	wait_until 20 up_or_gone_ "$sub/$name.log" && ! pid_gone "$UP"
	tap_ $? "$desc" || diag "$(cat "$sub/$name.log")"
}
up_or_gone_() { grep -q 'ready on' "$1" || pid_gone "$UP"; }
down() { kill "$UP" 2>/dev/null; wait_gone 20 "$UP"; wait "$UP" 2>/dev/null; }
at() { timeout 60 "$BIN/boltseal" --no-color --socket "$sub/$1.run/s.sock" "${@:2}"; }

up "a daemon beside" dead $(beside dead)
children=$(cat "/proc/$UP/task/$UP/children")
kill -9 "$UP" && wait "$UP" 2>/dev/null
for p in $children; do wait_gone 20 "$p" || kill -9 "$p"; done
ok "it left its socket" test -S "$sub/dead.run/s.sock"
up "which the next one takes over" dead $(beside dead)
ok "and answers" at dead ps
down
unlike "and nobody complained" "$(cat "$sub/dead.log")" '^<[0-3]>'

mkdir "$sub/newer"
mdb_dump -a "$sub/dead" | sed "/^db_pagesize/d; /^ 666f726d6174\$/{n;s/.*/ 00000063/}" | mdb_load -f /dev/stdin "$sub/newer"
before=$(sha256sum <"$sub/newer/data.mdb")
refuses "a store of a newer release" "the store has format 99, this program knows up to [0-9]+: install the newer boltseal" $(beside newer)
is "in which nothing is changed" "$(sha256sum <"$sub/newer/data.mdb")" "$before"

# --- fewer rights ----------------------------------------------------------------------------------
install -d -o 65534 -g 65534 "$sub/user"
said=$(timeout 20 setpriv --reuid=65534 --regid=65534 --clear-groups "$W/boltseald" --config "$sub/ok.yaml" \
	--state-dir "$sub/user/s" --socket "$sub/user.run/s.sock" 2>&1; echo "-> $?")
like "not root, and no right to make its directory" "$said" "^boltseald: the socket's directory .* cannot be made: .*Permission denied"
like "its status" "$said" '^-> 2$'
up "not root, with directories of its own: it runs" user \
	setpriv --reuid=65534 --regid=65534 --clear-groups "$W/boltseald" --config "$sub/ok.yaml" --state-dir "$sub/user/s" --socket "$sub/user/s.sock"
like "and says what is lost" "$(cat "$sub/user.log")" \
	'^<4>not root: containers of others, their processes and who changed what cannot be seen, and the gateway is not another user'
like "so does doctor" "$("$BIN/boltseal" --socket "$sub/user/s.sock" doctor)" '^no +capabilities +missing: CAP_SYS_ADMIN'
down

up "without CAP_SYS_ADMIN, so without fanotify: it runs" tame setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin $(beside tame)
found_() { at tame diff "$ID" >/dev/null 2>&1; [ $? -lt 2 ]; }
wait_until "$PATIENCE" found_
like "falls back and says so" "$(cat "$sub/tame.log")" '^<4>sensor: not everything is watched as well as can be: L5 .*boltseal doctor'
like "ps says the level" "$(at tame ps)" "^${ID:0:12} .* L5"
like "doctor says why" "$(at tame doctor)" '^no +capabilities +missing: CAP_SYS_ADMIN'
like "and what is lost" "$(at tame doctor)" "^${ID:0:12} +L5 .*the process, always"
minibox_exec "$PID" sh -c 'echo tame >/tmp/tame'
tame_found_() { at tame diff "$ID" 2>/dev/null | grep -q '^A /tmp/tame$'; }
ok "drift is found all the same" wait_until "$PATIENCE" tame_found_
like "who is unknown, with the reason" "$(at tame diff -l "$ID" /tmp/tame 2>/dev/null)" 'unknown \((the watch level does not tell the process|found by looking: no event named a process)\)'
like "and each answer says that it is less" "$(at tame diff "$ID" 2>&1 >/dev/null)" '^boltseal: not everything could be seen: watched at L5'
down

# --- a twin that still has the directory which the first one has lost -------------------------------
minibox twin || bail "minibox"
twin=$(printf %s "$W/mini/twin/upper" | sha256sum | cut -d' ' -f1)
wait_target "$twin" || bail "the twin is not found"
drift_is "a directory that only this one has, with all below" "$twin" "A /opt/app
$(find "$W/mini/l1/opt/app" "$W/mini/l2/opt/app" -mindepth 1 -printf 'A /opt/app/%P\n' 2>/dev/null | LC_ALL=C sort -u)" /opt/app --against "$ID"
drift_is "and the other way round: it is gone, and that says all" "$ID" "D /opt/app" /opt/app --against "$twin"
minibox_stop "$MINI_PID"

# --- the slow ones, and the end -----------------------------------------------------------------------
wait "$slow_pid"
like "a byte a second ends with 408" "$(cat "$W/slow")" '^head HTTP/1.1 408 .* whole 1[0-2] s'
like "in a body too" "$(cat "$W/slow")" '^body HTTP/1.1 408 .* whole 1[0-2] s'
ok "nobody had to wait for them" bs status
python3 - "$W/run/s.sock" "$W/held" <<'PY' &
import os, socket, sys, time
held = [socket.socket(socket.AF_UNIX) for _ in range(70)]
for s in held: s.connect(sys.argv[1])
os.mkdir(sys.argv[2])
time.sleep(60)
PY
holder=$!
wait_until 10 test -d "$W/held"
cli "more connections than one user may have" 2 "this user has too many connections; close some" ps
is "http 429: the same, before a word is said" "$(python3 - "$W/run/s.sock" <<'PY'
import json, socket, sys
s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(sys.argv[1])
head, _, body = s.makefile("rb").read().partition(b"\r\n\r\n")
print(head.split(b"\r\n")[0].decode(), b"Content-Length: %d" % len(body) in head, json.loads(body)["status"])
PY
)" "HTTP/1.1 429 Too many at once True 429"
kill "$holder" && wait "$holder" 2>/dev/null
ok "and well again when they are gone" wait_until 5 bs ps
unlike "the daemon never ended by itself" "$(cat "$W/log")" 'died of signal|ended with status'
daemon_stop
is "and stops in order" $? 0
finish
