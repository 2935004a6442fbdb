#!/bin/bash
# The packages that `make deb` left, installed, upgraded, removed and purged by dpkg itself in a copy of this
# system: an overlay that is gone afterwards. No service manager runs in it, as in a chroot or an image
# that is being made.
. "$(dirname "$0")/../box/lib.sh"
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build}
need_root
need dpkg-deb unshare mdb_load
if [ "${1:-}" != inside ]; then exec unshare -m --propagation private "$0" inside; fi

version=$(sed -n 's/^VERSION *:= *//p' Makefile)
arch=$(dpkg --print-architecture)
daemon=$OUT/deb/boltseal_${version}_$arch.deb
dev=$OUT/deb/libboltseal-dev_${version}_$arch.deb
[ -e "$daemon" ] && [ -e "$dev" ] || bail "make deb has left $daemon and $dev"

work_dir
R=$W/root
mkdir "$R" "$W/up" "$W/work"
mount -t overlay -o "lowerdir=/,upperdir=$W/up,workdir=$W/work" boltseal-test "$R" 2>"$W/why" ||
	skip_all "no copy of this system: $(cat "$W/why")"
for fs in proc:proc tmpfs:run tmpfs:tmp; do mount -t "${fs%%:*}" "${fs%%:*}" "$R/${fs#*:}" || skip_all "no ${fs#*:}"; done
mount --rbind /dev "$R/dev"
on() { chroot "$R" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }
! on dpkg -s boltseal >/dev/null 2>&1 || skip_all "boltseal is installed here"
rm -f "$R/var/lib/man-db/auto-update" # the index of all manual pages is no part of this
cp "$daemon" "$dev" "$R/tmp"
# Whoever makes an image says so there: nothing may be started, and nothing may fail for it.
printf '#!/bin/sh\necho "$*" >>/tmp/asked\nexit 101\n' >"$R/usr/sbin/policy-rc.d"
chmod 755 "$R/usr/sbin/policy-rc.d"

ok "it installs where nothing may be started" on dpkg -i "/tmp/${daemon##*/}" "/tmp/${dev##*/}"
not_ok "nothing was asked to start where no service manager runs" test -e "$R/tmp/asked"
is "its users are there, each in its place" \
	"$(on sh -c 'id -Gn boltseal-sensor; id -Gn boltseal-gateway; getent group boltseal | cut -d: -f1,4')" \
	"$(printf 'boltseal-sensor boltseal-gateway\nboltseal-gateway\nboltseal:')"
is "the directory of the socket is the sensor's" "$(on stat -c '%U %G %a' /run/boltseal)" "boltseal-sensor boltseal-gateway 755"
is "the units will start with the system" \
	"$(on sh -c 'systemctl is-enabled boltseald.service boltseal-gateway.service boltseal.socket' | sort -u)" enabled
not_ok "no store is made by installing" test -e "$R/var/lib/boltseal"
like "the configuration can be used as it is" "$(on boltseald --check-config 2>&1)" 'boltseal.yaml: ok'
is "and nothing in it is surely not meant" "$(on boltseald --check-config 2>&1 >/dev/null)" ""
conf=$(on boltseald --check-config --verbose | grep -v '^/')
mv "$R/etc/boltseal/boltseal.yaml" "$R/tmp/kept.yaml"
is "and says what none would say" "$conf" "$(on boltseald --check-config --verbose | grep -v '^/')"
mv "$R/tmp/kept.yaml" "$R/etc/boltseal/boltseal.yaml"
is "no store has no format" "$(on boltseald --store-format | tail -1)" "store none"
like "completion is there for who uses it" "$(on bash -c '. /usr/share/bash-completion/completions/boltseal
	COMP_WORDS=(boltseal stat) COMP_CWORD=1 && _boltseal && echo "${COMPREPLY[@]}"')" status
like "the catalog explains its entries" "$(on journalctl --list-catalog 2>/dev/null)" boltseal

cp packaging/debian/tests/dev "$R/tmp/dev"
said=$(on sh /tmp/dev 2>&1)
like "a program of the header and pkg-config alone is linked and runs" "$said" '^[1-9][0-9]* rules, [1-9][0-9]* calls$'
like "and hears why nobody answers" "$said" /nowhere/boltseal.sock

