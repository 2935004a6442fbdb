#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Every level of watching, forced one after the other on a real container: each tells the same truth,
# and says what it cannot tell. Then what no event tells in time: a mapping that stays, a file that
# never rests, more changes than there is room for.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare pivot_root busybox nsenter python3
need_daemon
work_dir

# box NAME: a minibox; $ID, $R its root, $U its upper directory, as in 040.
box() {
	U=$W/mini/$1/upper
	ID=$(printf %s "$U" | sha256sum | cut -d' ' -f1)
	MINIBOX_VISIBLE=1 minibox "$1" || bail "minibox $1"
	R=/proc/$MINI_PID/root
	wait_until 20 target_is_known_ "$ID" || bail "$1 is not found: $(tail -3 "$W/log")"
}
in_box() { minibox_exec "$MINI_PID" sh -c "$1"; }
level_of() { bs doctor -o json | jq -r --arg id "$ID" '.targets[] | select(.id == $id) | .level'; }
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
# What the upper tree holds of /data, as find sees it: all of it is new.
data() { (cd "$U" && find data -mindepth 1 2>/dev/null | sed 's,^,A /,') | sort -k2; }
data_is_() { [ "$(drift "$ID" /data)" = "$(data)" ]; }
at_rest_() { data_is_ && bs diff "$ID" -o json | jq -e 'all(.items[]; .unsettled != true)'; }
exe_() { events "$ID" --path "$1" | jq -r 'select(.type == "change") | .actor | .exe // .reason' | tail -1; }

# Names and contents, in every way that a level could miss one.
changes='echo x >>/etc/app.conf; chmod 600 /etc/group; rm /etc/motd; mv /opt/app/version /opt/app/v2
	mkdir -p /srv/a/b/c; echo deep >/srv/a/b/c/f; ln -s x /srv/link; mkfifo /srv/fifo
	rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/new; truncate -s 3 /opt/mtime/f
	cp -p /opt/keep/k1 /tmp/r; echo kk >/opt/keep/k1; touch -r /tmp/r /opt/keep/k1; rm /tmp/r'
found="C /etc/app.conf
C /etc/group
D /etc/motd
A /opt/app/v2
D /opt/app/version
C /opt/keep/k1
C /opt/mtime/f
A /opt/opq/new
D /opt/opq/o1
D /opt/opq/o2
A /srv
A /srv/a
A /srv/a/b
A /srv/a/b/c
A /srv/a/b/c/f
A /srv/fifo
A /srv/link"
storm='cd /data; i=0; while [ $i -lt 150 ]; do i=$((i + 1)); mkdir -p $0/$((i % 7))/x; echo $i >$0/f$i
	mv $0/f$i $0/$((i % 7))/x/m; echo $i >>$0/$((i % 7))/x/m; rm -rf $0/$((i % 5)); done'

level() { # level LEVEL MARKS
	local name=$1-$2 actor writers=() writer
	daemon_config <<<"watch: {level: $1, marks: $2}"
	daemon_start || bail "boltseald: $name"
	box "$name"
	wait_until 20 baselined_
	is "$name: it is what was asked for" "$(level_of)" "$1"
	in_box "$changes"
	if [ "$1" = L6 ]; then
		bs rescan "$ID" >/dev/null 2>&1
		like "$name: doctor says what is lost" "$(bs doctor 2>&1)" 'when and who'
	fi
	drift_is "$name: everything is found" "$ID" "$found"
	in_box 'echo y >>/etc/app.conf; mv /opt/app/v2 /opt/app/version; echo again >>/srv/a/b/c/f'
	[ "$1" != L6 ] || bs rescan "$ID" >/dev/null 2>&1
	drift_is "$name: and what goes on" "$ID" "$(grep -v /opt/app/ <<<"$found")"
	wait_until "$PATIENCE" sha_is_ /srv/a/b/c/f
	is "$name: with its content" "$(now_sha_ /srv/a/b/c/f)" "$(sha256sum <"$R/srv/a/b/c/f" | cut -d' ' -f1)"
	if [ "$1" != L6 ]; then
		for writer in a b c; do
			minibox_exec "$MINI_PID" sh -c "$storm" "$writer" &
			writers[${#writers[@]}]=$!
		done
		wait "${writers[@]}"
		ok "$name: three made a storm" test -d "$R/data/a" -a -d "$R/data/b" -a -d "$R/data/c"
		ok "$name: a storm comes to rest" wait_until 30 at_rest_
		is "$name: as what lies in the upper tree" "$(drift "$ID" /data)" "$(data)"
		who "$name" "$1"
	fi
	actor=$(drift_id "$ID")
	bs rescan "$ID" >/dev/null 2>&1
	is "$name: a rescan finds nothing else" "$(drift_id "$ID")" "$actor"
	minibox_stop "$MINI_PID"
	daemon_stop
	rm -rf "$W/state"
}
now_sha_() { bs show "$ID" "$1" -o json 2>/dev/null | jq -r .now.sha256; }
sha_is_() { [ "$(now_sha_ "$1")" = "$(sha256sum <"$R$1" | cut -d' ' -f1)" ]; }
exe_known_() { [ -n "$(exe_ /data/who)" ]; }
# A writer that lives on: it is named where the level can name it, and nobody is where not. Of a file
# L4 may be told by the content, whose writer it knows, or by the name, whose maker it does not: so
# there a directory is made.
who() {
	local what='echo x >/data/who'
	[ "$2" = L1 ] || [ "$2" = L2 ] || what='mkdir /data/who'
	in_box "$what"'; while [ ! -e /dev/go ]; do usleep 20000; done; rm /dev/go' &
	wait_until "$PATIENCE" exe_known_
	case $2 in
	L1 | L2) is "$1: the writer is named" "$(exe_ /data/who)" /bin/busybox ;;
	*) like "$1: why the writer is not named" "$(exe_ /data/who)" 'level does not tell' ;;
	esac
	: >"$R/dev/go"
	wait $!
}
level L1 directories
level L1 filesystem
level L2 directories
level L2 filesystem
level L4 auto
level L5 auto
level L6 auto

