#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; shells inside; called by wait_until
# Who did it: writers of every origin, also those that have ended long before anybody looks; sessions
# that setsid and a new parent do not end; programs that are drift themselves; pids that come round.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need dockerd podman runc nsenter python3
need_daemon
work_dir
engine_docker_start && image_busybox docker || bail "dockerd"
daemon_start || bail "boltseald"
sensor=$(role_pid sensor)
live=$(bs doctor -o json | jq -r '.probes[] | select(.name == "process events") | .ok')
[ "$live" = true ] || skip_all "no process connector: $(bs doctor -o json | jq -r '.probes[] | select(.name == "process events") | .result')"

# actor PATH [TARGET]: of its last change. who PATH JQ: something of it.
actor() { events "${2:-$ID}" --path "$1" | jq -c 'select(.type == "change") | .actor' | tail -1; }
known_() { [ -n "$(actor "$1" "${2:-$ID}")" ]; }
who() {
	wait_until "$PATIENCE" known_ "$1" "${3:-$ID}"
	actor "$1" "${3:-$ID}" | jq -r "$2"
}
# Everything that can be known of a process in a container.
FULL='(.reason | not) and .origin != "unknown" and (.exe // "") != "" and (.cmdline | length) > 0
	and .start > 0 and .uid != null and .gid != null and (.cwd // "") != "" and (.comm // "") != ""
	and (.ancestry | length) > 0'
full() { is "$1: everything is known" "$(who "$2" "if $FULL then \"yes\" else tojson end" "${3:-$ID}")" yes; }
sessions() { events "$ID" --type exec.session | jq -c "select(.session.id == \"$1\")"; }
closed_() { sessions "$1" | jq -es 'any(.[]; .session.closed)'; }

# --- Docker ---------------------------------------------------------------------------------------
ID=$(run_docker web bb:2 sh -c 'while :; do
	if [ -e /data/go ]; then rm /data/go; cd /home; /bin/sh -c "echo x >/data/work"; fi; usleep 20000; done') ||
	bail "docker run"
wait_target "$ID"
PID=$(docker_pid web)
docker_ exec web touch /data/go
full workload /data/work
is "workload" "$(who /data/work '[.origin, .container, .session // "-", .cwd, (.cmdline | join(" ")), .uid] | join("|")')" \
	"workload|$ID|-|/home|/bin/sh -c echo x >/data/work|0"
# One makes the directory's copy, and is gone from it; what another makes there is never his.
docker_ exec web sh -c 'touch /opt/keep/one; rm /opt/keep/one; usleep 15000; /bin/sh -c "echo x >/opt/keep/other"'
is "what is found alone in a new copy is not the copier's" "$(who /opt/keep/other '.cmdline // [] | join(" ")')" \
	'/bin/sh -c echo x >/opt/keep/other'
is "below the container's init" "$(who /data/work '.ancestry[-1].pid')" "$PID"
is "and nobody above that" "$(who /data/work '.ancestry | length')" 1

docker_ exec -u 100:100 -w /home web /bin/sh -c 'echo x >/tmp/execd; /bin/sh -c "echo y >/tmp/below"; :'
full "docker exec" /tmp/execd
is "docker exec" "$(who /tmp/execd '[.origin, .container, .uid, .gid, .cwd, .tty // "-"] | join("|")')" "exec|$ID|100|100|/home|-"
like "put there by the runtime" "$(who /tmp/execd '.ancestry[0] | .exe + " " + .comm')" 'runc'
is "a child is of the same session" "$(who /tmp/below .session)" "$(who /tmp/execd .session)"
is "below its leader" "$(who /tmp/below '.ancestry[0].pid')" "$(who /tmp/execd .pid)"
session=$(who /tmp/execd .session)
like "a session has a name" "$session" '^[0-9]+-[0-9]+$'
ok "the session is closed" wait_until "$PATIENCE" closed_ "$session"
is "what it changed" "$(sessions "$session" | jq -c 'select(.session.closed) | .session | [.n_paths, (.paths | sort), .uid]')" \
	'[2,["/tmp/below","/tmp/execd"],100]'
is "its command line" "$(sessions "$session" | jq -r 'select(.session.closed | not) | .session.cmdline[1]')" -c
like "in words" "$(bs log "$ID" --type exec.session)" "$session: exec uid 100 /bin/busybox\[[0-9]+\] as sh <- .*changed 2 paths: "
like "show names it" "$(bs show "$ID" /tmp/execd)" "exec session: $session"

docker_ exec web /bin/sh -c 'su web -c "echo x >/tmp/asweb"'
is "who becomes another user is that user" "$(who /tmp/asweb '[.origin, .uid, .gid] | join("|")')" "exec|100|100"

# A terminal; then what it leaves behind, in a session of its own and below another parent.
docker_ exec -t web /bin/sh -c 'echo x >/data/tty
	setsid /bin/sh -c "while [ ! -e /data/end ]; do usleep 20000; done; echo y >/data/daemon" >/dev/null 2>&1 &
	while [ "$(cat /proc/$!/comm)" = setsid ] || [ "$(cut -d" " -f6 /proc/$!/stat)" = "$(cut -d" " -f6 /proc/$$/stat)" ]; do usleep 20000; done'
full "docker exec -t" /data/tty
session=$(who /data/tty .session)
is "a terminal" "$(who /data/tty .tty)" pts/0
is "and a person, so it is worth more" "$(sessions "$session" | head -1 | jq -r .severity)" low
docker_ exec web touch /data/end
full "left behind" /data/daemon
is "left behind: of the same session, without its terminal" "$(who /data/daemon '[.origin, .session, .tty // "-"] | join("|")')" "exec|$session|-"
ok "the session is closed with its last process" wait_until "$PATIENCE" closed_ "$session"
is "both are its own" "$(sessions "$session" | jq -c 'select(.session.closed) | .session.paths | sort')" '["/data/daemon","/data/tty"]'

echo hi >"$W/copied"
docker_ cp "$W/copied" web:/root/copied >/dev/null
is "docker cp" "$(who /root/copied '[.origin, .container // "-"] | join("|")')" "runtime|-"
nsenter -t "$PID" -m -p -r -w/ -- /bin/sh -c 'echo x >/root/entered'
full nsenter /root/entered
is "nsenter is the host" "$(who /root/entered '[.origin, .session // "-"] | join("|")')" "host|-"
merged=$(docker_ inspect -f '{{.GraphDriver.Data.MergedDir}}' web)
/bin/sh -c 'echo x >"$0/root/direct"' "$merged"
is "through the merged directory: the host" "$(who /root/direct .origin)" host
like "by a shell" "$(who /root/direct '.exe_host')" '/(da|ba|bu).*sh'

# --- two hands at one moment: nobody hides behind the other ------------------------------------------
TWO=$(run_docker two bb:2 sh -c 'while :; do
	if [ -e /data/w ]; then rm /data/w; chmod 640 /etc/passwd; fi
	[ ! -e /data/log ] || echo line >>/var/log/app.log
	usleep 10000; done') || bail "docker run"
wait_target "$TWO"
by_exec() { # PATH: how many changes of it are told of an exec session
	events "$TWO" --type change --path "$1" | jq -s 'map(select(.actor.origin == "exec")) | length'
}
for i in 1 2 3; do
	docker_ exec two sh -c "echo evil$i::0:0::/:/bin/sh >>/etc/passwd; : >/data/w"
	settled_() { [ ! -e "$(docker_ inspect -f '{{.GraphDriver.Data.UpperDir}}' two)/data/w" ]; }
	wait_until "$PATIENCE" settled_
done
thrice_() { [ "$(by_exec /etc/passwd)" -ge 3 ]; }
ok "who wrote is told, whoever changed its mode at once" wait_until "$PATIENCE" thrice_
all_in_() { [ "$(events "$TWO" --type exec.session | jq -s 'map(select(.session.closed and .session.n_paths > 0)) | length')" -ge 3 ]; }
ok "and his session has the path" wait_until "$PATIENCE" all_in_
like "in the drift he stays" "$(bs diff -l "$TWO" /etc/passwd)" ' exec uid 0 '
docker_ exec two sh -c ': >/data/log; usleep 300000; i=0; while [ $i -lt 5 ]; do i=$((i + 1)); /bin/sh -c "echo FORGED >>/var/log/app.log"; usleep 70000; done; rm /data/log'
forged_() { [ "$(by_exec /var/log/app.log)" -ge 1 ]; }
ok "so is who writes into a log that grows all the time" wait_until "$PATIENCE" forged_

# --- the first change in a directory of the image, and what a new directory holds from its first moment ---
FIRST=$(run_docker first bb:2 sleep 1000) || bail "docker run"
wait_target "$FIRST"
# by NAME CMD PATH...: runs CMD in the container; it, or a program that it ran, made every PATH.
by() {
	local what=$1 cmd=$2 p
	shift 2
	docker_ exec first /bin/sh -c "$cmd"
	for p; do full "$what: $p" "$p" "$FIRST"; done
}
by "a file" 'echo x >/data/file' /data/file
by "two programs, one directory" '/bin/sh -c "echo x >/mnt/one"; /bin/sh -c "echo x >/mnt/two"; :' /mnt/one /mnt/two
is "the first is the first's" "$(who /mnt/one '.cmdline | join(" ")' "$FIRST")" '/bin/sh -c echo x >/mnt/one'
is "the second the second's" "$(who /mnt/two '.cmdline | join(" ")' "$FIRST")" '/bin/sh -c echo x >/mnt/two'
by "moved there" 'echo x >/tmp/m; mv /tmp/m /home/moved' /home/moved
by "a link" 'ln -s /etc/passwd /opt/hl/link' /opt/hl/link
by "mode" 'chmod 700 /opt/mtime/f' /opt/mtime/f
by "new directories" 'mkdir -p /root/a/b/c; echo x >/root/a/b/c/f' /root/a /root/a/b /root/a/b/c /root/a/b/c/f
by "a copied tree" 'cp -r /etc /root/etc' /root/etc/passwd /root/etc/group
by "an unpacked tree" 'tar c /etc | tar x -C /opt/app/sub' /opt/app/sub/etc/passwd /opt/app/sub/etc/group
by "a file deleted" 'rm /opt/opq/o1' /opt/opq/o1
by "a tree moved as it is" '/bin/busybox mv /root/etc /var/etc; :' /var/etc/passwd
is "moved by mv" "$(who /var/etc/passwd '.cmdline[1]' "$FIRST")" mv

# --- taint ----------------------------------------------------------------------------------------
docker_ exec web cp /bin/busybox /tmp/busybox
wait_until "$PATIENCE" known_ /tmp/busybox
docker_ exec web /tmp/busybox sh -c "echo x >/data/tainted"
is "a dropped program's change is tainted" "$(who /data/tainted '[.exe, .drifted] | join("|")')" "/tmp/busybox|true"
bb=$(sha256sum <"/proc/$PID/root/bin/busybox" | cut -d' ' -f1)
is "with its digest" "$(who /data/tainted .sha256)" "$bb"
like "in words" "$(bs diff -l "$ID" /data/tainted)" 'exec uid 0 /tmp/busybox\[[0-9]+\] \(itself drift\) <- runc'
docker_ exec web /bin/sh -c 'cp /bin/busybox /mnt/busybox; /mnt/busybox sh -c "echo x >/opt/quick"; rm /mnt/busybox'
is "also when it came just now" "$(who /opt/quick .drifted)" true
is "the image's own program is not" "$(who /data/tty '[.drifted // false, .sha256] | join("|")')" "false|$bb"
is "where it lies on the host" "$(sha256sum <"$(who /data/tty .exe_host)" | cut -d' ' -f1)" "$bb"

# --- short lives ----------------------------------------------------------------------------------
docker_ exec web /bin/sh -c 'i=0; while [ $i -lt 400 ]; do i=$((i + 1)); /bin/sh -c "echo x >/data/l$i"; done'
all_there_() { [ "$(drift "$ID" /data | grep -c /data/l)" = 400 ]; }
wait_until 20 all_there_
read -r full of < <(events "$ID" --type change --path '/data/l*' | jq -rs "[.[] | .path = .change.path | select(.path | test(\"/l[0-9]+\$\"))] |
	\"\(map(select(.path as \$p | .actor | $FULL and .origin == \"exec\" and .session != null and .cmdline[2] == \"echo x >\" + \$p)) | length) \(length)\"")
diag "$full of $of short writers are known in full; $(bs status -o json | jq -c '.sensor.counters.counters | {programs_read, programs_late, process_events_lost}')"
ok "a loop of short writers: at least 95 of 100 are known in full" test "$of" -ge 400 -a $((full * 100)) -ge $((of * 95))

# --- pids that come round -------------------------------------------------------------------------
cat >"$W/again.py" <<'PY'
import os, sys
top, n = sys.argv[1], int(sys.argv[2])
def run(path):
    pid = os.fork()
    if pid == 0:
        os.execv("/bin/sh", ["/bin/sh", "-c", 'echo x >"$0"', path])
    os.waitpid(pid, 0)
    return pid
again = 0
for i in range(n):
    first = run(f"{top}/a{i}")
    with open("/proc/sys/kernel/ns_last_pid", "w") as f:
        f.write(str(first - 1))
    again += run(f"{top}/b{i}") == first
print(again)
PY
mkdir -p "$merged/data/again"
if again=$(python3 "$W/again.py" "$merged/data/again" 40 2>"$W/again.log") && [ "$again" -gt 0 ]; then
	both_there_() { [ "$(drift "$ID" /data/again | grep -c '/[ab][0-9]')" = 80 ]; }
	wait_until 20 both_there_
	events "$ID" --type change --path '/data/again/*' >"$W/again.json"
	wrong=$(jq -rs '[.[] | select(.actor.cmdline != null and (.change.path as $p | .actor.cmdline[-1] | endswith($p) | not))] | length' "$W/again.json")
	diag "$again of 40 pids were given again at once; of 80 changes $(jq -rs '[.[] | select(.actor.origin == "unknown")] | length' "$W/again.json") are nobody's"
	is "a pid that comes round is never taken for who had it" "$wrong" 0
else
	skip "a pid that comes round" "pids cannot be chosen here: $(tail -1 "$W/again.log")"
fi
is "the sensor is never the actor" "$(events --type change | jq -r ".actor.pid // 0 | select(. == $sensor)")" ""

# --- a session that was there before the sensor ---------------------------------------------------
docker_ exec web /bin/sh -c 'while [ ! -e /data/later ]; do usleep 20000; done; echo x >/data/before' &
early=$!
wait_until 10 sh -c "pgrep -f 'data/later' >/dev/null"
daemon_stop
daemon_start || bail "boltseald"
event_ok "the sensor has looked through what it missed" gap.closed '.gap.cause == "daemon down"'
touch "$merged/data/later"
wait "$early"
is "a session that began before the sensor" "$(who /data/before 'if .origin == "exec" and (.session // "" | test("^[0-9]+-[0-9]+$")) then "yes" else tojson end')" yes

# --- Podman ---------------------------------------------------------------------------------------
if engine_podman_start && image_busybox podman; then
	daemon_stop
	daemon_start || bail "boltseald"
	ID=$(run_podman pod bb:2 sh -c 'while :; do
		if [ -e /data/go ]; then rm /data/go; /bin/sh -c "echo x >/data/work"; fi; usleep 20000; done') || bail "podman run"
	wait_target "$ID"
	podman_ exec pod sh -c ': >/data/first'
	wait_until "$PATIENCE" known_ /data/first
	podman_ exec pod touch /data/go
	full "podman: workload" /data/work
	is "podman: workload" "$(who /data/work '[.origin, .container] | join("|")')" "workload|$ID"
	podman_ exec pod /bin/sh -c 'echo x >/data/execd; setsid /bin/sh -c "while [ ! -e /dev/left ]; do usleep 20000; done; echo y >/data/left" & :'
	: >"/proc/$(podman_ inspect -f '{{.State.Pid}}' pod)/root/dev/left"
	full "podman exec" /data/execd
	is "podman exec" "$(who /data/execd '[.origin, .container] | join("|")')" "exec|$ID"
	is "podman exec: what it left behind" "$(who /data/left '[.origin, .session] | join("|")')" "exec|$(who /data/execd .session)"
	session=$(who /data/execd .session)
	ok "podman exec: its session is closed" wait_until "$PATIENCE" closed_ "$session"
	is "podman exec: with its paths" "$(sessions "$session" | jq -c 'select(.session.closed) | .session.paths | sort')" '["/data/execd","/data/left"]'
	podman_ cp "$W/copied" pod:/root/copied >/dev/null
	is "podman cp" "$(who /root/copied .origin)" runtime
	podman_ rm -fa -t 0 >/dev/null 2>&1
else
	skip "podman" "it does not start here"
fi

# --- without the connector ------------------------------------------------------------------------
daemon_stop
daemon_config <<<'watch: {processes: false}'
daemon_start || bail "boltseald"
ID=$(docker_ inspect -f '{{.Id}}' web)
wait_target "$ID"
is "off: doctor says so" "$(bs doctor -o json | jq -r '.probes[] | select(.name == "process events") | .result')" "off by configuration (watch.processes)"
like "and what is lost" "$(bs doctor -o json | jq -r '.probes[] | select(.name == "process events") | .without')" 'a writer that has ended when its change is read is not known'
no_gap_() { bs status -o json | jq -e '.gaps | length == 0'; }
wait_until 20 no_gap_ # what the look after a start finds first has no actor
docker_ exec web /bin/sh -c 'echo x >/data/slow; while [ ! -e /dev/seen ]; do usleep 20000; done' &
wait_until "$PATIENCE" known_ /data/slow
: >"/proc/$(docker_ inspect -f '{{.State.Pid}}' web)/root/dev/seen"
wait $!
is "off: a writer that lives is known all the same" "$(who /data/slow '[.origin, .exe, .cmdline[1]] | join("|")')" "exec|/bin/busybox|-c"
docker_ cp "$W/copied" web:/root/slowly >/dev/null
ok "off: what docker cp brings is seen" wait_until "$PATIENCE" known_ /root/slowly
is "off: docker cp is no exec session" "$(actor /root/slowly | jq -r '(.origin | select(. != "unknown")) // "runtime"')" runtime
is "off: of no container" "$(actor /root/slowly | jq -r '[.container // "-", .session // "-", .drifted // false] | join("|")')" "-|-|false"
daemon_stop
finish
