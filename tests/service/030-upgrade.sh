#!/bin/bash
# shellcheck disable=SC2015,SC2016 # bail ends; words for a shell inside
# The package's life: upgraded while everything runs, through a boot of the machine, not to an older store's
# program, removed and installed again, purged.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
machine_begin
package_install && wait_until 30 healed_ || bail "the package is installed"
RUN_OPTS=(--restart always)
run_docker web bb:2 sleep 100000 >/dev/null && wait_target web || bail "a container"
in_web() { docker_ exec web sh -c "$1"; }
last_seq() { events | tail -1 | jq -r .seq; }
since() { # since SEQ TYPE [CONDITION]: how many
	events --type "$2" | jq -s "[.[] | select(.seq > $1) | select(${3:-true})] | length"
}
# The host's trees have gaps of their own, closed when their full look is over.
down='.gap.cause == "daemon down" and (.target.kind // "") != "host"'
down_closed_() { [ "$(since "$1" gap.closed "$down")" -ge 1 ]; }
in_web 'echo evil >>/etc/app.conf; rm /etc/motd'
want="C /etc/app.conf
D /etc/motd"
drift_is "a container with drift" web "$want"
drift_before=$(drift_id web)

# --- upgrade -----------------------------------------------------------------------------------------
# Somebody writes all the time, somebody asks all the time.
newer=$(package_as "$(package_version)+1") || bail "a newer package"
seq=$(last_seq) old=$(main_pid boltseald)
inside sh -c 'cd /root; while [ ! -e asked.enough ]; do boltseal ps >/dev/null 2>asked.now || { date; cat asked.now; } >>asked.failed; echo >>asked; sleep 0.1; done' &
asker=$!
docker_ exec web sh -c 'i=0; while [ $i -lt 1000 ] && [ ! -e /tmp/enough ]; do i=$((i + 1)); echo $i >/home/$i; sleep 0.05; done' &
writer=$!
begun=$(date +%s%N)
ok "upgrade" package_install "$newer"
upgraded=$(ms "$begun")
wait_until 20 healed_
is "the new version runs" "$(inside dpkg-query -W -f '${Version}' boltseal)" "$(package_version)+1"
not_ok "as another process" test "$(main_pid boltseald)" = "$old"
in_web 'touch /tmp/enough'
wait "$writer"
touch "$R/root/asked.enough"
wait "$asker"
wait_until 20 down_closed_ "$seq"
is "one gap" "$(since "$seq" gap.opened "$down")" 1
is "and it is closed" "$(since "$seq" gap.closed "$down")" 1
# From the last moment that the old one saw until the new one saw everything that there is.
blind=$(events --type gap.closed | jq -rs "[.[] | select(.seq > $seq and $down) | .gap] | last | \"\(.from) \(.closed)\"")
stamp() { date -d "$1" +%s%3N; }
diag "apt upgrades in $upgraded ms; blind for $(($(stamp "${blind#* }") - $(stamp "${blind% *}"))) ms: $blind"
ok "who asked meanwhile waited, and was answered ($(wc -l <"$R/root/asked") times)" test ! -s "$R/root/asked.failed" || diag "$(cat "$R/root/asked.failed")"
written=$(in_web 'ls /home | wc -l')
found_() { [ "$(drift web | grep -c '^A /home/[0-9]')" = "$written" ]; }
wait_until 20 found_
is "each of $written files written meanwhile is told" "$(drift web | grep -c '^A /home/[0-9]')" "$written"
in_web 'rm -r /home/* /tmp/enough'
drift_is "and the drift is as before" web "$want"
is "to the digest" "$(drift_id web)" "$drift_before"
ok "the journal's chain is whole" bs verify journal

# --- a boot of the machine ------------------------------------------------------------------------------
seq=$(last_seq)
machine_reboot || bail "the machine boots again"
wait_until 60 healed_
ok "after a boot it runs" healed_
up() { inside systemctl show -P "$2" "$1"; }
ready=$(up boltseald ActiveEnterTimestampMonotonic) docker=$(up docker ExecMainStartTimestampMonotonic)
ok "and was ready before Docker was started, by $(((docker - ready) / 1000)) ms" test "$ready" -lt "$docker"
wait_until 30 inside docker exec web true || bail "Docker starts the container again"
seen_() { [ "$(since "$seq" target.started '.target.name == "web"')" -ge 1 ]; }
wait_until "$PATIENCE" seen_
is "a container that the boot starts is seen to start" "$(since "$seq" target.started '.target.name == "web"')" 1
is "and watched from there on: no gap but that of the boot" \
	"$(events --type gap.opened | jq -rs "[.[] | select(.seq > $seq and (.target.kind // \"\") != \"host\") | .gap.cause] | unique | join(\",\")")" 'daemon down'
wait_until 30 down_closed_ "$seq"
is "which is closed" "$(since "$seq" gap.closed "$down")" 1
drift_is "the drift is as before" web "$want"
in_web 'echo 1 >/tmp/booted'
drift_is "and goes on" web "$want
A /tmp/booted"

# --- downgrade -----------------------------------------------------------------------------------------
# The same package as one made it that knows no such store yet.
older=$(package_as "$(package_version)~1") || bail "an older package"
sed -i 's/^supported=.*/supported=0/' "$W/repacked/DEBIAN/preinst"
dpkg-deb --root-owner-group -Znone -b "$W/repacked" "$R$older" >/dev/null
package_install "$older" >/dev/null && rc=0 || rc=1
is "a downgrade below the store's format is refused" "$rc" 1
like "with a sentence" "$(cat "$W/apt.log")" 'store has format [0-9]+'
like "and the newer one is still there" "$(inside dpkg-query -W -f '${Version} ${db:Status-Status}' boltseal)" '\+1 installed$'
wait_until 20 healed_
ok "and runs" healed_

# --- removed, and installed again -------------------------------------------------------------------------
seq=$(last_seq)
ok "remove" inside apt-get -q -y remove boltseal
is "nothing of it runs" "$(host_pids)" ''
ok "the store stays" test -s "$R/var/lib/boltseal/data.mdb"
ok "the configuration stays" test -s "$R/etc/boltseal/boltseal.yaml"
is "and nothing has failed" "$(inside systemctl --failed --no-legend)" ''
in_web 'echo 1 >/tmp/removed'
ok "install it again" package_install "$newer"
wait_until 30 healed_
drift_is "what changed meanwhile is found" web "$want
A /tmp/booted
A /tmp/removed"
ok "in one journal" test "$(last_seq)" -gt "$seq"
ok "whose chain is whole" bs verify journal

# --- purged ---------------------------------------------------------------------------------------------
ok "purge" inside apt-get -q -y purge boltseal
is "nothing of it runs" "$(host_pids)" ''
is "nothing is left but its users" "$(sh_inside 'find / -xdev -path /root -prune -o -path /proc -prune -o -path "/var/log/journal" -prune -o -name "*boltseal*" -print' |
	grep -v '^/var/lib/dpkg/\|^/var/log/\(apt\|dpkg\)')" ''
is "and nothing has failed" "$(inside systemctl --failed --no-legend)" ''
finish