# Another release of the same: what its daemon would refuse is refused before it is unpacked.
release() { # VERSION FORMAT
	rm -rf "$W/other"
	dpkg-deb -R "$daemon" "$W/other"
	sed -i "s/^Version: .*/Version: $1/" "$W/other/DEBIAN/control"
	sed -i "s/^supported=.*/supported=$2/" "$W/other/DEBIAN/preinst"
	dpkg-deb --root-owner-group -Znone -b "$W/other" "$R/tmp/other.deb" >/dev/null
}
store() { # FORMAT: one that says so
	on install -d -o boltseal-sensor -g boltseal-gateway -m 750 /var/lib/boltseal
	rm -f "$R"/var/lib/boltseal/*
	# shellcheck disable=SC2059	# a byte
	printf 'format\n\\00\\00\\00\\%02x\n' "$1" | mdb_load -T -s meta "$R/var/lib/boltseal"
	on chown boltseal-sensor:boltseal-gateway /var/lib/boltseal/data.mdb /var/lib/boltseal/lock.mdb
}
format=$(sed -n 's/^#define STORE_FORMAT //p' lib/store/env.h)
store "$format"
is "the store's format is told" "$(on boltseald --store-format)" "$(printf 'program %s\nstore %s' "$format" "$format")"
is "and its files stay the sensor's" "$(on stat -c %U /var/lib/boltseal/lock.mdb)" boltseal-sensor
release 0.0.1 $((format - 1))
said=$(on dpkg -i /tmp/other.deb 2>&1)
like "a release that cannot read the store is refused" "$said" "the store has format $format, this version knows up to $((format - 1))"
is "and the one that can stays" "$(on dpkg-query -W -f '${Status} ${Version}' boltseal)" "install ok installed $version"
echo 'nix: 1' >>"$R/etc/boltseal/boltseal.yaml"
like "also over a configuration that is wrong" "$(on dpkg -i /tmp/other.deb 2>&1)" "the store has format $format, this version knows up to"
sed -i '/^nix: 1$/d' "$R/etc/boltseal/boltseal.yaml"
mv "$R/var/lib/boltseal/data.mdb" "$R/tmp/kept.mdb"
head -c 8192 /dev/urandom >"$R/var/lib/boltseal/data.mdb"
release 0.0.1 "$format"
like "no answer is no leave" "$(on dpkg -i /tmp/other.deb 2>&1)" "nobody can say of which format"
is "so the one that was there stays" "$(on dpkg-query -W -f '${Status} ${Version}' boltseal)" "install ok installed $version"
mv "$R/tmp/kept.mdb" "$R/var/lib/boltseal/data.mdb"
ok "an older release that can read it is let in" on dpkg -i /tmp/other.deb

# Up again, over a configuration that somebody edited.
echo 'log: {level: info}' >>"$R/etc/boltseal/boltseal.yaml"
release 99 "$format"
ok "a newer one takes its place" on dpkg --force-confold -i /tmp/other.deb
is "what was edited is as it was" "$(tail -1 "$R/etc/boltseal/boltseal.yaml")" 'log: {level: info}'
# As if a service manager ran: asked, and not obeyed.
mkdir -p "$R/run/systemd/system"
ok "a policy against starting is no failure" on dpkg --force-confold -i /tmp/other.deb
like "and it was asked" "$(cat "$R/tmp/asked" 2>&1)" 'boltseal-gateway.service restart'
: >"$R/tmp/asked"
release 0.0.1 $((format - 1))
not_ok "one more is refused" on dpkg -i /tmp/other.deb
unlike "and nothing is restarted for it" "$(cat "$R/tmp/asked")" 'restart'
rmdir "$R/run/systemd/system"

mkdir -p "$R/var/log/boltseal" "$R/var/lib/boltseal-gateway"
touch "$R/run/boltseal/boltseal.sock"
ok "it is removed" on dpkg -r boltseal
ok "its store stays" test -e "$R/var/lib/boltseal/data.mdb"
ok "and so does its configuration" test -e "$R/etc/boltseal/boltseal.yaml"
not_ok "nothing of it stays in /run" test -e "$R/run/boltseal"
is "it left word of the store's format, as the sensor" \
	"$(cat "$R/var/lib/boltseal/format") $(on stat -c '%U %a' /var/lib/boltseal/format)" "$format boltseal-sensor 644"
like "which an older release reads" "$(on dpkg -i /tmp/other.deb 2>&1)" "the store has format $format, this version knows up to"
echo unknown >"$R/var/lib/boltseal/format"
like "or hears that nobody knows" "$(on dpkg -i /tmp/other.deb 2>&1)" "nobody can say of which format"
ok "and is let in by who says so" on env BOLTSEAL_IGNORE_STORE=1 dpkg -i /tmp/other.deb
ok "it is purged, with the library" on dpkg -P boltseal libboltseal-dev
left() { find "$W/up" -iname '*boltseal*' -not -path '*/dpkg/*' -not -type c | { ! grep .; }; }
ok "nothing is left of it" left
finish
