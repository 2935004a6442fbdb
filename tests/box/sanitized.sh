#!/bin/bash
# sanitized.sh thread|address - the real daemon, built with a sanitizer, under a short rough day.
#
# `make sanitized` builds both into $OUT and runs this once for each. What the program does is
# checked elsewhere; here it only has to be done: a container that writes without a pause, one that
# comes and goes, a layer touched from the host, rescans, accepts, proofs, followers, bad requests, a
# new configuration, a role that dies, a restart, an end in order. Then: no sanitizer has written a
# report, of any process. Leaks are looked for where a process ends in order.
#
# shellcheck disable=SC2119,SC2317	# functions and commands that others call
cd "$(dirname "$0")" || exit 99
# shellcheck source=tests/box/lib.sh
. ./lib.sh
# shellcheck source=tests/box/engines.sh
. ./engines.sh
# shellcheck source=tests/box/daemon.sh
. ./daemon.sh

KIND=${1:-thread}
PATIENCE=60 # a sanitized daemon is ten times slower
need_root
need jq unshare busybox curl
{ [ -x "$BIN/boltseald" ] && [ -x "$BIN/boltseal" ]; } || bail "nothing is built in $BIN"
work_dir

# --- the sanitizer: its reports go to files that the gateway's user can make as well ---------------
mkdir -m 1777 "$W/reports"
case $KIND in
thread)
	SYMBOL=__tsan_init
	export TSAN_OPTIONS="log_path=$W/reports/r halt_on_error=0 history_size=7 second_deadlock_stack=1"
	;;
address)
	SYMBOL=__asan_init
	export ASAN_OPTIONS="log_path=$W/reports/r detect_leaks=1 detect_stack_use_after_return=1"
	export UBSAN_OPTIONS="log_path=$W/reports/r halt_on_error=0 print_stacktrace=1"
	;;
*) bail "which sanitizer is $KIND?" ;;
esac
for program in boltseald boltseal; do
	ok "$program is built with it" grep -qF "$SYMBOL" "$BIN/$program" || finish
done
"$BIN/boltseald" --version >/dev/null 2>&1 || bail "it does not start: $("$BIN/boltseald" --version 2>&1 | head -1)"

# --- what it looks after --------------------------------------------------------------------------
minibox_layers_ || bail "no layers"
cat >"$W/mini/l1/root/load" <<-'SH'
	cd /data && mkdir -p d && i=0
	while :; do
		i=$((i + 1)) n=$((i % 20))
		echo $i >f$n
		echo $i >>/etc/motd
		mv f$(((n + 10) % 20)) d/m$((i % 5)) 2>/dev/null
		chmod $((600 + i % 2 * 44)) f$n
		ln f$n h$n 2>/dev/null || rm -f h$n
		[ $((i % 40)) = 0 ] && { rm -rf d; mkdir d; mount -o bind /etc/motd /etc/passwd; umount /etc/passwd; }
		sleep 0.02
	done
