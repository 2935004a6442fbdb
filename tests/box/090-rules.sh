#!/bin/bash
# shellcheck disable=SC2015,SC2119 # bail ends; no arguments
# Rules: severity, expectations, watched aspects, growing files, withheld and excluded ones, on a real
# container and on trees; what a change of the rules makes of the drift that is there; bad files.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
need_root
need dockerd runc curl jq
need_daemon
work_dir
engine_docker_start && image_busybox docker || bail "dockerd"

R=$W/rules.d
mkdir -p "$R" "$W/tree/keep" "$W/tree/cache/deep"
chmod 755 "$R"
rules() { # rules NAME: a file of rules from standard input, whole at once
	cat >"$W/new" && chmod 644 "$W/new" && mv "$W/new" "$R/$1"
}
reload() { # and wait until it says so
	local n
	n=$(events --type rules.loaded | wc -l)
	kill -HUP "$(role_pid sensor)" "$(role_pid gateway)"
	wait_until "$PATIENCE" loaded_ $((n + 1)) || diag "the rules were not read again"
}
loaded_() { [ "$(events --type rules.loaded | wc -l)" -ge "$1" ]; }
item() { bs diff "$1" "$2" -o json 2>/dev/null | jq -r ".items[] | select(.path == \"$2\") | $3"; }
item_is_() { [ "$(item "$2" "$3" "$4")" = "$1" ]; }
item_is() { # item_is DESC TARGET PATH JQ WANT
	wait_until "$PATIENCE" item_is_ "$5" "$2" "$3" "$4"
	is "$1" "$(item "$2" "$3" "$4")" "$5"
}
n_events() { events "$1" --type "$2" --path "$3" | wc -l; }
explained() { bs rules explain "$1" "$2" -o json | jq -r "$3"; }

