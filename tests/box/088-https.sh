#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# The https sink against a receiver that enforces each protocol's rules (receiver.py): every profile
# end to end with a real change; receivers that are down, slow, silent, broken or strange to us;
# certificates; tokens; kill -9 in the worst moment. What counts is what the receiver has for good.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare busybox nsenter python3 openssl
need_daemon
work_dir

# --- the gold bodies, by the receivers' own rules ---------------------------------------------------
OTLP=1
python3 -c 'import google.protobuf' 2>/dev/null && command -v protoc >/dev/null || OTLP=
for p in generic splunk-hec elastic-bulk loki otlp; do
	if [ "$p" = otlp ] && [ -z "$OTLP" ]; then skip "gold body: otlp" "no protobuf here"; continue; fi
	is "gold body: $p" "$(python3 receiver.py --check "$p" "../gold/post/$p.body" 2>&1)" "4 events"
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
	python3 receiver.py "$d" "$@" 2>>"$d/log" &
	RECEIVER=$!
	wait_until 10 test -s "$d/port" || { diag "$(cat "$d/log")"; return 1; }
	PORT=$(cat "$d/port")
	echo "$RECEIVER" >"$d/pid"
	RECEIVERS+=("$RECEIVER")
}
RECEIVERS=()
receivers_end_() { local p; for p in ${RECEIVERS[@]+"${RECEIVERS[@]}"}; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done; }
at_exit receivers_end_
receiver_down() { kill -9 "$(cat "$W/$1/pid")"; wait_gone 5 "$(cat "$W/$1/pid")"; }
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

# sink NAME PROFILE ADDRESS [KEY: VALUE…]: a row of `sinks:`
sink() {
	local name=$1 profile=$2 address=$3 k
	shift 3
	printf -- '- name: %s\n  type: https\n  profile: %s\n  address: %s\n  format: json\n' "$name" "$profile" "$address"
	printf '  min_severity: info\n  timeout: 3s\n'
	for k; do printf '  %s\n' "$k"; done
}
SECURE=("token_file: $W/token" "tls: {ca: $W/ca.pem}")

# --- what arrived -----------------------------------------------------------------------------------
has_change() { # has_change NAME PROFILE PATH: the event's seq is among what the receiver has for good
	local seq
	seq=$(seq_of "$3") && grep -q "^$2 $seq " "$W/$1/taken"
}
seq_of() { events --type change | jq -se --arg p "$1" '[.[] | select(.change.path == $p)] | last | .seq'; }
last_seq() { events | tail -1 | jq -r .seq; }
holes() { # holes NAME PROFILE: the seqs that are missing up to the last that is there
	awk -v p="$2" '$1 == p {seen[$2] = 1; if ($2 > max) max = $2}
		END {for (i = 1; i <= max; i++) if (!(i in seen)) printf "%s ", i}' "$W/$1/taken"
}
caught_up() { # caught_up NAME PROFILE: everything that the journal has now
	local last
	last=$(last_seq) && grep -q "^$2 $last " "$W/$1/taken"
}
state_of() { bs sinks --format json 2>/dev/null | jq -r --arg n "$1" '.. | objects | select(.name? == $n) | .last_error // .error // ""'; }
error_says() { state_of "$1" | grep -Eq -- "$2"; }
nothing_broken() { is "$1: no rule was broken" "$(cat "$W/$1/violations")" ""; }
write_in() { minibox_exec "$MINI_PID" sh -c "$1"; }

receiver all $(tls good) || bail "receiver"
echo "$TOKEN" >"$W/all/token" && echo tenant-7 >"$W/all/tenant" && touch "$W/all/ack"
BASE=https://127.0.0.1:$PORT
{
	printf 'sinks:\n'
	sink hook generic "$BASE/hook" "${SECURE[@]}" "gzip: false"
	sink hec splunk-hec "$BASE" "${SECURE[@]}"
	sink bulk elastic-bulk "$BASE" "${SECURE[@]}"
	sink loki loki "$BASE" "${SECURE[@]}" "tenant: tenant-7"
	[ -z "$OTLP" ] || sink otlp otlp "$BASE" "${SECURE[@]}"
} | daemon_config
daemon_start || bail "boltseald"
minibox web || bail "minibox"
ID=$(basename "$(readlink "/proc/$MINI_PID/root")" 2>/dev/null)
wait_until 20 events --type baseline.created
write_in 'echo x >>/etc/passwd'
profiles="generic hec bulk loki${OTLP:+ otlp}"
for p in $profiles; do
	ok "$p: a change is there for good" wait_until "$PATIENCE" has_change all "$p" /etc/passwd
	ok "$p: and all that was before it" test -z "$(holes all "$p")"
done
nothing_broken all
