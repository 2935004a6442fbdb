#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # as the other scenarios have them
# Sinks with real receivers: rsyslog and syslog-ng by TCP and TLS, files, journald. What each stored is
# compared with the journal: in order, nothing missing, whatever was down, slow, rude or killed.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare busybox jq openssl python3 rsyslogd curl
{ [ -x "$BIN/boltseald" ] && [ -x "$BIN/boltseal" ]; } || bail "nothing is built in $BIN"
work_dir
chmod 755 "$W"

# --- what is used below ---------------------------------------------------------------------------
# ca NAME; cert NAME CA SUBJECT-ALT-NAME [OPENSSL OPTION…]
ca() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout "$W/$1.key" -out "$W/$1.pem" -days 30 \
		-subj "/CN=$1" -addext basicConstraints=critical,CA:TRUE 2>/dev/null
}
cert() {
	local name=$1 ca=$2 san=$3
	shift 3
	openssl req -newkey rsa:2048 -nodes -keyout "$W/$name.key" -out "$W/$name.csr" -subj "/CN=$name" 2>/dev/null &&
		openssl x509 -req -in "$W/$name.csr" -CA "$W/$ca.pem" -CAkey "$W/$ca.key" -CAcreateserial \
			-out "$W/$name.pem" -extfile <(echo "subjectAltName=$san") "$@" 2>/dev/null &&
		chmod 644 "$W/$name.key"
}
free_port() { python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
listening() { ss -Htln "sport = :$1" | grep -q .; }
# rsyslog NAME PORT [tls [CERT]]: stores messages as JSON lines in $W/NAME/out
rsyslog() {
	local name=$1 port=$2 global="" driver=""
	mkdir -p "$W/$name"
	if [ "${3:-}" = tls ]; then
		global="global(defaultNetstreamDriver=\"ossl\" defaultNetstreamDriverCAFile=\"$W/ca.pem\"
			defaultNetstreamDriverCertFile=\"$W/${4:-server}.pem\" defaultNetstreamDriverKeyFile=\"$W/${4:-server}.key\")"
		driver="StreamDriver.Name=\"ossl\" StreamDriver.Mode=\"1\" StreamDriver.AuthMode=\"${5:-anon}\" ${6:-}"
	fi
	cat >"$W/$name/conf" <<-CONF
		global(workDirectory="$W/$name" maxMessageSize="64k")
		$global
		module(load="imtcp" $driver)
		module(load="mmpstrucdata")
		input(type="imtcp" port="$port" address="127.0.0.1")
		action(type="mmpstrucdata" jsonRoot="\$!")
		template(name="t" type="list") { property(name="\$!all-json") constant(value="\n") }
		template(name="m" type="list") { property(name="msg") constant(value="\n") }
		action(type="omfile" file="$W/$name/out" template="t")
		action(type="omfile" file="$W/$name/msg" template="m")
	CONF
	# The syntax of old asks for the address elsewhere; imtcp 8.2302 knows it.
	rsyslogd -n -f "$W/$name/conf" -i "$W/$name/pid" >>"$W/$name/log" 2>&1 &
	RECEIVER=$!
	at_exit "kill $RECEIVER 2>/dev/null"
	wait_until 10 listening "$port" || diag "rsyslog $name does not listen: $(tail -3 "$W/$name/log")"
}
stop() { kill "$1" 2>/dev/null; wait_gone 10 "$1" || kill -9 "$1"; wait "$1" 2>/dev/null; }
make_events() { # N of them, by a container that is written to
	local from=$1 n=$2
	minibox_exec "$PID" sh -c "i=0; while [ \$i -lt $n ]; do i=\$((i + 1)); echo \$i >/tmp/e$from-\$i; done"
	wait_until 30 wrote_ "$from" "$n" || diag "the journal has not got $n events"
}
wrote_() { [ "$(events --path "/tmp/e$1-*" | jq -r .change.path | sort -u | wc -l)" -ge "$2" ]; }
last_seq() { bs status --format json | jq .last_seq; }
sink() { bs sinks --format json | jq -r --arg n "$1" ".items[] | select(.name == \$n) | $2"; }
acked_all_() { [ "$(sink "$1" .acked)" -ge "$2" ]; }
caught_up() { wait_until "${3:-30}" acked_all_ "$1" "$2" || diag "$(bs sinks 2>&1)"; }
# whole FROM TO: numbers on stdin; every one of the range is there, and what came first came in order
whole() {
	awk -v next_="$1" -v to="$2" '
		$1 > next_ { print "hole: " $1 " came, " next_ " had not"; bad = 1; exit }
		$1 == next_ { next_++ }
		END { if (!bad) print (next_ > to ? "whole" : "ends before " next_ " of " to) }'
}
ours() { jq -r --arg m "$2" '.. | objects | select(has("seq")) | .[$m] // empty' "$W/$1/out" 2>/dev/null; }
seqs_rsyslog() { ours "$1" seq; }
seqs_json() { jq -r .seq "$@"; }
# What other tests run here meanwhile would fill the journal.
OTHERS=$(printf '%s, ' /var/tmp/boltseal-test.* /var/lib/docker /var/lib/containers | sed "s|$W, ||; s/, \$//")
DAEMON_BASE="group: root
runtimes: {ignore: [$OTHERS]}
volumes: {watch: false}
"
configure() { daemon_config <<<"$1"; }
reload() { kill -HUP "$DAEMON"; }
sink_says_() { sink "$1" '.last_error.text // ""' | grep -Eq "$2"; }
says() { # DESC SINK ERE
	wait_until 20 sink_says_ "$2" "$3"
	like "$1" "$(sink "$2" '.last_error.text // ""')" "$3"
}

# --- the certificates -----------------------------------------------------------------------------
ca ca && ca other && cert server ca IP:127.0.0.1,DNS:siem.test && cert elsewhere ca DNS:elsewhere.test &&
	cert unknown other IP:127.0.0.1 && cert client ca DNS:auditor.test && cert expired ca IP:127.0.0.1 -days 0 ||
	bail "openssl"
minibox box || bail "minibox"
PID=$MINI_PID

# --- rsyslog by TCP, TLS; a file --------------------------------------------------------------------
tcp=$(free_port) tls=$(free_port) down=$(free_port)
mkdir -m 777 "$W/files"
rsyslog plain "$tcp"
PLAIN=$RECEIVER
rsyslog secure "$tls" tls server x509/name 'PermittedPeer=["auditor.test"]'
SECURE=$RECEIVER
python3 tools/tcp_end.py cut "$W/cut.port" "$W/cut.out" &
at_exit "kill $! 2>/dev/null"
python3 tools/tcp_end.py deaf "$W/deaf.port" "$W/deaf.out" &
at_exit "kill $! 2>/dev/null"
wait_until 10 test -e "$W/cut.port" -a -e "$W/deaf.port"
common='format: rfc5424, from: beginning, retry_min: 50ms, retry_max: 500ms'
SINKS="sinks:
- {name: file, type: file, address: $W/files/out, from: beginning, mode: 644, retry_min: 50ms, retry_max: 300ms}
- {name: plain, type: syslog, address: 'tcp://127.0.0.1:$tcp', $common}
- {name: secure, type: syslog, address: 'tls://127.0.0.1:$tls', $common, tls: {ca: $W/ca.pem, cert: $W/client.pem, key: $W/client.key}}
- {name: down, type: syslog, address: 'tcp://127.0.0.1:$down', $common}
- {name: cut, type: syslog, address: 'tcp://127.0.0.1:$(cat "$W/cut.port")', format: json, from: beginning, retry_min: 50ms, retry_max: 500ms}
- {name: deaf, type: syslog, address: 'tcp://127.0.0.1:$(cat "$W/deaf.port")', format: json, from: beginning, timeout: 60s}"
configure "$SINKS"
daemon_start || bail "boltseald"
ID=$(printf %s "$W/mini/box/upper" | sha256sum | cut -d' ' -f1)
wait_target "$ID"
make_events a 60
last=$(last_seq)
ok "a file has caught up" caught_up file "$last"
is "and has everything, in order" "$(seqs_json "$W/files/out" | whole 1 "$last")" whole
is "as the journal has it" "$(head -"$last" "$W/files/out")" "$(events | head -"$last")"
ok "rsyslog by TCP" caught_up plain "$last"
is "it has everything, by its own parsing of structured data" "$(seqs_rsyslog plain | whole 1 "$last")" whole
is "the same ids as the journal" "$(ours plain id | head -"$last")" "$(events | head -"$last" | jq -r .id)"
ok "rsyslog by TLS, both sides proven" caught_up secure "$last"
is "it has everything" "$(seqs_rsyslog secure | whole 1 "$last")" whole
path=$(ours secure path | grep -m1 '/tmp/ea-7$')
is "and the path" "$path" /tmp/ea-7
ok "one that cuts messages in half three times" caught_up cut "$last"
is "has everything" "$(sed 's/^[^{]*//' "$W/cut.out" | seqs_json | whole 1 "$last")" whole
says "one that is down says so" down 'port [0-9]+: Connection refused'
is "and it alone waits" "$(bs sinks --format json | jq -r '[.items[] | select(.state == "waiting") | .name] | join(" ")')" down
like "the table has it, and since when" "$(bs sinks)" '^down +syslog +waiting +[0-9]+ .* since [0-9]+[a-z0-9]*: .*refused'
like "status too" "$(bs status --format json | jq -r '[.sinks[].name] | join(" ")')" 'file.*plain.*deaf'
like "metrics too" "$(api GET /metrics)" 'boltseal_sink_lag_events\{sink="down"\} [1-9]'

# --- a test event -----------------------------------------------------------------------------------
said=$(bs sinks test secure); rc=$?
is "sinks test" "$rc" 0
like "says what came back" "$said" '^ok: sent to 127.0.0.1 port [0-9]+: TLSv1.[23]'
id=$(sed -n 's/^event //p' <<<"$said")
ok "the canary is there" wait_until 5 grep -q "$id" "$W/secure/out"
is "and not in the journal" "$(events --type canary | wc -l)" 0
bs sinks test down >"$W/said" 2>"$W/err"; is "a test that fails: its status" $? 1
like "and how the sink itself is" "$(cat "$W/said")" '^the sink itself: waiting; since [0-9]+[a-z0-9]*: '
cli_said=$(bs sinks test nobody 2>&1); is "of no sink: its status" $? 2
like "and a sentence" "$cli_said" '^boltseal: there is no sink nobody'

# --- refusals of TLS -----------------------------------------------------------------------------------
bad1=$(free_port) bad2=$(free_port) bad3=$(free_port)
rsyslog elsewhere "$bad1" tls elsewhere
B1=$RECEIVER
rsyslog expired "$bad2" tls expired
B2=$RECEIVER
rsyslog unknown "$bad3" tls unknown
B3=$RECEIVER
pin=$(openssl x509 -in "$W/unknown.pem" -outform DER | sha256sum | cut -d' ' -f1)
t() { echo "- {name: $1, type: syslog, address: 'tls://127.0.0.1:$2', $common, tls: {$3}}"; }
configure "$SINKS
$(t name "$bad1" "ca: $W/ca.pem")
$(t renamed "$bad1" "ca: $W/ca.pem, server_name: elsewhere.test")
$(t expired "$bad2" "ca: $W/ca.pem")
$(t unknown "$bad3" "ca: $W/ca.pem")
$(t pinned "$bad3" "fingerprint: 'sha256:$pin'")
$(t mispinned "$bad1" "fingerprint: 'sha256:$pin'")
$(t nocert "$tls" "ca: $W/ca.pem")
$(t nofile "$tls" "ca: $W/none.pem")"
reload
says "a certificate of another name" name 'certificate is refused: IP address mismatch'
says "an expired one" expired 'certificate is refused: certificate has expired'
says "one of an unknown authority" unknown 'certificate is refused: (unable to get|self)'
says "another than the pinned one" mispinned 'not the one whose fingerprint is pinned'
says "no certificate of ours where one is asked for" nocert '.'
says "no file" nofile 'ca .*none.pem'
ok "the name that is given counts" caught_up renamed "$last"
ok "the pinned one is taken" caught_up pinned "$last"
not_ok "those that were refused got nothing" test -s "$W/expired/out"
not_ok "and without our certificate nothing counts as sent" acked_all_ nocert 1
is "sinks that are the same went on where they were" "$(seqs_json "$W/files/out" | sort | uniq -d | wc -l)" 0
configure "$SINKS"
reload
stop "$B1"; stop "$B2"; stop "$B3"

# --- kill -9 of the gateway between send and ack, again and again --------------------------------------
for round in 1 2 3 4; do
	make_events "k$round" 40 &
	maker=$!
	for _ in 1 2; do
		gateway=$(role_pid gateway) && kill -9 "$gateway"
		wait_gone 5 "$gateway"
		wait_until 20 bs ps >/dev/null
	done
	wait "$maker"
done
last=$(last_seq)
ok "after eight kills the file has caught up" caught_up file "$last" 60
is "no hole" "$(seqs_json "$W/files/out" | whole 1 "$last")" whole
ok "so has rsyslog" caught_up secure "$last" 60
is "no hole there" "$(seqs_rsyslog secure | whole 1 "$last")" whole
ok "and one without TLS" caught_up plain "$last" 60
is "no hole there either" "$(seqs_rsyslog plain | whole 1 "$last")" whole

# --- a receiver that dies and comes back ------------------------------------------------------------
stop "$PLAIN"
make_events r 30
rsyslog plain "$tcp"
last=$(last_seq)
ok "a receiver that was away" caught_up plain "$last"
is "has everything" "$(seqs_rsyslog plain | whole 1 "$last")" whole

# --- what was down all the time -----------------------------------------------------------------------
rsyslog down "$down"
ok "one that was down until now" caught_up down "$last" 30
is "has everything" "$(seqs_rsyslog down | whole 1 "$last")" whole
like "its error is over, and says so" "$(bs sinks | grep '^down ')" ' was, [0-9]+[a-z0-9]* ago: .*refused'
is "for programs too" "$(sink down '.last_error | [.over, has("since"), (.time | length > 20)] | join(" ")')" "true false true"
: >"$W/deaf.out.read"
ok "one that did not read until now" caught_up deaf "$last" 60
is "has everything" "$(sed 's/^[^{]*//' "$W/deaf.out" | seqs_json | whole 1 "$last")" whole

# --- the file: rotated, torn, full ------------------------------------------------------------------------
mv "$W/files/out" "$W/files/out.1"
make_events f 10
last=$(last_seq)
caught_up file "$last"
is "a renamed file: the next one goes on" "$(cat "$W/files/out.1" "$W/files/out" | seqs_json | whole 1 "$last")" whole
ok "and it is another one" test -s "$W/files/out"
daemon_stop
printf '{"half' >>"$W/files/out"
daemon_start || bail "boltseald"
make_events g 3
last=$(last_seq)
caught_up file "$last"
is "half a line of a crash is ended, the next is whole" "$(tail -n +1 "$W/files/out" | grep -c '^{"half$') $(tail -1 "$W/files/out" | jq -r .schema)" "1 boltseal.event/1"
mkdir "$W/tiny" && mount -t tmpfs -o size=64k,mode=777 tmpfs "$W/tiny" && at_exit "umount $W/tiny"
configure "$SINKS
- {name: full, type: file, address: $W/tiny/out, from: beginning, retry_min: 50ms, retry_max: 300ms}"
reload
if [ "$(bs doctor -o json | jq -r '.probes[] | select(.name == "Landlock of the gateway") | .ok')" = true ]; then
	says "a file where none was written when it started: what to do is told" full 'restart it'
else
	skip "a file where none was written when it started" "no Landlock"
fi
daemon_stop
daemon_start || bail "boltseald"
last=$(last_seq)
says "a full disk is told" full 'No space left on device'
is "no torn line" "$(tail -c1 "$W/tiny/out" | od -An -c | tr -d ' ')" '\n'
mount -o remount,size=16m "$W/tiny"
ok "and when there is room it goes on" caught_up full "$last"
is "nothing is lost" "$(seqs_json "$W/tiny/out" | whole 1 "$last")" whole
is "and nothing twice" "$(seqs_json "$W/tiny/out" | sort | uniq -d | wc -l)" 0

# --- syslog-ng -------------------------------------------------------------------------------------------
syslog_ng_get() { # unpacked, since it and rsyslog cannot both be installed
	command -v syslog-ng >/dev/null && { NG=; return; }
	NG=${BOLTSEAL_TEST_CACHE:-/var/cache/boltseal-tests}/syslog-ng
	[ -x "$NG/root/usr/sbin/syslog-ng" ] && return
	mkdir -p "$NG" && (cd "$NG" && timeout 120 apt-get download -qq syslog-ng-core >/dev/null 2>&1; dpkg -x syslog-ng-core_*.deb root) &&
		[ -x "$NG/root/usr/sbin/syslog-ng" ]
}
if syslog_ng_get; then
	ngp=$(free_port) ngt=$(free_port)
	mkdir -p "$W/ng"
	cat >"$W/ng/conf" <<-CONF
		@version: 3.38
		source s {
			network(ip("127.0.0.1") port($ngp) transport("tcp") flags(syslog-protocol));
			syslog(ip("127.0.0.1") port($ngt) transport("tls") tls(key-file("$W/server.key") cert-file("$W/server.pem") ca-file("$W/ca.pem") peer-verify(required-trusted)));
		};
		destination d { file("$W/ng/out" template("\$(format-json --scope sdata)\n")); };
		log { source(s); destination(d); };
	CONF
	sed -i '/network(/d' "$W/ng/conf"
	sed -i "s|source s {|source s { syslog(ip(\"127.0.0.1\") port($ngp) transport(\"tcp\"));|" "$W/ng/conf"
	LD_LIBRARY_PATH=$NG/root/usr/lib/syslog-ng:$NG/root/usr/lib/x86_64-linux-gnu "$NG/root/usr/sbin/syslog-ng" -F --no-caps -f "$W/ng/conf" \
		--module-path="$NG/root/usr/lib/syslog-ng/3.38" --persist-file="$W/ng/persist" --pidfile="$W/ng/pid" --control="$W/ng/ctl" >"$W/ng/log" 2>&1 &
	NG_PID=$!
	at_exit "kill $NG_PID 2>/dev/null"
	if wait_until 10 listening "$ngt"; then
		configure "$SINKS
- {name: ng, type: syslog, address: 'tcp://127.0.0.1:$ngp', $common}
$(t ngtls "$ngt" "ca: $W/ca.pem, cert: $W/client.pem, key: $W/client.key")"
		reload
		last=$(last_seq)
		ok "syslog-ng by TCP" caught_up ng "$last"
		ok "syslog-ng by TLS, both sides proven" caught_up ngtls "$last"
		ng_seqs() { ours ng seq | sort -n | uniq -c; }
		is "each event came by both ways" "$(ng_seqs | awk -v last="$last" '$1 >= 2 && $2 <= last' | wc -l)" "$last"
	else
		skip "syslog-ng" "it does not start here: $(head -c 300 "$W/ng/log")"
	fi
	stop "$NG_PID"
else
	skip "syslog-ng" "it is not installed, and its package cannot be had"
fi

# --- journald: one of its own, by hand --------------------------------------------------------------------
journald=/lib/systemd/systemd-journald ns=boltseal$$
if [ -x $journald ] && [ -s /etc/machine-id ]; then
	$journald "$ns" >"$W/journald.log" 2>&1 &
	JD=$!
	at_exit "kill $JD 2>/dev/null; rm -rf --one-file-system /run/systemd/journal.$ns /run/log/journal/*.$ns /var/log/journal/*.$ns"
fi
if [ -n "${JD:-}" ] && wait_until 10 test -S "/run/systemd/journal.$ns/socket"; then
	configure "$SINKS
- {name: journal, type: journald, address: 'unix:///run/systemd/journal.$ns/socket', from: beginning, retry_min: 50ms}"
	reload
	last=$(last_seq)
	ok "journald has caught up" caught_up journal "$last"
	jc() { journalctl --namespace="$ns" -o json --no-pager "$@" 2>/dev/null; }
	in_journal_() { [ "$(jc SYSLOG_IDENTIFIER=boltseal | wc -l)" -ge "$last" ]; }
	wait_until 10 in_journal_
	is "journalctl reads everything" "$(jc SYSLOG_IDENTIFIER=boltseal | jq -r .BOLTSEAL_SEQ | whole 1 "$last")" whole
	is "by a field" "$(jc BOLTSEAL_PATH=/tmp/ea-7 | jq -r '.BOLTSEAL_KIND + " " + .CONTAINER_ID' | head -1)" "A ${ID:0:12}"
	is "with the event itself" "$(jc BOLTSEAL_SEQ=3 | jq -r .BOLTSEAL_EVENT)" "$(events | sed -n 3p)"
else
	skip "journald" "none can be run here: $(head -c 200 "$W/journald.log" 2>/dev/null)"
fi

# --- behind retention --------------------------------------------------------------------------------------
configure "sinks: [{name: late, type: syslog, address: 'tcp://127.0.0.1:$(free_port)', $common}]
retention: {journal: 1s}"
reload
late_() { [ "$(sink late .state)" = waiting ]; }
wait_until 10 late_
daemon_stop
daemon_start || bail "boltseald"
make_events z 2
event_ok "what a sink never got is a gap in the journal" gap.opened \
	'.gap.cause == "sink behind" and (.detail | test("^sink late never got events 1 to [0-9]+: retention was quicker$")) and .gap.count > 100'
event_ok "that is over as soon as it is told" gap.closed '.gap.cause == "sink behind"'
# Retention works in slices; whatever their number, each event is missed once.
is "and each event is told once" "$(events --type gap.opened | jq -r 'select(.gap.cause == "sink behind") | .gap.detail' |
	sed 's/.*events \([0-9]*\) to \([0-9]*\):.*/\1 \2/' | awk '$1 != next_ + 1 { print "not after " next_ ": " $0 } { next_ = $2 }')" ""

# --- no secret anywhere, and the end ------------------------------------------------------------------------
gateway=$(role_pid gateway)
is "the gateway's memory is hidden from its own user" "$(stat -c %U "/proc/$gateway/maps")" root
from=$EPOCHREALTIME
kill -TERM "$gateway"
wait_gone 5 "$gateway"
to=$EPOCHREALTIME
ok "a gateway that is told to stops within 2 s" test $((${to/[.,]/} - ${from/[.,]/})) -lt 2000000
daemon_stop
is "boltseald stops in order" $? 0
stop "$SECURE"
finish
