#!/bin/bash
# make install and make uninstall, below directories of one's own. No root.
. "$(dirname "$0")/../box/lib.sh"
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build}
work_dir
mk() { make --no-print-directory -s OUT="$OUT" DESTDIR="$W/root" PREFIX=/opt/it "$@"; }

ok "it is installed" mk install
find "$W/root" -type f -printf '%P\n' | LC_ALL=C sort >"$W/first"
is "what is not configuration is below PREFIX" "$(grep -v '^opt/it/' "$W/first" | cut -d/ -f1-2 | sort -u | tr '\n' ' ')" \
	"etc/apparmor.d etc/boltseal etc/logrotate.d "
ok "the program starts" "$W/root/opt/it/sbin/boltseald" --version
like "the unit starts it from there" "$(cat "$W/root/opt/it/lib/systemd/system/boltseald.service")" '^ExecStart=/opt/it/sbin/boltseald sensor$'
like "and the profile is of it" "$(cat "$W/root/etc/apparmor.d/boltseal")" '/opt/it/sbin/boltseald mr,'
like "pkg-config finds header and library" \
	"$(PKG_CONFIG_PATH=$W/root/opt/it/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$W/root pkg-config --cflags --libs-only-L boltseal | xargs)" \
	"^-I$W/root/opt/it/include .*-L$W/root/opt/it/lib( |\$)"
is "no word is left to be filled in" "$(grep -rlE '@[A-Z]+@' "$W/root" --include='*.*' -I | xargs)" ""

echo '# mine' >>"$W/root/etc/boltseal/boltseal.yaml"
like "what was edited is not written over" "$(mk install 2>&1)" 'boltseal.yaml is not as shipped'
is "it stays" "$(tail -1 "$W/root/etc/boltseal/boltseal.yaml")" "# mine"
ok "and the new one is beside it" cmp conf/boltseal.yaml "$W/root/etc/boltseal/boltseal.yaml.new"
rm "$W/root/etc/boltseal/boltseal.yaml.new"
ok "it is uninstalled" mk uninstall
is "what was edited is all that is left" "$(find "$W/root" -type f -printf '%P\n')" etc/boltseal/boltseal.yaml

# Where the configuration, the store and the socket are is compiled in, so it is seen in what is compiled.
places=(SYSCONFDIR=/x/etc LOCALSTATEDIR=/x/var RUNSTATEDIR=/x/run)
objects="daemon/args.o daemon/config_schema.o lib/client/client.o cli/rules.o"
other() {
	# shellcheck disable=SC2046,SC2086,SC2059	# words
	make --no-print-directory -s OUT="$W/o" CFLAGS=-O0 "$@" $(printf "$W/o/%s " $objects)
}
ok "programs are compiled for other places" other "${places[@]}"
texts() { for o in $objects; do strings "$W/o/$o"; done | grep -oP '/[a-z/]*?(etc|lib|run)/boltseal' | sort -u | xargs; }
is "and know no others" "$(texts)" "/x/etc/boltseal /x/run/boltseal /x/var/lib/boltseal"
ok "compiled for the usual ones again" other
is "they know them" "$(texts)" "/etc/boltseal /run/boltseal /var/lib/boltseal"
finish
