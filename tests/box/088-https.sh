#!/bin/bash
# shellcheck disable=SC2015,SC2046,SC2119,SC2317 # bail ends; options in words; no arguments; wait_until
# The https sink against a receiver that enforces each protocol's rules (receiver.py): every profile
# end to end with a real change; receivers that are down, slow, silent, broken or strange to us;
# certificates; tokens; kill -9 in the worst moment. What counts is what the receiver has for good.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
: "${PATIENCE:=40}" # so many sinks and receivers on one machine
. ./daemon.sh
export LC_ALL=C
need_root
need unshare busybox nsenter python3 openssl
need_daemon
work_dir
# What other tests run here now would fill the journal, and each event goes to every sink.
# BOLTSEAL_TEST_IGNORE: where there are more of them.
OTHERS=$(printf '%s, ' /var/tmp/boltseal-test.* /var/lib/docker /var/lib/containers | sed "s|$W, ||; s/, \$//")
DAEMON_BASE="group: root
runtimes: {ignore: [$OTHERS${BOLTSEAL_TEST_IGNORE:+, $BOLTSEAL_TEST_IGNORE}]}
"

# --- the gold bodies, by the receivers' own rules ---------------------------------------------------
# Where two pythons are installed, the distribution's has the distribution's protobuf.
OTLP=
for PYTHON in python3 /usr/bin/python3; do
	"$PYTHON" -c 'import google.protobuf' 2>/dev/null && command -v protoc >/dev/null && OTLP=1 && break
done
for p in generic splunk-hec elastic-bulk loki otlp; do
	if [ "$p" = otlp ] && [ -z "$OTLP" ]; then skip "gold body: otlp" "no protobuf here"; continue; fi
	is "gold body: $p" "$("$PYTHON" receiver.py --check "$p" "../gold/post/$p.body" 2>&1)" "4 events"
done

# --- certificates -----------------------------------------------------------------------------------
ca_make() { # ca_make NAME
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$W/$1.key" -out "$W/$1.pem" 2>>"$W/openssl.log"
}
cert_make() { # cert_make NAME CA SAN [X509-OPTION…]
	local name=$1 ca=$2 san=$3
	shift 3
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$name" \
		-keyout "$W/$name.key" -out "$W/$name.csr" 2>>"$W/openssl.log"
	openssl x509 -req -in "$W/$name.csr" -CA "$W/$ca.pem" -CAkey "$W/$ca.key" -CAcreateserial \
		-extfile <(echo "subjectAltName=$san") -out "$W/$name.pem" "$@" 2>>"$W/openssl.log"
	chmod 644 "$W/$name.key" # the gateway is another user
}
ca_make ca && ca_make stranger || bail "certificates"
cert_make good ca IP:127.0.0.1,DNS:siem.example -days 2
cert_make expired ca IP:127.0.0.1 -days 0
cert_make other ca DNS:other.example -days 2
cert_make client ca DNS:gateway -days 2

# --- receivers --------------------------------------------------------------------------------------
TOKEN=s3cr3t-7d1f4a90c2be4e51
receiver() { # receiver NAME [OPTION…]: $W/NAME is its directory, $PORT its port
	local d=$W/$1
	shift
	mkdir -p "$d" && rm -f "$d/port"
	touch "$d"/{taken,events,requests,violations}
	"$PYTHON" receiver.py "$d" "$@" 2>>"$d/log" &
	RECEIVER=$!
	wait_until 10 test -s "$d/port" || { diag "$(cat "$d/log")"; return 1; }
	PORT=$(cat "$d/port")
	echo "$RECEIVER" >"$d/pid"
	RECEIVERS+=("$RECEIVER")
}
RECEIVERS=()
receivers_end_() { local p; for p in ${RECEIVERS[@]+"${RECEIVERS[@]}"}; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done; }
at_exit receivers_end_
receiver_down() { kill -9 "$(cat "$W/$1/pid")" && wait "$(cat "$W/$1/pid")" 2>/dev/null; :; }
mode() { # mode NAME [WORD…]
	local d=$W/$1
	shift
	echo "$*" >"$d/mode.new" && mv "$d/mode.new" "$d/mode"
}
tls() { echo --cert "$W/$1.pem" --key "$W/$1.key"; }
token_file() { # readable by the gateway's user and nobody else
	printf '%s\n' "$2" >"$W/$1"
	chown "$GATEWAY_USER" "$W/$1" && chmod 400 "$W/$1"
}
GATEWAY_USER=$(getent passwd boltseal-gateway >/dev/null && echo boltseal-gateway || echo nobody)
token_file token "$TOKEN"

