#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; shells inside; called by wait_until
# A program that is drift is run: one event each, also when it is run before anybody has looked at it,
# when it is gone again at once, and not for what the image has or what was replaced later.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need dockerd runc jq
need_daemon
work_dir
engine_docker_start && image_busybox docker || bail "dockerd"
R=$W/rules.d
mkdir -p "$R" && chmod 755 "$R"
cat >"$R/10.yaml" <<'Y'
rules:
  - {name: deployed, paths: "/opt/app/**", expect: {reason: deployed in place}}
Y
daemon_config <<<"rules_dir: $R"
daemon_start || bail "boltseald"
live=$(bs doctor -o json | jq -r '.probes[] | select(.name == "process events") | .ok')
[ "$live" = true ] || skip_all "no process connector"
ID=$(run_docker web bb:2 sleep 1000) || bail "docker run"
wait_target "$ID"
in_web() { docker_ exec web sh -c "$1"; }
ran() { events "$ID" --type exec.drifted | jq -c "select(.change.path == \"$1\") | $2"; }
ran_() { [ -n "$(ran "$1" .seq)" ]; }
told() { # told DESC PATH JQ WANT: of its last one
	wait_until "$PATIENCE" ran_ "$2"
	is "$1" "$(ran "$2" "$3" | tail -1)" "$4"
}
n_ran() { ran "$1" .seq | wc -l; }
bb=$(sha256sum <"/proc/$(docker_pid web)/root/bin/busybox" | cut -d' ' -f1)

# What is known to be drift; it names who ran it, and what differs.
in_web 'cp /bin/busybox /home/evil'
wait_until "$PATIENCE" has_event change '.change.path == "/home/evil"' "$ID"
in_web 'exec -a sleep /home/evil 0.5'
told "a program that is drift is run" /home/evil \
	'[.severity, .actor.exe, .actor.origin, .actor.drifted, .actor.cmdline[0], .change.kind, .change.new.sha256]' \
	"[\"high\",\"/home/evil\",\"exec\",true,\"sleep\",\"A\",\"$bb\"]"
like "since when" "$(ran /home/evil .reason)" 'not in the baseline, here since 20'
like "in words" "$(bs log "$ID" --type exec.drifted)" 'high +exec.drifted .*/home/evil'
in_web 'i=0; while [ $i -lt 50 ]; do i=$((i + 1)); (exec -a true /home/evil); done'
in_web ': >/etc/fence'
wait_until "$PATIENCE" has_event change '.change.path == "/etc/fence"' "$ID"
is "a loop of it is told once, of the shell that starts it" \
	"$(ran /home/evil .actor.ancestry[0].comm | tail -n +2)" '"sh"'
in_web 'echo >>/home/evil; (exec -a sleep /home/evil 0.02); :'
thrice_() { [ "$(n_ran /home/evil)" = 3 ]; }
ok "other content is told anew" wait_until "$PATIENCE" thrice_

# Run at once, before it is looked at; and gone when it is.
in_web 'cp /bin/busybox /home/quick; exec -a sleep /home/quick 0.2'
told "run as soon as it is there" /home/quick '[.severity, .change.kind, .change.new.sha256]' "[\"high\",\"A\",\"$bb\"]"
in_web 'cp /bin/busybox /home/short; (exec -a sleep /home/short 0.02); rm /home/short; :'
told "gone again at once" /home/short '[.severity, .change.kind]' '["high","A"]'

# What is replaced while it runs was the image's when it was run.
docker_ exec -d web sh -c 'exec /bin/busybox sleep 20'
cp "/proc/$(docker_pid web)/root/bin/busybox" "$W/busybox" && echo >>"$W/busybox"
runs_() { pgrep -f '^/bin/busybox sleep 20$'; }
wait_until "$PATIENCE" runs_
in_web 'echo x >/data/later' # when that is told, the run is longer ago than a touch may be read late
wait_until "$PATIENCE" has_event change '.change.path == "/data/later"' "$ID"
docker_ cp "$W/busybox" web:/bin/busybox >/dev/null
wait_until "$PATIENCE" has_event change '.change.path == "/bin/busybox"' "$ID"
is "what was replaced later was not drift when it was run" "$(ran /bin/busybox '.change.kind' | head -1)" ""
in_web ':'
told "what is run of it from then on is" /bin/busybox '[.severity, .change.kind]' '["high","C"]'

in_web 'cp /bin/busybox /opt/app/tool; exec -a sleep /opt/app/tool 0.2'
told "an expected path is for the record" /opt/app/tool '[.severity, .rule.name]' '["info","deployed"]'

# It ran before the sensor did.
docker_ exec -d web sh -c 'cp /bin/busybox /mnt/early; exec -a sleep /mnt/early 1000'
wait_until "$PATIENCE" ran_ /mnt/early
ID2=$(run_docker early bb:2 sh -c 'cp /bin/busybox /mnt/early2; exec -a sleep /mnt/early2 1000') || bail "docker run"
ID=$ID2
told "a container's own" /mnt/early2 '[.severity, .actor.origin]' '["high","workload"]'
daemon_stop
docker_ exec -d early sh -c 'cp /bin/busybox /mnt/down; exec -a sleep /mnt/down 1000'
down_() { readlink /proc/[0-9]*/exe | grep -qx /mnt/down; }
wait_until 10 down_
daemon_start || bail "boltseald"
told "one that was started while nobody was there" /mnt/down '[.severity, .actor.exe]' '["high","/mnt/down"]'
daemon_stop
[ "$TAP_FAILED" = 0 ] || diag "$(bs log --type exec.session 2>/dev/null | tail -3; tail -5 "$W/log"; uptime)"
finish