SH
stamp_ "$W/mini/l1"
MINIBOX_CMD='sh /root/load' minibox busy || bail "the container did not start"
minibox calm || bail "the container did not start"
calm_pid=$MINI_PID
mkdir -p "$W/tree/sub"
echo 1 >"$W/tree/sub/file"
config() {
	daemon_config <<-YAML
		log: {level: $1}
		host:
		  - {name: sanitized, path: $W/tree, exclude: [/none/**]}
		watch: {workers: 4, sweep_interval: 3s, level: ${2:-auto}, marks: ${3:-auto}}
	YAML
}
id_of() { bs ps --format json | jq -er --arg u "$W/mini/$1/upper" '.items[] | select(.upper == $u) | .id'; }
baselined() { bs ps --format json | jq -e --arg u "$W/mini/$1/upper" '.items[] | select(.upper == $u) | .baselined'; }
both_baselined() { baselined busy && baselined calm; }

# --- the day --------------------------------------------------------------------------------------
# asks N: what people and monitors ask, right and wrong. Answers do not matter here.
asks() {
	local i path
	for ((i = 0; i < $1; i++)); do
		for path in /v1/status /v1/doctor /healthz /metrics /v1/targets?all=1 "/v1/targets/$BUSY/drift?limit=3" \
			"/v1/targets/$BUSY/file?path=/etc/motd" "/v1/targets/$BUSY/patch?path=/etc/motd" \
			"/v1/targets/$CALM/drift?against=$BUSY" "/v1/targets/$BUSY/drift?at=1s" /v1/baselines \
			/v1/layers "/v1/events?limit=20" /_ping /version /v1.41/containers/json \
			"/v1.41/containers/$BUSY/changes" /v1/nothing "/v1/targets/%00/drift"; do
			api GET "$path"
		done
		api POST "/v1/targets/$BUSY/verify"
		api POST /v1/verify -d '{"what":"layers"}'
		api POST "/v1/targets/$BUSY/accept" -d '{' -H 'If-Match: "0"'
		api BREW /
	done >/dev/null 2>&1
}
commands() {
	local i
	for ((i = 0; i < $1; i++)); do
		bs ps -a
		bs diff "$BUSY" -l
		bs diff "$BUSY" -p
		bs diff "$BUSY" --docker
		bs diff "$CALM" --against "$BUSY" --stat
		bs show "$BUSY" /etc/motd
		bs rescan "$BUSY"
		bs rescan "$CALM" /etc
		bs accept "$BUSY" --drift "$(drift_id "$BUSY")" --reason "a rough day"
		bs accept "$CALM" /data --drift "$(drift_id "$CALM")" --reason "a file" --expires 1s
		bs baseline list "$CALM"
		bs verify --all
		bs doctor
		bs log --since 10m --format jsonl
		bs nonsense
	done >/dev/null 2>&1
}
comes_and_goes() {
	local i
	for i in 1 2 3; do
		minibox "guest$i" || return 1
		wait_until "$PATIENCE" id_of "guest$i"
		minibox_exec "$MINI_PID" sh -c 'echo x >/etc/x; rm -rf /opt/del'
		minibox_stop "$MINI_PID"
	done
}
day() { # day DESC: until everything that goes on at one time has been done
	local pids=() p desc=$1 bad=0
	BUSY=$(id_of busy) CALM=$(id_of calm) || return 1
	timeout 60 "$BIN/boltseal" --socket "$W/run/s.sock" log -f >"$W/followed" 2>/dev/null &
	local follower=$!
	asks 3 & pids+=($!)
	asks 3 & pids+=($!)
	commands 2 & pids+=($!)
	minibox_exec "$calm_pid" sh -c 'i=0; while [ $i -lt 300 ]; do i=$((i + 1)); echo $i >/data/c$((i % 30)); done; rm -rf /opt/opq'
	echo "touched from the host" >>"$W/mini/l1/opt/keep/k1"
	echo 2 >>"$W/tree/sub/file" && mkdir -p "$W/tree/new/dir" && rm -rf "$W/tree/moved" && mv "$W/tree/new" "$W/tree/moved"
	config info "${@:2}" && kill -HUP "$DAEMON"
	comes_and_goes || bad=1
	for p in "${pids[@]}"; do wait "$p"; done
	wait_until "$PATIENCE" test -s "$W/followed" || bad=1
	kill "$follower" 2>/dev/null
	wait "$follower" 2>/dev/null
	ok "$desc: it answers afterwards" bs status
	is "$desc: all of it was done" "$bad" 0
}
# A report names the process; what was read of it is enough to find the place.
reports() { find "$W/reports" -type f -size +0 -exec head -60 {} +; }
no_reports() {
	local out
	out=$(reports | head -200)
	[ -z "$out" ] && { tap_ 0 "$1"; return; }
	tap_ 1 "$1"
	diag "$(find "$W/reports" -type f -size +0 | wc -l) reports:"
	diag "$out"
}

config debug
daemon_start || bail "boltseald: $(reports)"
wait_until "$PATIENCE" both_baselined || bail "no baseline: $(tail -5 "$W/log")"
day "the first day"
for role in gateway sensor; do
	old=$(role_pid $role) && kill -9 "$old"
	role_is_new() { local p; p=$(role_pid "$role") && [ "$p" != "$old" ] && bs status --format json | jq -e '.sensor.state == "up"'; }
	ok "the $role comes back" wait_until "$PATIENCE" role_is_new
done
daemon_stop
is "it ends in order" $? 0
no_reports "no report after the first life"
config debug L5 # inotify instead of fanotify
daemon_start || bail "boltseald: $(reports)"
wait_until "$PATIENCE" both_baselined || bail "no baseline: $(tail -5 "$W/log")"
day "the second day, with inotify" L5
daemon_stop
is "it ends in order again" $? 0
no_reports "no report after the second life"

# A role alone ends in order as well: a leak cannot hide behind the supervisor.
sensor='' gateway=''
for role in sensor gateway; do
	"$BIN/boltseald" --config "$W/boltseal.yaml" --state-dir "$W/state" --socket "$W/run/s.sock" \
		$role >>"$W/log" 2>&1 &
	eval "$role=$!"
done
takes_signals() { # SIGTERM is blocked: it comes by signalfd
	local blocked
	blocked=$(awk '/^SigBlk:/ { print substr($2, length($2) - 3) }' "/proc/$1/status") && [ $((16#${blocked:-0} & 16#4000)) != 0 ]
}
up() { takes_signals "$sensor" && takes_signals "$gateway" && bs status --format json | jq -e '.sensor.state == "up"'; }
ok "the roles run one by one" wait_until "$PATIENCE" up
for role in gateway sensor; do
	kill "${!role}"
	wait "${!role}"
	is "the $role ends in order" $? 0
done
no_reports "no report of the roles"
finish