# sink NAME PROFILE ADDRESS [KEY: VALUE…]: a row of `sinks:`. Those whose receiver misbehaves wait less.
TIMEOUT=20s
sink() {
	local name=$1 profile=$2 address=$3 k
	shift 3
	printf -- '- name: %s\n  type: https\n  profile: %s\n  address: %s\n  from: beginning\n' "$name" "$profile" "$address"
	printf '  timeout: %s\n  retry_min: 50ms\n  retry_max: 200ms\n' "$TIMEOUT"
	for k; do printf '  %s\n' "$k"; done
}
SECURE=("token_file: $W/token" "tls: {ca: $W/ca.pem}" "gzip: true")

# --- what arrived -----------------------------------------------------------------------------------
has_change() { # has_change NAME PROFILE PATH: the receiver has that event for good
	local seq
	seq=$(seq_of "$3") && grep -q "^$2 $seq " "$W/$1/taken"
}
seq_of() { events --type change | jq -se --arg p "$1" '[.[] | select(.change.path == $p)] | last | .seq'; }
last_seq() { events | tail -1 | jq -r .seq; }
holes() { # holes NAME PROFILE: the seqs that are missing up to the last that is there
	awk -v p="$2" '$1 == p {seen[$2] = 1; if ($2 > max) max = $2}
		END {for (i = 1; i <= max; i++) if (!(i in seen)) printf "%s ", i}' "$W/$1/taken"
}
whole() { # whole NAME PROFILE PATH: that change has come, and nothing before it is missing
	wait_until "$PATIENCE" has_change "$@" && [ -z "$(holes "$1" "$2")" ]
}
row_of() { bs sinks --format json 2>/dev/null | jq -r --arg n "$1" ".items[] | select(.name == \$n) | $2"; }
error_says() { row_of "$1" '.last_error.text // ""' | grep -Eq -- "$2"; }
fails_so() { # fails_so DESC SINK ERE
	wait_until "$PATIENCE" error_says "$2" "$3"
	like "$1" "$(row_of "$2" '.last_error.text // ""')" "$3"
}
N=0
change() { N=$((N + 1)) P=/srv/f$N && minibox_exec "$MINI_PID" sh -c "mkdir -p /srv; echo $N >$P"; }
nothing_broken() { is "$1: no rule was broken" "$(sort -u "$W/$1/violations" | head -5)" ""; }

