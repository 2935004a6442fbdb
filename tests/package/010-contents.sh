#!/bin/bash
# What is in the packages that `make deb` left: files, modes, scripts, and what lintian says. No root.
. "$(dirname "$0")/../box/lib.sh"
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build}
GOLD=tests/gold/package
work_dir
need dpkg-deb lintian
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
arch=$(dpkg --print-architecture)
daemon=$OUT/deb/boltseal_${version}_$arch.deb
dev=$OUT/deb/libboltseal-dev_${version}_$arch.deb
[ -e "$daemon" ] || bail "make deb has left $daemon"

# Each lies where a version is said, and none is forgotten when it rises.
is "the changelog's version is the Makefile's" "$(dpkg-parsechangelog -l packaging/debian/changelog -S Version)" "$version"
is "and the RPM's" "$(sed -n 's/^Version: *//p' packaging/rpm/boltseal.spec)" "$version"
format=$(sed -n 's/^#define STORE_FORMAT //p' lib/store/env.h)
is "the RPM knows the store's format" "$(sed -n 's/^%global store_format //p' packaging/rpm/boltseal.spec)" "$format"
dpkg-deb -e "$daemon" "$W/control"
like "and so does the Debian package" "$(cat "$W/control/preinst")" "^supported=$format\$"

needed() {
	make -s --no-print-directory print-deps | tr ' ' '\n' | grep -e '-dev$' | sort >"$W/needed"
	sed -n '/^Build-Depends:/,/^[^ B]/s/^ \([a-z0-9-]*-dev\),*$/\1/p' packaging/debian/control | sort | diff "$W/needed" -
}
ok "what the Makefile needs for a build is what the Debian package asks for" needed
list() { dpkg-deb -c "$1" | awk '{sub(/^\.\//, "", $6); if ($6) print $1, $2, $6}' | LC_ALL=C sort -k3; }
list "$daemon" >"$W/daemon"
list "$dev" >"$W/dev"
# What other rooms add to by themselves is compared with those rooms, the rest with what was agreed.
grown='(systemd/system/|rules\.d/|man/man[0-9]/|boltseal/siem/)[^/]*$'
agreed() {
	{ grep -vE "$grown" "$W/daemon"; cat "$W/dev"; } | sed "s/$(gcc -print-multiarch)/TRIPLET/" >"$W/agreed"
	[ -z "${UPDATE:-}" ] || { mkdir -p "$GOLD" && cp "$W/agreed" "$GOLD/files"; }
	diff "$GOLD/files" "$W/agreed"
}
ok "files, owners and modes are as agreed (UPDATE=1 writes them anew)" agreed
there() { # DIRECTORY FILE...: each is in the package, as a plain file that only root may write
	local dir=$1 f failed=0
	shift
	for f; do
		grep -qxF -e "-rw-r--r-- root/root $dir/${f##*/}" "$W/daemon" || { echo "missing: $dir/${f##*/}"; failed=1; }
	done
	return "$failed"
}
ok "every unit is there" there lib/systemd/system packaging/systemd/*.*
ok "every rule is there" there etc/boltseal/rules.d conf/rules.d/*.yaml
manuals() {
	local page
	for page in */*.[1-9].scd */*/*.[1-9].scd; do
		page=${page##*/} page=${page%.scd}
		there "usr/share/man/man${page##*.}" "$page.gz" || return 1
	done
}
ok "every manual page is there" manuals
ok "every file below /etc is a conffile" diff <(dpkg-deb -c "$daemon" | awk '/^-/{print substr($6, 2)}' | grep ^/etc/ |
	LC_ALL=C sort) <(LC_ALL=C sort "$W/control/conffiles")

# The daemon is started after everything that it wants, and replaced by one restart, the sockets kept.
order=$(grep -oE "apparmor_parser|systemd-sysusers|systemd-tmpfiles [$]|_dh_action=start|invoke start 'boltseal" "$W/control/postinst" |
	uniq | tr '\n' ' ')
like "profile, users, directories, sockets, services, in this order" "$order" \
	"^apparmor_parser systemd-sysusers systemd-tmpfiles [$] invoke start 'boltseal _dh_action=start \$"
unlike "no socket is restarted" "$(grep -A99 '_dh_action=restart' "$W/control/postinst")" 'invoke.*\.socket'
unlike "an upgrade stops nothing before it" "$(cat "$W/control/prerm")" '^[^#]*= *upgrade'

dpkg-deb -x "$daemon" "$W/tree"
protected() {
	local p
	for p in usr/bin/boltseal usr/sbin/boltseald; do
		readelf -hldW "$W/tree/$p" >"$W/elf"
		grep -q 'Type: *DYN' "$W/elf" && grep -q GNU_RELRO "$W/elf" && grep -q 'BIND_NOW' "$W/elf" ||
			{ echo "$p: no PIE with everything bound before it starts"; return 1; }
		! grep -aqF "$PWD/$OUT" "$W/tree/$p" || { echo "$p names the place where it was built"; return 1; }
	done
}
ok "programs are position independent, bound at start, and name no place of the build" protected
dpkg-deb -x "$dev" "$W/tree"
ok "the library has no global name but boltseal_*" test -z \
	"$(nm -g --defined-only "$W"/tree/usr/lib/*/libboltseal.a 2>/dev/null | awk 'NF == 3 && $3 !~ /^boltseal_/')"

if command -v apparmor_parser >/dev/null; then
	ok "the AppArmor profile is one" apparmor_parser -QT "$W/tree/etc/apparmor.d/boltseal"
	is "each unit names one of its profiles" \
		"$(sed -n 's/^AppArmorProfile=-//p' "$W"/tree/lib/systemd/system/*.service | sort | tr '\n' ' ')" \
		"$(sed -n 's/^profile \([a-z-]*\) flags=(attach_disconnected) {$/\1/p' "$W/tree/etc/apparmor.d/boltseal" | sort | tr '\n' ' ')"
else
	skip "the AppArmor profile is one" "no apparmor_parser"
fi
if command -v logrotate >/dev/null; then
	ok "logrotate can read its part" logrotate -d "$W/tree/etc/logrotate.d/boltseal"
fi
ok "lintian has nothing to say" lintian --allow-root --tag-display-limit 0 --pedantic --fail-on error,warning,pedantic "$OUT"/deb/*.deb
finish
