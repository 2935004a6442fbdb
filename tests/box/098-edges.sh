#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Edges of rules and of the watch: everything excluded and watched again.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need curl jq busybox unshare pivot_root
need_daemon
work_dir
R=$W/rules.d
mkdir -p "$R"
chmod 755 "$R"
rules() { cat >"$W/new" && chmod 644 "$W/new" && mv "$W/new" "$R/$1"; }
reload() {
	local n
	n=$(events --type rules.loaded | wc -l)
	kill -HUP "$(role_pid sensor)" "$(role_pid gateway)"
	wait_until "$PATIENCE" loaded_ $((n + 1)) || diag "the rules were not read again"
}
loaded_() { [ "$(events --type rules.loaded | wc -l)" -ge "$1" ]; }
item() { bs diff "$1" "$2" -o json 2>/dev/null | jq -r ".items[] | select(.path == \"$2\") | $3"; }
item_is_() { [ "$(item "$2" "$3" "$4")" = "$1" ]; }
item_is() {
	wait_until "$PATIENCE" item_is_ "$5" "$2" "$3" "$4"
	is "$1" "$(item "$2" "$3" "$4")" "$5"
}
target_is_() { [ "$(target "$1" "$2")" = "$3" ]; }
target() { bs ps -a -o json | jq -r ".items[] | select(.id == \"$1\") | $2"; }

# --- everything is excluded, and then it is not ---------------------------------------------------
rules 10-all.yaml <<'Y'
rules: [{name: nothing, paths: "/**", exclude: true}]
Y
daemon_config <<Y
rules_dir: $R
Y
minibox box || bail "minibox"
ID=$(printf %s "$W/mini/box/upper" | sha256sum | cut -d' ' -f1)
daemon_start || bail "boltseald"
wait_target "$ID"
in_box() { nsenter -t "$(cat "$W/mini/box/pid" 2>/dev/null || echo "$MINI_PID")" -m -p -r -w/ -- /bin/sh -c "$1"; }
ok "ps says that nothing of it is watched" wait_until "$PATIENCE" target_is_ "$ID" .excluded_all true
like "in words" "$(bs ps 2>/dev/null)" ', excluded'
is "status does" "$(bs status -o json | jq -c '.excluded[0] | [.excluded, .excluded_all]')" '[["/**"],true]'
is "doctor does" "$(bs doctor -o json | jq -c ".targets[] | select(.id == \"$ID\") | [.excluded_all, .content, .actor]")" '[true,false,false]'
like "and diff, which is not clean for that" "$(bs diff "$ID" 2>&1 >/dev/null)" 'all of it: do not take this for clean'
like "and the log" "$(cat "$W/log")" 'rules exclude all of it'
like "rules check warns" "$("$BIN/boltseal" rules check "$R" 2>&1)" '10-all.yaml:1:9: warning: nothing excludes whole targets'
baselined_() { [ "$(target "$ID" .baselined)" = true ]; }
wait_until 20 baselined_ || bail "it has no baseline"
in_box 'mkdir -p /etc/new; echo x >/etc/new/first'
rules 10-all.yaml <<'Y'
rules: [{name: logs, paths: "/var/log/**", growing: true}]
Y
reload
item_is "what was excluded is found when it is no longer" "$ID" /etc/new/first .kind A
in_box 'echo y >/etc/new/second; echo z >>/etc/group'
item_is "what is changed after that has its actor" "$ID" /etc/new/second '.actor.exe' /bin/busybox
item_is "in a directory that is a copy already" "$ID" /etc/group '.actor.exe' /bin/busybox
rules 10-all.yaml <<'Y'
rules: [{name: part, paths: "/var/log/**", exclude: true}]
Y
reload
is "ps says that a part is left out" "$(target "$ID" '.excluded | join(" ")')" "/var/log/**"
like "in words" "$(bs ps 2>/dev/null)" 'L[0-9], late, partly excluded|L[0-9], partly excluded'


# --- a reload that fails ---------------------------------------------------------------------------
reload_() { bs status -o json | jq -c "[.reload.sensor, .reload.gateway] | map($1) | unique"; }
reload_is_() { [ "$(reload_ "$1")" = "$2" ]; }
metric() { curl -sS -m 20 --unix-socket "$W/run/s.sock" http://boltseal/metrics | grep "^boltseal_config_last_reload_$1" | sed 's/.*} //' | sort -u | tr '\n' ' '; }
metric_is_() { [ "$(metric "$1")" = "$2" ]; }
is "a start is a reading that went well" "$(reload_ .ok)" '[true]'
is "in metrics too" "$(metric successful)" "1 "
before=$(date +%s)
rules 20-bad.yaml <<<'rules: [{name: x, paths: /x, severty: low}]'
kill -HUP "$(role_pid sensor)" "$(role_pid gateway)"
ok "a reload that failed is in status" wait_until "$PATIENCE" reload_is_ .ok '[false]'
is "what is wrong and where" "$(reload_ '[(.file | split("/") | .[-1]), .line, .column, .error[0:19]]')" '[["20-bad.yaml",1,30,"unknown key severty"]]'
is "and when" "$(reload_ ".tried[0:19] + \"Z\" | fromdate >= $before")" '[true]'
like "in words" "$(bs status 2>&1 >/dev/null)" 'the reload at .* failed, the daemon goes on with what it had: .*20-bad.yaml:1:30: unknown key severty'
ok "in metrics" wait_until "$PATIENCE" metric_is_ successful "0 "
ok "whose time is that of what is in force" test "$(metric success_timestamp_seconds | cut -d' ' -f1)" -le "$before"
event_ok "in the journal" rules.failed '.severity == "medium" and (.detail | test("20-bad.yaml:1:30: unknown key severty"))'
rm "$R/20-bad.yaml"
reload
ok "until one succeeds" wait_until "$PATIENCE" reload_is_ .ok '[true]'
ok "in metrics" wait_until "$PATIENCE" metric_is_ successful "1 "
unlike "and no word of it then" "$(bs status 2>&1 >/dev/null)" 'reload'
echo 'nosuch: 1' >>"$W/boltseal.yaml"
kill -HUP "$(role_pid sensor)" "$(role_pid gateway)"
ok "so is a configuration that cannot be read" wait_until "$PATIENCE" reload_is_ '[.ok, (.file // "" | split("/") | .[-1])]' '[[false,"boltseal.yaml"]]'

# --- doors and globs ---------------------------------------------------------------------------------
if getent passwd boltseal-gateway >/dev/null; then
	skip "the door, without a user of its own" "there is one here"
else
	is "the door is for the gateway's user alone" "$(stat -c '%a %U %G' "$W/run/door.sock")" "600 nobody root"
fi
bs log --path 'etc/*' >"$W/out" 2>&1
is "a glob that no path can fit is an error" $? 2
like "that says what to write" "$(cat "$W/out")" 'begins with / or with \*\*'
ok "others are not" bs log --path '**/group'
"$BIN/boltseal" rules check /nonexistent >"$W/out" 2>&1
is "rules that are not there are an error" $? 2
"$BIN/boltseal" rules check "$R" >"$W/out" 2>&1
is "rules that are right are not" $? 0
finish