# --- every profile, end to end ----------------------------------------------------------------------
receiver all $(tls good) || bail "receiver"
ALL=https://127.0.0.1:$PORT
receiver odd $(tls good) || bail "receiver"
ODD=https://127.0.0.1:$PORT
receiver expired $(tls expired) && EXPIRED=https://127.0.0.1:$PORT
receiver other $(tls other) && OTHER=https://127.0.0.1:$PORT
receiver mutual $(tls good) --client-ca "$W/ca.pem" && MUTUAL=https://127.0.0.1:$PORT
mkdir -p "$W/plain" && receiver plain && PLAIN=http://127.0.0.1:$PORT
"$PYTHON" receiver.py "$W/proxy" --proxy 2>"$W/proxy.log" &
RECEIVERS+=($!)
wait_until 10 test -s "$W/proxy/port" && PROXY=http://127.0.0.1:$(cat "$W/proxy/port")
for d in all odd; do echo "$TOKEN" >"$W/$d/token"; echo tenant-7 >"$W/$d/tenant"; touch "$W/$d/ack"; done
printf 'bob:%s' "$TOKEN" | base64 -w0 >"$W/plain/token" # as Basic has it
token_file login "bob:$TOKEN"
FINGERPRINT=sha256:$(openssl x509 -in "$W/other.pem" -outform der | sha256sum | cut -d' ' -f1)
cat >"$W/sinks.yaml" <<YAML
sinks:
$(sink hook generic "$ALL/hook" "token_file: $W/token" "tls: {ca: $W/ca.pem}")
$(sink hec splunk-hec "$ALL" "${SECURE[@]}" "ack: true" "index: audit")
$(sink bulk elastic-bulk "$ALL" "${SECURE[@]}")
$(sink loki loki "$ALL" "${SECURE[@]}" "tenant: tenant-7")
$(sink via generic "$OTHER/hook" "tls: {ca: $W/ca.pem, server_name: other.example}" "proxy: $PROXY")
$(TIMEOUT=2s sink odd-hec splunk-hec "$ODD" "${SECURE[@]}" "ack: true")
$(TIMEOUT=2s sink odd-bulk elastic-bulk "$ODD" "${SECURE[@]}" "format: json")
$(TIMEOUT=2s sink odd-loki loki "$ODD" "${SECURE[@]}" "tenant: tenant-7")
$(sink expired generic "$EXPIRED/hook" "tls: {ca: $W/ca.pem}")
$(sink other generic "$OTHER/hook" "tls: {ca: $W/ca.pem}")
$(sink stranger generic "$ALL/hook" "tls: {ca: $W/stranger.pem}")
$(sink pinned generic "$OTHER/hook" "tls: {fingerprint: \"$FINGERPRINT\"}")
$(sink mispinned generic "$ALL/hook" "tls: {fingerprint: \"$FINGERPRINT\"}")
$(sink mutual generic "$MUTUAL/hook" "tls: {ca: $W/ca.pem, cert: $W/client.pem, key: $W/client.key}")
$(sink unknown generic "$MUTUAL/hook" "tls: {ca: $W/ca.pem}")
$(sink plain generic "$PLAIN/hook" "token_file: $W/login" "auth: basic")
YAML
if [ -n "$OTLP" ]; then
	sink otlp otlp "$ALL" "${SECURE[@]}" >>"$W/sinks.yaml"
	TIMEOUT=2s sink odd-otlp otlp "$ODD" "${SECURE[@]}" >>"$W/sinks.yaml"
fi
daemon_config <"$W/sinks.yaml"
# Nobody listens there: a sink that heeded the environment would reach nothing.
export https_proxy=http://127.0.0.1:9 http_proxy=http://127.0.0.1:9 ALL_PROXY=http://127.0.0.1:9
daemon_start || bail "boltseald"
unset https_proxy http_proxy ALL_PROXY
minibox web || bail "minibox"
wait_until 20 has_event baseline.created || bail "no baseline"
PROFILES="generic hec bulk loki${OTLP:+ otlp}"
minibox_exec "$MINI_PID" sh -c 'echo x >>/etc/passwd'
for p in $PROFILES; do ok "$p: a change is there for good, and all before it" whole all "$p" /etc/passwd; done
nothing_broken all
of() { jq -c "select($1)" "$W/all/events" | tail -1; }
is "hec: the CIM's names" "$(of '.fields.file_path == "/etc/passwd"' | jq -r '[.index, .fields.action, .fields.file_name, .fields.object_category // "file"] | join(" ")')" \
	"audit modified passwd file"
like "bulk: ECS" "$(of '.file.path? == "/etc/passwd"' | jq -r '[.ecs.version, .event.kind, .["@timestamp"]] | join(" ")')" '^[0-9.]+ [a-z]+ 20'
is "loki: metadata beside the line" "$(of '.metadata.path? == "/etc/passwd"' | jq -r '[.labels.type, .metadata.action] | join(" ")')" "change modified"
[ -z "$OTLP" ] || is "otlp: attributes" "$(of '.attributes["file.path"]? == "/etc/passwd"' |
	jq -r '[.event_name, .attributes["boltseal.action"], .resource["service.name"]] | join(" ")')" "boltseal.change modified boltseal"
like "a test event says what came back" "$(bs sinks test hec 2>&1)" '^ok: ackId [0-9]+ is indexed'
like "and of a broken sink why" "$(bs sinks test expired 2>&1)" 'certificate has expired'

