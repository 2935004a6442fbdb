#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; shells inside; called by wait_until
# A fresh install, the shipped rules, an ordinary image: apt-get install makes one summary and no other
# alert, and the summary is as bad as the worst that was installed. The image is made of the host's own packages: no mirror is asked.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
. ./tools/debian_tree.sh
export LC_ALL=C
need_root
need jq python3 tar
for tool in dpkg-deb dpkg-query apt-get; do
	command -v $tool >/dev/null || skip_all "not a Debian host: no $tool"
done
need_daemon
work_dir

# --- the image, with packages in it to install ----------------------------------------------------
R=$W/root
debian_tree "$R" || bail "the image's files"

# package NAME: what is in $W/pkg-NAME becomes /srv/NAME.deb.
package() {
	local d=$W/pkg-$1
	mkdir -p "$d/DEBIAN"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: %s\n' \
		"$1" "$1" >"$d/DEBIAN/control"
	dpkg-deb --root-owner-group -b "$d" "$R/srv/$1.deb" >/dev/null
}
P=$W/pkg-plain
mkdir -p "$P"/{usr/bin,usr/share/man/man1,usr/share/plain/deep/er,etc/plain.d,usr/lib/plain,DEBIAN}
printf '#!/bin/sh\necho plain\n' >"$P/usr/bin/plain" && chmod 755 "$P/usr/bin/plain"
for i in $(seq 1 300); do echo "$i" >"$P/usr/share/plain/deep/er/$i"; done
cp /bin/true "$P/usr/lib/plain/libplain.so.1"
echo a=1 >"$P/etc/plain.d/plain.conf" && echo /etc/plain.d/plain.conf >"$P/DEBIAN/conffiles"
echo page | gzip >"$P/usr/share/man/man1/plain.1.gz"
printf '#!/bin/sh\nset -e\nldconfig\nupdate-alternatives --install /usr/bin/anyplain anyplain /usr/bin/plain 10\nmkdir -p /var/lib/plain\necho state >/var/lib/plain/state\n' \
	>"$P/DEBIAN/postinst" && chmod 755 "$P/DEBIAN/postinst"
package plain || bail "dpkg-deb"
P=$W/pkg-danger
mkdir -p "$P/usr/bin" "$P/usr/share/danger"
cp /bin/true "$P/usr/bin/danger" && chmod 4755 "$P/usr/bin/danger"
echo x >"$P/usr/share/danger/x"
package danger || bail "dpkg-deb"
tar -C "$R" --numeric-owner -cf "$W/image.tar" . || bail "the image"

# --- a fresh install --------------------------------------------------------------------------------
daemon_config <<<"rules_dir: $(cd ../.. && pwd)/conf/rules.d"
daemon_start || bail "boltseald"
engine_docker_start && docker_ import "$W/image.tar" apt:1 >/dev/null || bail "the image"
ID=$(run_docker build apt:1 sleep 3600) || bail "the container"
baselined_() { bs ps -o json | jq -e --arg id "$ID" '.items[] | select(.id == $id) | .baselined'; }
wait_until 60 baselined_ || bail "it has no baseline"
runs_are_() { [ "$(events "$ID" --type package.run | wc -l)" = "$1" ]; }
install_() { docker_ exec -e DEBIAN_FRONTEND=noninteractive build apt-get install -y --no-install-recommends "$@" >"$W/apt.log" 2>&1; }
last_() { events "$ID" --type package.run | tail -1 | jq -c "$1"; }
# Whatever wakes somebody, one a line.
alerts() { events "$ID" --severity low | jq -r 'select(.type | test("^(target|baseline)\\.") | not)
	| select(.seq > '"${1:-0}"') | [.type, .severity, .change.kind // "", .change.path // "", .rule.name // "", .actor.exe // .actor.reason // ""] | join(" ")'; }

install_ /srv/plain.deb || { diag "$(tail -5 "$W/apt.log")"; bail "apt-get install"; }
is "it is installed" "$(docker_ exec build anyplain)" plain
ok "one run" wait_until 60 runs_are_ 1
is "one summary, and nothing else wakes anybody" "$(alerts)" "package.run medium    "
is "of the right manager" "$(last_ '[.run.manager, .run.ended]')" '["apt-get",true]'
there=$(drift "$ID" / | grep -c '^A /usr/share/plain/deep/er/')
is "what was installed is drift" "$there" 300
is "and in the summary's counts" "$(last_ '.run.counts.A >= 310')" true
no_run_() { events "$ID" --type change | jq -r 'select(.run_id | not) | .change.path'; }
is "every change is beneath the run, or expected" \
	"$(events "$ID" --type change | jq -r 'select((.run_id | not) and (.rule.expected | not)) | .change.path')" ""

seen=$(events "$ID" | tail -1 | jq .seq)
install_ /srv/danger.deb || bail "apt-get install"
ok "another run" wait_until 60 runs_are_ 2
is "still one summary" "$(alerts "$seen")" "package.run high    "
is "as bad as the worst in it" "$(last_ '.run.worst.path' | sed 's/\.dpkg-new//')" '"/usr/bin/danger"'

seen=$(events "$ID" | tail -1 | jq .seq)
docker_ exec build /bin/bash -c 'echo evil >>/var/lib/dpkg/status; echo 1 >/usr/bin/dropped; chmod 755 /usr/bin/dropped'
told_() { alerts "$seen" | grep -q /usr/bin/dropped; }
ok "what comes by hand after it is told" wait_until "$PATIENCE" told_
like "so is the package database" "$(alerts "$seen")" 'change (high|critical) C /var/lib/dpkg/status'
finish
