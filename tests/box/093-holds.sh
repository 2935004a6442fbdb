#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Maintenance windows: what falls into one is in the journal and in the drift, but no alert until the
# window closes; then one entry says what was held, with the severity of the worst. By command and by the
# clock, through a kill -9, a window that ends while nobody runs, rules that go and targets that go.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need unshare pivot_root busybox nsenter setpriv jq curl
need_daemon
work_dir
chmod 755 "$W"

R=$W/rules.d
mkdir -p "$R"
mkdir -m 777 "$W/files" # the gateway has a user of its own
chmod 755 "$R"
rules() { cat >"$W/new" && chmod 644 "$W/new" && mv "$W/new" "$R/$1"; }
reload() {
	local n
	n=$(events --type rules.loaded | wc -l)
	kill -HUP "$(role_pid sensor)" "$(role_pid gateway)"
	wait_until "$PATIENCE" loaded_ $((n + 1)) || diag "the rules were not read again"
}
loaded_() { [ "$(events --type rules.loaded | wc -l)" -ge "$1" ]; }
box() { # box NAME: its id in $ID, its init in $MINI_PID
	ID=$(printf %s "$W/mini/$1/upper" | sha256sum | cut -d' ' -f1)
	MINIBOX_VISIBLE=1 minibox "$1" || return 1
	wait_target "$ID"
}
in_box() { minibox_exec "$MINI_PID" sh -c "$1"; }
# What the sink that wants low and more got of this container; other tests' may be many.
alerts() { grep -F "$ID" "$W/files/low.json" 2>/dev/null | jq -c "select(${1:-true})"; }
closed() { events --type hold.closed | jq -c "select(.hold.name == \"$1\") | $2" | tail -1; }
closed_n_() { [ "$(events --type hold.closed | jq -c "select(.hold.name == \"$1\")" | wc -l)" = "$2" ]; }
held_() { events "$ID" --type change | jq -es "any(.[]; .change.path == \"$1\" and .hold.name == \"$2\")"; }
told_() { events "$ID" --type change | jq -es "any(.[]; .change.path == \"$1\" and (.hold | not))"; }
sunk_() { alerts "$1" | grep -q .; }
as_viewer() { setpriv --reuid=65533 --regid=0 --clear-groups "$BIN/boltseal" --no-color --socket "$W/run/s.sock" "$@"; }

rules 10-first.yaml <<'Y'
rules:
  - {name: key, paths: /etc/fence, hold: false, reason: never in maintenance}
Y
daemon_config <<Y
rules_dir: $R
roles: [{role: viewer, users: ["65533"]}]
sinks: [{name: low, type: file, address: $W/files/low.json, min_severity: low}]
Y
chmod 644 "$W/boltseal.yaml"
daemon_start || bail "boltseald"
box web || bail "minibox"
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
wait_until 60 baselined_ || bail "it has no baseline"
in_box 'echo x >/etc/before'
wait_until 60 sunk_ '.change.path == "/etc/before"'
ok "without a window a change is an alert" sunk_ '.change.path == "/etc/before"'

# --- by command ---------------------------------------------------------------------------------
like "a viewer may not open one" "$(as_viewer hold open "$ID" --reason no 2>&1; echo "-> $?")" 'role admin|-> 2'
is "and none is open" "$(bs hold list -o json | jq '.items | length')" 0
like "a reason is needed" "$(bs hold open "$ID" 2>&1)" 'needs --reason'
like "and a target" "$(bs hold open --reason x 2>&1)" 'TARGET, or --all'
like "one is opened" "$(bs hold open "$ID" --name web --for 2h --reason 'ticket 4711' 2>&1)" '^open: web, until '
event_ok "and told, by whom and why" hold.opened \
	'.hold.name == "web" and .hold.reason == "ticket 4711" and .uid == 0 and .severity == "low" and .hold.by == "command"' "$ID"
like "a second of the name is not" "$(bs hold open "$ID" --name web --reason again 2>&1)" 'a window of the name web is open, until .*close it first'
like "a viewer sees it" "$(as_viewer hold)" '^web '
like "ps says so" "$(bs ps 2>&1)" 'held'
like "in words" "$(bs ps 2>&1 >/dev/null)" 'alerts are held: maintenance windows are open \(web\)'
is "status says so" "$(bs status -o json | jq -c '[.holds[].name]')" '["web"]'
in_box 'echo x >>/etc/motd; cp /bin/busybox /bin/root; chmod 4755 /bin/root; rm /etc/group'
wait_until "$PATIENCE" held_ /etc/group web && wait_until "$PATIENCE" held_ /etc/motd web
wait_until "$PATIENCE" eval 'events "$ID" --type change | jq -es "any(.[]; .change.path == \"/bin/root\" and .hold.severity == \"high\")"'
is "what falls into it is journaled as info" \
	"$(events "$ID" --type change | jq -r 'select(.hold) | .severity' | sort -u)" info
is "with what it would have been" "$(events "$ID" --type change | jq -c 'select(.change.path == "/bin/root") | [.hold.name, .hold.severity]' | tail -1)" '["web","high"]'
is "the drift keeps the truth" "$(bs diff "$ID" /bin/root -o json 2>/dev/null | jq -r '.items[0].severity')" high
is "and so does ps" "$(bs ps -o json | jq -r ".items[] | select(.id == \"$ID\") | .worst")" high
in_box 'echo x >/etc/fence'
wait_until "$PATIENCE" sunk_ '.change.path == "/etc/fence"'
ok "what a rule keeps out of windows is an alert" sunk_ '.change.path == "/etc/fence"'
in_box 'echo x >/tmp/p; mount -o bind /tmp/p /etc/passwd'
event_ok "a mount that hides a file is never held" mount.covered '.severity == "high" and (.hold | not)' "$ID"
is "nothing else was" "$(alerts ".target.id == \"$ID\" and .type == \"change\" and (.change.path | test(\"motd|group|root\"))" | wc -l)" 0
like "metrics count it" "$(api GET /metrics | grep held)" 'boltseal_held_changes\{severity="high"\} [1-9]'
like "and the window" "$(api GET /metrics)" 'boltseal_holds_open 1'

# --- kill -9 while it is open -------------------------------------------------------------------
before=$(bs hold list -o json | jq -c '.items[0].counts')
kill -9 "$(role_pid sensor)" "$(role_pid gateway)" "$DAEMON" 2>/dev/null
wait_gone 20 "$DAEMON"
wait "$DAEMON" 2>/dev/null
daemon_start || bail "boltseald, again"
is "killed, it goes on, and has lost nothing" "$(bs hold list -o json | jq -c '.items[0].counts')" "$before"
in_box 'echo y >/etc/after'
wait_until "$PATIENCE" held_ /etc/after web
ok "what comes then is held too" held_ /etc/after web
like "it is closed" "$(bs hold close web 2>&1)" '^closed: web, [0-9]+ changes held: [0-9]+ high'
is "and told once" "$(events --type hold.closed | wc -l)" 1
is "with the severity of the worst" "$(closed web '[.severity, .hold.worst]')" '["high","high"]'
is "the worst first, with its kind" "$(closed web '.hold.paths[0] | [.kind, .path, .severity, .target]')" "[\"A\",\"/bin/root\",\"high\",\"$(bs ps -o json | jq -r ".items[] | select(.id == \"$ID\") | .name")\"]"
is "all of them" "$(closed web '[.hold.paths[].path] | sort')" '["/bin/root","/etc/after","/etc/group","/etc/motd","/tmp/p"]'
is "the counts are what the journal has" "$(closed web '[.hold.counts | .high, .medium, .low, .info]')" \
	"$(events "$ID" --type change | jq -cs 'map(select(.hold) | .hold.severity) | [("high", "medium", "low", "info") as $s | map(select(. == $s)) | length]')"
is "and the drift id of its target" "$(closed web '[.hold.targets[] | .drift_id]')" "[\"$(drift_id "$ID")\"]"
wait_until "$PATIENCE" sunk_ '.type == "hold.closed"'
is "the sink hears of it" "$(alerts '.type == "hold.closed"' | jq -r .severity)" high
in_box 'echo z >/etc/alone'
wait_until "$PATIENCE" sunk_ '.change.path == "/etc/alone"'
ok "after that a change is an alert again" sunk_ '.change.path == "/etc/alone"'
like "there is nothing more to close" "$(bs hold close web 2>&1)" 'no target is called web|no window is open'

# --- by itself, also while nobody runs ----------------------------------------------------------
bs hold open "$ID" --name short --for 2s --reason 'a while' >/dev/null 2>&1
in_box 'echo 1 >/etc/short'
wait_until 20 closed_n_ short 1
is "one that nobody closes ends by itself" "$(closed short '[.reason, .hold.by]')" '["its time was over","command"]'
bs hold open --all --for 3s --path '/srv/**' --reason 'down meanwhile' >/dev/null 2>&1
ends=$(($(date +%s) + 4))
over_() { [ "$(date +%s)" -ge "$ends" ]; }
in_box 'mkdir -p /srv; echo 1 >/srv/one; echo 1 >/etc/two'
wait_until "$PATIENCE" held_ /srv/one all
wait_until "$PATIENCE" told_ /etc/two
ok "with a path only that is held" told_ /etc/two
daemon_stop
wait_until 10 over_ # by the clock: nobody runs who could say so
daemon_start || bail "boltseald, once more"
wait_until 20 closed_n_ all 1
is "one that ended while nobody ran is summed up at the start" "$(closed all '[.reason, (.hold.paths | map(.path) | contains(["/srv/one"]))]')" '["its time was over",true]'

# --- by the clock -------------------------------------------------------------------------------
rules 20-window.yaml <<Y
rules:
  - name: nightly
    match: {target: "*"}
    paths: ["/var/**"]
    hold: {from: "$(date -u -d '-1 min' +%FT%TZ)", until: "$(date -u -d '+12 sec' +%FT%TZ)"}
    reason: the caches are rebuilt
    owner: ops
Y
reload
event_ok "a rule's window opens when its time has come" hold.opened '.hold.name == "nightly" and .hold.owner == "ops" and .hold.by == "rule" and .hold.line == 2'
is "explain says that it is open" "$(bs rules explain "$ID" /var/x -o json | jq -r '.properties[] | select(.name == "hold") | .rules[0].state')" decides
like "it is not closed by command" "$(bs hold close nightly 2>&1)" 'the window of a rule .*20-window.yaml:2'
like "nor is its name taken" "$(bs hold open --all --name nightly --reason x 2>&1)" 'has a window of the name nightly'
in_box 'mkdir -p /var/c; echo 1 >/var/c/x; echo 1 >/opt/y'
wait_until "$PATIENCE" held_ /var/c/x nightly
ok "what its selectors take is held" held_ /var/c/x nightly
wait_until "$PATIENCE" told_ /opt/y
ok "and the rest is not" told_ /opt/y
wait_until 20 closed_n_ nightly 1
is "it closes by itself, with what was held" "$(closed nightly '[.reason, (.hold.paths | map(.path) | contains(["/var/c/x"]))]')" '["its time was over",true]'
like "rules check says that it is over" "$(bs rules check "$R" 2>&1)" 'nightly has expired: its window is over'

# --- its rule goes, its target goes -------------------------------------------------------------
rules 20-window.yaml <<Y
rules:
  - {name: goes, match: {target: "$ID"}, paths: "/var/**", reason: test,
     hold: {from: "$(date -u -d '-1 min' +%FT%TZ)", until: "$(date -u -d '+1 hour' +%FT%TZ)"}}
Y
reload
in_box 'echo 1 >/var/c/gone'
wait_until "$PATIENCE" held_ /var/c/gone goes
rm "$R/20-window.yaml"
reload
wait_until "$PATIENCE" closed_n_ goes 1
is "a window whose rule is gone is closed, with what was held" "$(closed goes '[.reason, .hold.n_paths]')" '["its rule is gone",1]'
bs hold open "$ID" --name last --reason 'it will go' >/dev/null 2>&1
in_box 'echo 1 >/etc/last'
wait_until "$PATIENCE" held_ /etc/last last
minibox_stop "$MINI_PID"
umount -R "$W/mini/web/merged" 2>/dev/null
rm -rf "$W/mini/web"
wait_until 60 closed_n_ last 1
is "so is one whose target is gone" "$(closed last '[.reason, (.hold.paths | map(.path) | contains(["/etc/last"]))]')" '["its target was removed",true]'
ok "the chain is whole" bs verify journal
finish