# --- who the receiver is ----------------------------------------------------------------------------
fails_so "an expired certificate" expired 'certificate has expired'
fails_so "another name in the certificate" other "subject name|does not match"
fails_so "an authority that is not trusted" stranger 'local issuer|unable to verify|self.signed'
fails_so "another fingerprint than the pinned one" mispinned 'certificate'
fails_so "no certificate of ours where one is asked for" unknown 'certificate|alert|getpeername|reset|closed'
is "none of these receivers got a word" "$(cat "$W/expired/requests")" ""
ok "a certificate that is pinned needs no authority" whole other generic "/etc/passwd"
ok "a receiver that asks for our certificate gets it" whole mutual generic /etc/passwd
ok "http:// works, with user and password" whole plain generic /etc/passwd
like "and is warned of" "$(cat "$W/log")" 'sink plain: http:// sends events and the token in the clear'
like "through a proxy, where one is set, by its name" "$(cat "$W/proxy/requests")" "CONNECT 127.0.0.1:$(cat "$W/other/port")"

# --- a receiver that is down ------------------------------------------------------------------------
PORT_ALL=$(cat "$W/all/port")
receiver_down all
for _ in 1 2 3 4 5; do change; done
fails_so "down: the error says so" bulk 'refused|connect|reset|hung up'
receiver all $(tls good) --port "$PORT_ALL" || bail "receiver again"
for p in $PROFILES; do ok "$p: up again, and nothing is missing" whole all "$p" "$P"; done
nothing_broken all

# --- receivers that misbehave -----------------------------------------------------------------------
# goes_wrong DESC SINK ERE MODE…: the sink says why; put right, it has everything.
ODD_PROFILES="hec bulk loki${OTLP:+ otlp}"
goes_wrong() {
	local desc=$1 sink=$2 ere=$3 p
	shift 3
	mode odd "$@"
	change
	fails_so "$desc: said so" "$sink" "$ere"
	mode odd
	for p in $ODD_PROFILES; do ok "$desc: $p has everything" whole odd "$p" "$P"; done
}
for p in $ODD_PROFILES; do whole odd "$p" /etc/passwd || diag "odd: $p is late"; done
goes_wrong "accepts and never answers" odd-bulk 'no whole answer in time' hang
goes_wrong "closes in the middle of an answer" odd-bulk 'closed|transfer|remaining|reset' cut
goes_wrong "takes it and says nothing" odd-bulk 'hung up|closed|reset|unexpected' drop
goes_wrong "slow" odd-bulk '.' slow
goes_wrong "500" odd-loki 'HTTP 500' status 500
goes_wrong "429 with Retry-After" odd-loki 'HTTP 429' status 429 1
goes_wrong "garbage" odd-bulk 'not as _bulk answers: .*033' garbage
goes_wrong "an endless answer" odd-bulk 'too large' endless
goes_wrong "a deep answer" odd-hec 'not as an event collector' deep
goes_wrong "a redirect" odd-hec 'redirects are not followed' redirect
goes_wrong "never acknowledges" odd-hec 'ackId [0-9]+ is not indexed after 20 s' noack
nothing_broken odd

# --- single events ------------------------------------------------------------------------------------
# pile_up N: so many changes while nothing is taken; $P is the last
pile_up() { mode odd status 503; local i; for i in $(seq "$1"); do change; done; wait_until "$PATIENCE" seq_of "$P"; SEQ=$(seq_of "$P"); }
pile_up 6
mode odd max 1
for p in $ODD_PROFILES; do ok "too large: $p halves until it fits" whole odd "$p" "$P"; done
pile_up 3
mode odd busy "$SEQ"
ok "bulk: what stands before a busy item is taken" wait_until "$PATIENCE" grep -q "^bulk $((SEQ - 1)) " "$W/odd/taken"
fails_so "bulk: and its turn comes later" odd-bulk 'status 429 of one event: queue full'
mode odd
for p in $ODD_PROFILES; do ok "busy: $p has everything" whole odd "$p" "$P"; done
pile_up 3
BAD=$SEQ
change
mode odd reject "$BAD"
for p in hec bulk loki; do
	wait_until "$PATIENCE" has_change odd "$p" "$P"
	is "$p: all but the event that it refuses" "$(holes odd "$p")" "$BAD "
	is "$p: which is counted" "$(row_of "odd-$p" .refused)" 1