rules 10-first.yaml <<'Y'
rules:
  - {name: everything, paths: "/**", severity: medium, reason: test}
  - {name: accounts, match: {target: "web*", image: "*", runtime: docker}, paths: [/etc/passwd, /etc/shadow],
     severity: high, reason: who may log in}
  - name: deployments
    match: {target: web}
    paths: [/opt/app, /opt/app/**]
    expect: {reason: deployed in place, owner: web team}
  - {name: mode-alone, paths: /etc/motd, watch: [mode]}
  - {name: logs, paths: "/var/log/*.log", growing: {origin: [workload, exec]}, reason: written at its end}
  - {name: strict-logs, paths: "/var/log/strict.log", growing: true, reason: written at its end}
  - {name: secret, paths: /etc/app.conf, withhold: true}
  - {name: caches, paths: ["/var/cache", "/**/tree/cache/**"], exclude: true}
  - {name: new-programs, match: {kinds: A, executable: true}, paths: "/bin/*", raise: 2}
Y
daemon_config <<Y
rules_dir: $R
host: [{name: tree, path: $W/tree}]
watch: {marks: directories}
Y
daemon_start || bail "boltseald"
event_ok "the rules are told when they are loaded" rules.loaded '.detail | test("9 rules of 1 file, sha256:[0-9a-f]{64}")'
web=$(run_docker web bb:2 sleep 1000) || bail "docker run"
other=$(run_docker other bb:2 sleep 1000) || bail "docker run"
in_web() { docker_ exec web sh -c "$1"; }
wait_target "$web"

# --- severity, and who decided ------------------------------------------------------------------
in_web 'echo x >>/etc/passwd; echo x >>/opt/keep/k1; cp /bin/busybox /bin/new'
docker_ exec other sh -c 'echo x >>/etc/passwd'
item_is "a rule gives the severity" "$web" /etc/passwd .severity high
is "and is named" "$(item "$web" /etc/passwd '.rule | "\(.name) \(.line) \(.reason)"')" "accounts 3 who may log in"
is "with its file" "$(item "$web" /etc/passwd .rule.file)" "$R/10-first.yaml"
item_is "of another target another rule" "$other" /etc/passwd '.severity + " " + .rule.name' "medium everything"
item_is "a raise goes on top" "$web" /bin/new '.severity + " " + .rule.name' "critical new-programs"
event_ok "events carry the rule" change '.rule.name == "accounts" and .severity == "high"' "$web"
like "diff -l names it" "$(bs diff "$web" -l 2>/dev/null)" '/etc/passwd \(rule accounts\)'
like "show does" "$(bs show "$web" /etc/passwd 2>/dev/null)" '^severity: high \(rule accounts\)'

# --- expected -----------------------------------------------------------------------------------
in_web 'echo 2 >/opt/app/version; echo n >/opt/app/new'
item_is "what is expected stays in the drift" "$web" /opt/app/version \
	'"\(.severity) \(.rule.expected) \(.rule.owner)"' "info true web team"
event_ok "and makes no alert" change \
	'.change.path == "/opt/app/new" and .severity == "info" and .rule.expected' "$web"
docker_ exec other sh -c 'echo 2 >/opt/app/version'
item_is "of a target that the rule does not name it is drift" "$other" /opt/app/version \
	'"\(.severity) \(.rule.expected)"' "medium null"

# --- watch --------------------------------------------------------------------------------------
in_web 'echo x >>/etc/motd; echo x >>/etc/fence'
item_is "the fence came after" "$web" /etc/fence .kind A
is "what is not watched is no drift" "$(item "$web" /etc/motd .kind)" ""
in_web 'chmod 600 /etc/motd'
item_is "what is watched is, and only that" "$web" /etc/motd '.aspects | join(",")' mode
id=$(drift_id "$web")
in_web 'echo more >>/etc/motd; echo x >>/etc/fence2'
item_is "the second fence" "$web" /etc/fence2 .kind A
in_web 'rm /etc/fence2'
wait_until "$PATIENCE" item_is_ "" "$web" /etc/fence2 .kind
is "the drift id does not look at the rest" "$(drift_id "$web")" "$id"

# --- growing ------------------------------------------------------------------------------------
in_web 'for i in 1 2 3; do echo "line $i"; done >/home/a; cp /home/a /home/b; mv /home/a /var/log/a.log; mv /home/b /var/log/strict.log'
item_is "that a log comes is no growth" "$web" /var/log/a.log '"\(.severity) \(.rule.name)"' "medium everything"
item_is "of none" "$web" /var/log/strict.log '"\(.severity) \(.rule.name)"' "medium everything"
id=$(drift_id "$web")
in_web 'echo "line 4" >>/var/log/a.log'
item_is "it may grow" "$web" /var/log/a.log .new.size 28
item_is "which is expected" "$web" /var/log/a.log '"\(.severity) \(.rule.name)"' "info logs"
is "which moves no drift id" "$(drift_id "$web")" "$id"
is "and is not told again" "$(n_events "$web" change /var/log/a.log)" 1
in_web 'sed -i "s/line 2/line X/; \$a line 5" /var/log/a.log'
item_is "but not change where it is old" "$web" /var/log/a.log '"\(.severity) \(.rule.expected)"' "medium null"
event_ok "which is said" change '.reason == "its old part was changed" and .change.path == "/var/log/a.log"' "$web"
in_web 'echo "line 6" >>/var/log/a.log'
item_is "and stays so" "$web" /var/log/a.log '"\(.new.size) \(.severity)"' "42 medium"
is "without being told for each line" "$(n_events "$web" change /var/log/a.log)" 2

in_web 'echo "forged" >>/var/log/strict.log'
event_ok "what an exec session writes to a log is no growth" change \
	'.change.path == "/var/log/strict.log" and .severity == "medium" and .reason == "it may grow, but not by this origin"' "$web"

# --- withhold and exclude -----------------------------------------------------------------------
in_web 'echo key >>/etc/app.conf; mkdir -p /var/cache/x; echo c >/var/cache/x/y; echo x >/etc/fence3'
item_is "a withheld file is drift" "$web" /etc/app.conf .kind C
like "whose content is not shown" "$(bs diff "$web" /etc/app.conf -p 2>/dev/null)" '^Withheld: /etc/app.conf'
item_is "the third fence" "$web" /etc/fence3 .kind A
is "an excluded directory is not kept" "$(bs diff "$web" 2>/dev/null | grep -c /var/cache)" 0
like "which diff says" "$(bs diff "$web" 2>&1 >/dev/null)" 'rules exclude /var/cache'
is "and explain" "$(explained "$web" /var/cache/x/y .excluded_by)" caches
wait_target tree
echo x >"$W/tree/cache/deep/f"
echo x >"$W/tree/keep/f"
drift_is "in a tree of the host too" tree "A /keep/f"
marks() { # of the sensor, on a directory
	local ino
	ino=$(printf 'ino:%x ' "$(stat -c %i "$1")")
	cat "/proc/$(role_pid sensor)/fdinfo/"* 2>/dev/null | grep -c "$ino"
}
is "a kept directory has a watch" "$([ "$(marks "$W/tree/keep")" -gt 0 ] && echo yes)" yes
is "an excluded one has none" "$(marks "$W/tree/cache/deep")" 0

# --- explain ------------------------------------------------------------------------------------
is "explain says who decides and who loses" "$(explained "$web" /etc/passwd \
	'.properties[] | select(.name == "severity") | .rules[] | "\(.state) \(.name)"' | tr '\n' ,)" \
	"decides accounts,loses everything,"
is "of what does not drift as well" "$(explained "$web" /etc/shadow '"\(.drift) \(.properties[0].rules[0].name)"')" "null accounts"
like "for people" "$(bs rules explain "$web" /etc/passwd)" '^severity +high +decides +accounts +.*10-first.yaml:3'

# --- other rules --------------------------------------------------------------------------------
before=$(n_events "$web" change /opt/app/version)
rules 10-first.yaml <<'Y'
rules:
  - {name: all, paths: "/**", severity: low}
  - {name: app, paths: "/opt/app/**", severity: critical, reason: not any more}
  - {name: gone, paths: "/opt/keep", exclude: true}
Y
reload
item_is "rules that change judge the drift anew" "$web" /opt/app/version '"\(.severity) \(.rule.name)"' "critical app"
is "which is told, once" "$(n_events "$web" change /opt/app/version)" $((before + 1))
event_ok "and why" change '.reason == "judged anew by the rules of now" and .change.path == "/opt/app/version"' "$web"
item_is "what became less is not" "$web" /etc/passwd '"\(.severity) \(.rule.name)"' "low all"
event_ok "what is excluded now is cleared, with the reason" change.cleared \
	'.change.path == "/opt/keep/k1" and .reason == "the rule gone excludes it"' "$web"
item_is "what is watched now is found" "$web" /etc/motd '.aspects | join(",")' content,mode,mtime
item_is "and what was excluded" "$web" /var/cache/x/y .kind A

# --- expiry -------------------------------------------------------------------------------------
until=$(date -u -d '+4 seconds' +%Y-%m-%dT%H:%M:%SZ)
rules 20-until.yaml <<Y
rules:
  - {name: until, paths: "/opt/app/**", expect: {reason: a moment, expires: $until}}
Y
reload
item_is "expected until a time" "$web" /opt/app/version '"\(.severity) \(.rule.name)"' "info until"
item_is "and by itself no longer from then on" "$web" /opt/app/version '"\(.severity) \(.rule.name)"' "critical app"
is "which is told" "$(events "$web" --type change --path /opt/app/version | tail -1 | jq -r .severity)" critical

# --- bad files ----------------------------------------------------------------------------------
said() { # said DESC ERE: the log of the daemon says it after a reload
	kill -HUP "$(role_pid sensor)"
	wait_until "$PATIENCE" grep -Eq "$2" "$W/log"
	like "$1" "$(tail -20 "$W/log")" "$2"
}
rules 30-bad.yaml <<<'rules: [{name: x, paths: /x, severty: low}]'
said "a mistake keeps the old rules, and is told with its place" \
	'30-bad.yaml:1:30: unknown key severty.*old rules stay'
in_web 'echo 3 >/opt/app/three'
item_is "which still hold" "$web" /opt/app/three .rule.name app
printf 'rules: [\xff]\n' | rules 30-bad.yaml
said "bytes that are no text" '30-bad.yaml:1:9: not UTF-8'
rm "$R/30-bad.yaml"; mkfifo "$R/30-bad.yaml"
said "a FIFO is not waited for" '30-bad.yaml:1:1: not a regular file'
rm "$R/30-bad.yaml"; ln -s /dev/zero "$R/30-bad.yaml"
said "nor is an endless file read" '30-bad.yaml:1:1: not a regular file'
daemon_stop
"$BIN/boltseald" --config "$W/boltseal.yaml" --state-dir "$W/state" --socket "$W/run/s.sock" >"$W/refused" 2>&1
is "boltseald does not start with it" $? 2
like "and says why" "$(cat "$W/refused")" '30-bad.yaml:1:1: not a regular file'
"$BIN/boltseald" --config "$W/boltseal.yaml" --check-config >"$W/refused" 2>&1
is "--check-config finds it too" $? 2
like "with its place" "$(cat "$W/refused")" '^boltseald: .*30-bad.yaml:1:1: not a regular file'
rm "$R/30-bad.yaml"
like "and the right ones right" "$("$BIN/boltseald" --config "$W/boltseal.yaml" --check-config 2>&1)" 'rules.d: [0-9]+ rules of 2 files: ok'
like "an expired one is warned of" "$("$BIN/boltseal" rules check "$R")" '20-until.yaml:2:5: warning: until has expired'
chmod 000 "$R/20-until.yaml"
setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/boltseal" rules check "$R/20-until.yaml" >"$W/refused" 2>&1
is "a file that cannot be read is an error" $? 2
chmod 644 "$R/20-until.yaml"

# --- the shipped ones, on the same container ----------------------------------------------------
sed -i "s|^rules_dir: .*|rules_dir: $(cd ../.. && pwd)/conf/rules.d|" "$W/boltseal.yaml"
daemon_start || bail "boltseald with the shipped rules"
in_web 'echo pid >/run/x.pid; echo t >/tmp/t; cp /bin/busybox /tmp/prog; cp /bin/busybox /bin/su2; chmod 4755 /bin/su2
	echo "x:x:0:0::/:" >>/etc/passwd; mkdir -p /root/.ssh; echo k >/root/.ssh/authorized_keys'
item_is "shipped: scratch space is expected" "$web" /tmp/t '"\(.severity) \(.rule.expected)"' "info true"
item_is "shipped: but no program in it" "$web" /tmp/prog '"\(.rule.expected) \(.severity | test("medium|high"))"' "null true"
item_is "shipped: setuid is critical" "$web" /bin/su2 '"\(.severity) \(.rule.name)"' "critical setuid"
item_is "shipped: a key to come back" "$web" /root/.ssh/authorized_keys .severity critical
like "shipped: accounts" "$(item "$web" /etc/passwd '"\(.severity) \(.rule.name)"')" '^(high accounts|critical by-hand)$'
echo x >"$W/copied" && docker_ cp "$W/copied" web:/srv-copied >/dev/null
item_is "shipped: a docker cp is by hand" "$web" /srv-copied '"\(.severity) \(.rule.name) \(.actor.origin)"' "medium by-hand-copied runtime"
in_web 'mkdir -p /usr/bin; cp /bin/busybox /usr/bin/dpkg'
item_is "shipped: a manager that came later" "$web" /usr/bin/dpkg .kind A
in_web 'exec -a sh /usr/bin/dpkg -c "echo x >/etc/by-dpkg"'
item_is "shipped: is believed by nobody" "$web" /etc/by-dpkg '.actor.exe + " \(.actor.drifted) \(.rule.expected // false)"' \
	"/usr/bin/dpkg true false"
finish
