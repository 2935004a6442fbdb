#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; shells inside; called by wait_until
# Trees of the host: held against their packages' digests from the start, by the databases of real dpkg and
# real rpm; an upgrade is one run, a change in /etc names who did it. And what of this host is kept when
# nothing is configured, without hashing all of it.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C
need_root
need jq python3
for tool in dpkg dpkg-deb; do
	command -v $tool >/dev/null || skip_all "not a Debian host: no $tool"
done
need_daemon
work_dir
T=$W/deb

# --- a system with a package of its own, which dpkg installed ---------------------------------------
# package VERSION: /srv/x of that version becomes $W/x-VERSION.deb.
package() {
	local d=$W/pkg-$1
	mkdir -p "$d"/{DEBIAN,usr/bin,usr/lib,usr/share/x/deep,etc}
	printf 'Package: x\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: x\n' "$1" >"$d/DEBIAN/control"
	printf '#!/bin/sh\necho %s\n' "$1" | tee "$d"/usr/bin/{fine,evil,late} >/dev/null && chmod 755 "$d"/usr/bin/*
	echo "$1" >"$d/usr/lib/libx.so.1" && echo "$1" >"$d/usr/share/x/gone"
	for i in $(seq 1 200); do echo "$1 $i" >"$d/usr/share/x/deep/$i"; done
	echo a=1 | tee "$d/etc/"{kept,edited}.conf >/dev/null
	printf '/etc/%s.conf\n' kept edited >"$d/DEBIAN/conffiles"
	(cd "$d" && find usr -type f -exec md5sum {} +) >"$d/DEBIAN/md5sums"
	dpkg-deb --root-owner-group -b "$d" "$W/x-$1.deb" >/dev/null
}
dpkg_() { dpkg --root="$T" --force-not-root,bad-path --no-triggers "$@" >>"$W/dpkg.log" 2>&1; }
package 1 && package 2 || bail "dpkg-deb"
mkdir -p "$T"/var/lib/dpkg/{updates,info,triggers} "$T/usr/bin" "$T/etc"
ln -s usr/bin "$T/bin"
touch "$T"/var/lib/dpkg/{status,available}
dpkg_ -i "$W/x-1.deb" || bail "dpkg: $(tail -3 "$W/dpkg.log")"
sum=$(md5sum <"$T/usr/bin/evil" | cut -d' ' -f1)
echo 'curl evil' >>"$T/usr/bin/evil" # before boltseal came
echo more >>"$T/usr/lib/libx.so.1"
echo a=2 >"$T/etc/edited.conf"
rm "$T/usr/share/x/gone"

# --- one whose database is rpm's --------------------------------------------------------------------
R=$W/rpm
if command -v rpmbuild >/dev/null && command -v rpm >/dev/null; then
	mkdir -p "$W/top" "$R"
	cat >"$W/y.spec" <<-'SPEC'
		Name: y
		Epoch: 1
		Version: 1.2
		Release: 3
		Summary: y
		License: none
		BuildArch: noarch
		%description
		y
		%install
		mkdir -p %{buildroot}/usr/bin %{buildroot}/etc
		printf '#!/bin/sh\n' | tee %{buildroot}/usr/bin/yfine >%{buildroot}/usr/bin/yevil
		chmod 755 %{buildroot}/usr/bin/*
		echo a >%{buildroot}/etc/y.conf
		%files
		/usr/bin/yfine
		/usr/bin/yevil
		%config /etc/y.conf
	SPEC
	rpmbuild --define "_topdir $W/top" --define '_dbpath /var/lib/rpm' -bb "$W/y.spec" >"$W/rpm.log" 2>&1 &&
		rpm --root "$R" --dbpath /var/lib/rpm --nodeps --noscripts -i "$W"/top/RPMS/noarch/y-*.rpm >>"$W/rpm.log" 2>&1 ||
		bail "rpm: $(tail -3 "$W/rpm.log")"
	ysum=$(sha256sum <"$R/usr/bin/yevil" | cut -d' ' -f1)
	echo evil >>"$R/usr/bin/yevil" && echo b >"$R/etc/y.conf"
fi

# --- from the start ---------------------------------------------------------------------------------
daemon_config <<YAML
rules_dir: $(cd ../.. && pwd)/conf/rules.d
host:
  - {name: deb, path: $T}
$([ -d "$R" ] && echo "  - {name: rpm, path: $R}")
YAML
daemon_start || bail "boltseald"
baselined_() { bs ps -o json | jq -e --arg n "$1" '.items[] | select(.name == $n) | .baselined'; }
ok "it has its baseline" wait_until 20 baselined_ deb
drift_is "what was changed before is drift, configuration is not" deb "C /usr/bin/evil
C /usr/lib/libx.so.1"
event_ok "and told with its package" package.mismatch \
	'.change.path == "/usr/bin/evil" and .change.package.name == "x" and .change.package.version == "1"
		and .change.package.expected == "'"$sum"'" and .severity != "info"' deb
event_ok "the configuration file as info" package.mismatch \
	'.change.path == "/etc/edited.conf" and .severity == "info" and .change.package.config' deb
is "nothing else is" "$(events deb --type package.mismatch | jq -r .change.path | sort | tr '\n' ' ')" \
	"/etc/edited.conf /usr/bin/evil /usr/lib/libx.so.1 "
event_ok "all of it summed up" baseline.created \
	'.detail | test("1 packages: files as they have them 203, others 2, changed configuration files 1, missing 1$")' deb
like "show has it" "$(bs show deb /usr/bin/evil)" "package: .*expected $sum.*name x"
if [ -d "$R" ]; then
	ok "rpm: it has its baseline" wait_until 20 baselined_ rpm
	drift_is "rpm: what was changed before" rpm "C /usr/bin/yevil"
	event_ok "rpm: by the digest of its header" package.mismatch \
		'.change.package | .manager == "rpm" and .version == "1:1.2-3" and .algorithm == "sha256" and .expected == "'"$ysum"'"' rpm
	event_ok "rpm: the configuration file" package.mismatch '.change.path == "/etc/y.conf" and .severity == "info"' rpm
else
	skip "rpm's database" "no rpmbuild here"
fi

# --- put right, accepted ----------------------------------------------------------------------------
cp -p "$W/pkg-1/usr/bin/evil" "$T/usr/bin/evil"
right_() { bs diff deb /usr/bin/evil -o json | jq -e '.items[0] | .package.expected == .package.found and .aspects == ["mtime"]'; }
ok "put right: no content differs" wait_until "$PATIENCE" right_
ok "accepted" bs accept deb --drift "$(drift_id deb)" --reason "looked at"
drift_is "is no drift any more" deb ""

# --- while it runs ----------------------------------------------------------------------------------
cp -p "$T/etc/kept.conf" "$W/kept.conf"
bash -c 'echo evil >>"$1"' x "$T/etc/kept.conf"
event_ok "a change names who did it" change '.change.path == "/etc/kept.conf" and .actor.origin == "host" and (.actor.exe | test("bash"))' deb
cp -p "$W/kept.conf" "$T/etc/kept.conf"
drift_is "back again" deb ""
seen=$(events | tail -1 | jq .seq)
dpkg_ -i --force-confold "$W/x-2.deb" || bail "dpkg: $(tail -3 "$W/dpkg.log")"
run_() { events deb --type package.run | jq -e '.run.manager == "dpkg" and .run.ended and .run.counts.C >= 200'; }
ok "an upgrade is one run" wait_until 20 run_
is "and nothing else wakes anybody" \
	"$(events deb --severity low | jq -r "select(.seq > $seen and .type != \"package.run\")"' | [.type, .change.path // ""] | join(" ")')" ""

# --- this host --------------------------------------------------------------------------------------
daemon_stop
DAEMON_BASE="group: root
" daemon_config <<YAML
host_defaults: true
host: [{path: /etc, exclude: ["/*/**"]}]
watch: {processes: false}
YAML
rm -rf "$W/state"
daemon_start || bail "boltseald on the host"
host_() { bs ps -o json | jq -e '.items[] | select(.name == "host" and .kind == "host" and .upper == "/")'; }
ok "the host is kept when nothing is said of it" wait_until 20 host_
ok "and what is configured apart from it" wait_until 20 baselined_ /etc
like "coverage says that its baseline is being taken" "$(bs diff host -o json 2>/dev/null | jq -c '[.coverage.gaps[].cause]')" "baselined late"
is "what goes on elsewhere is not told" "$(touch "$W/x"; bs diff host 2>/dev/null)" ""
minibox guest || bail "the container did not start"
guest_() { bs ps -o json | jq -e --arg u "$W/mini/guest/upper" '.items[] | select(.upper == $u) | .baselined'; }
ok "a container does not wait for it" wait_until 10 guest_
daemon_stop
is "it stops in the middle of it" $? 0
finish