done
refusal_() { bs log --type gap.opened --format jsonl | jq -r 'select(.gap.cause == "sink refused") | .gap.detail' | grep -E "^sink odd-$1: "; }
for p in hec bulk loki; do # the sensor hears of one sink at a time
	ok "$p: and the journal says so" wait_until 60 refusal_ "$p"
	is "$p: once" "$(refusal_ "$p" | wc -l)" 1
	like "$p: which, and where it is kept" "$(refusal_ "$p")" "refused 1 of events $BAD to $BAD for good: .*; they are kept in /.*/odd-$p.refused\$"
done
like "and laid aside with the reason" "$(grep -rh "failed to parse" "$W/state" 2>/dev/null | head -1)" "$BAD"
mode odd
if [ -n "$OTLP" ]; then
	whole odd otlp "$P"
	mode odd partial 1
	change
	wait_until "$PATIENCE" error_says odd-otlp 'rejected'
	mode odd
	change
	ok "otlp: what was rejected is not sent again, the rest comes" wait_until "$PATIENCE" has_change odd otlp "$P"
	like "and it is said" "$(grep odd-otlp "$W/log" | tail -5)" 'rejected: not these'
fi
nothing_broken odd

# --- tokens -------------------------------------------------------------------------------------------
mode odd echo
change
fails_so "a token that is echoed is not shown" odd-loki 'bad header: Bearer \*+'
mode odd
echo "$TOKEN-new" >"$W/odd/token"
change
fails_so "a wrong token" odd-loki 'HTTP 401: the token is missing or wrong'
fails_so "a wrong token, in Splunk's words" odd-hec 'code 4: the token is not valid'
token_file token.new "$TOKEN-new" && mv "$W/token.new" "$W/token"
echo "$TOKEN-new" >"$W/all/token"
for p in hec loki; do
	wait_until "$PATIENCE" has_change odd "$p" "$P"
	is "$p: the file mended, all is well" "$(holes odd "$p")" "$BAD "
done
chmod 444 "$W/token"
kill -HUP "$(role_pid gateway)"
change
ok "a token file that all may read is warned of" wait_until "$PATIENCE" grep -q 'token file .* can be read by everybody' "$W/log"
is "once" "$(grep -c 'odd-hec: the token file' "$W/log")" 1
chmod 400 "$W/token"

# --- kill -9 between send and acknowledgement ---------------------------------------------------------
mode odd noack
SENT=$(wc -l <"$W/odd/requests")
change
more_requests_() { [ "$(grep -c 'collector/ack' "$W/odd/requests")" -gt "$1" ]; }
wait_until "$PATIENCE" more_requests_ "$(head -"$SENT" "$W/odd/requests" | grep -c collector/ack)"
GATEWAY=$(role_pid gateway)
kill -9 "$GATEWAY"
wait_gone 5 "$GATEWAY"
mode odd
wait_until "$PATIENCE" has_change odd hec "$P"
is "killed before the acknowledgement: sent again, no hole" "$(holes odd hec)" "$BAD "
for p in $PROFILES; do
	wait_until "$PATIENCE" has_change all "$p" "$P"
	is "$p: no hole either" "$(holes all "$p")" ""
done
doubles() { awk -v p="$2" '$1 == p && n[$2]++ == 1 {c++} END {print c + 0}' "$W/$1/taken"; }
is "elastic has nothing twice, whatever happened" "$(doubles all bulk)" 0

# --- where the token is not ---------------------------------------------------------------------------
wait_until 10 role_pid gateway
GATEWAY=$(role_pid gateway)
seen_() { tr '\0' '\n' <"$1" | grep -F "$TOKEN"; }
for f in cmdline environ status; do not_ok "the token is not in /proc/PID/$f" seen_ "/proc/$GATEWAY/$f"; done
not_ok "nor in the log" seen_ "$W/log"
{ bs sinks; bs sinks --format json; bs status; bs status --format json; bs doctor; api GET /metrics; api GET /v1/sinks; } >"$W/said" 2>&1
not_ok "nor in anything that is told" seen_ "$W/said"
not_ok "nor below the state directory" grep -rF "$TOKEN" "$W/state"
is "the gateway dumps no core: its files in /proc are root's" "$(stat -c %U "/proc/$GATEWAY/environ")" root
ok "its token's memory goes into none" grep -q '^VmFlags:.* dd' "/proc/$GATEWAY/smaps"
daemon_stop
is "it stops in order" "$?" 0
finish