# --- one life watched, the next one otherwise: the same state ------------------------------------
daemon_config <<<'watch: {level: L5}
log: {level: info}'
daemon_start || bail "boltseald"
box change
in_box 'echo 1 >/data/one'
drift_is "watched by inotify" "$ID" "A /data/one"
daemon_stop
in_box 'echo 2 >/data/two; rm /data/one'
daemon_config <<<'watch: {level: L1}'
daemon_start || bail "boltseald"
drift_is "watched by fanotify: what happened between is found" "$ID" "A /data/two"
event_ok "the blind time is a gap" gap.opened '.gap.cause == "daemon down"'
event_ok "and it is closed" gap.closed '.gap.cause == "daemon down"'

# --- what no event tells --------------------------------------------------------------------------
# A mapping written after its descriptor was closed, for as long as the test says.
cat >"$W/mapper.py" <<'PY'
import mmap, os, sys
f = open(sys.argv[1], "r+b")
m = mmap.mmap(f.fileno(), 0)
f.close()
print("mapped", flush=True)
for line in sys.stdin:
    m[0:1] = line[:1].encode()
    print("stored", flush=True)
PY
mapped() { bs diff "$ID" /opt/mtime/f -o json | jq -c '.items[0] | [.new.sha256, .unsettled // false]'; }
mapped_is_() { [ "$(mapped)" = "[\"$(sha256sum <"$R/opt/mtime/f" | cut -d' ' -f1)\",$1]" ]; }
coproc MAPPER { python3 "$W/mapper.py" "$R/opt/mtime/f"; }
read -r -t 10 -u "${MAPPER[0]}" _
echo A >&"${MAPPER[1]}"; read -r -t 10 -u "${MAPPER[0]}" _
ok "a store through a mapping: found, and not settled" wait_until 20 mapped_is_ true
echo B >&"${MAPPER[1]}"; read -r -t 10 -u "${MAPPER[0]}" _
ok "a second one, which no kernel tells of: found by looking again" wait_until 20 mapped_is_ true
eval "exec ${MAPPER[1]}>&-"
wait "$MAPPER_PID" 2>/dev/null
ok "when the mapping is gone it is settled" wait_until 60 mapped_is_ false

# The same process, another program.
in_box 'echo 1 >/data/before; while [ ! -e /dev/go ]; do usleep 20000; done
	exec /bin/busybox sh -c "echo 2 >/data/after; while [ -e /dev/go ]; do usleep 20000; done" second' &
cmdline_() { events "$ID" --path "$1" | jq -r 'select(.type == "change") | .actor.cmdline // empty | join(" ")' | tail -1; }
named_() { [ -n "$(cmdline_ "$1")" ]; }
ok "a writer is named" wait_until "$PATIENCE" named_ /data/before
: >"$R/dev/go"
ok "after its exec, too" wait_until "$PATIENCE" named_ /data/after
like "as what it is then" "$(cmdline_ /data/after)" 'second$'
rm "$R/dev/go"
wait $!

# A descriptor that stays open: each write is told.
in_box 'exec 3<>/data/held; echo 1 >&3; while [ ! -e /dev/go ]; do usleep 20000; done; echo 2 >&3; while [ -e /dev/go ]; do usleep 20000; done' &
held_is_() { [ "$(now_sha_ /data/held)" = "$(printf '%s' "$1" | sha256sum | cut -d' ' -f1)" ]; }
ok "a write through a descriptor that stays open" wait_until "$PATIENCE" held_is_ '1
'
: >"$R/dev/go"
ok "and the next one" wait_until "$PATIENCE" held_is_ '1
2
'
rm "$R/dev/go"
wait $!
daemon_stop

# --- more than there is room for ------------------------------------------------------------------
daemon_config <<<'watch: {queue: 256, debounce: 1s}'
daemon_start || bail "boltseald"
box crowd
in_box 'cd /data; i=0; while [ $i -lt 2000 ]; do i=$((i + 1)); echo $i >f$i; done'
event_ok "more changes than watch.queue: a gap is opened" gap.opened '.gap.cause == "overflow"'
ok "the drift becomes whole" wait_until 60 data_is_
is "all 2000 are there" "$(drift "$ID" /data | wc -l)" 2000
event_ok "and the gap is closed" gap.closed '.gap.cause == "overflow"'
daemon_stop

# --- both ways of finding containers --------------------------------------------------------------
for how in statmount proc; do
	DAEMON_BASE="group: root
" daemon_config <<<"runtimes: {discover: $how}"
	if ! daemon_start; then
		skip "discover: $how" "$(tail -1 "$W/log")"
		continue
	fi
	drift_is "discover: $how: a container that ran before" "$ID" "$(data)"
	box "by-$how"
	in_box 'rm /etc/motd'
	drift_is "discover: $how: a new one" "$ID" "D /etc/motd"
	minibox_stop "$MINI_PID"
	event_ok "discover: $how: its end" target.stopped true "$ID"
	daemon_stop
	ID=$(printf %s "$W/mini/crowd/upper" | sha256sum | cut -d' ' -f1) U=$W/mini/crowd/upper
done
finish
