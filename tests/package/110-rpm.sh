#!/bin/bash
# What is in the RPMs that `make rpm` left: files, modes, configuration, scripts. No root, and nothing is installed.
. "$(dirname "$0")/../box/lib.sh"
cd "$(dirname "$0")/../.." || exit 2
OUT=${OUT:-build}
need rpm
work_dir
version=$(sed -n 's/^VERSION *:= *//p' Makefile)
daemon=$(ls "$OUT"/rpm/RPMS/*/boltseal-"$version"-*.rpm) dev=$(ls "$OUT"/rpm/RPMS/*/boltseal-devel-"$version"-*.rpm)
[ -e "$daemon" ] && [ -e "$dev" ] || bail "make rpm has left boltseal and boltseal-devel"
q() { rpm -qp --dbpath "$W/db" "$@" 2>/dev/null; }

q --qf '[%{FILEMODES:perms} %{FILEUSERNAME}/%{FILEGROUPNAME} %{FILENAMES}\n]' "$daemon" | sed 's/\.gz$//' >"$W/files"
there() { # MODE NAME...: each is in it
	local mode=$1 f failed=0
	shift
	for f; do
		grep -qE -- "^$mode root/root .*/$f\$" "$W/files" || { echo "missing: $f"; failed=1; }
	done
	return "$failed"
}
names() { # MODE FILE...: files of those names, manual pages made
	local mode=$1 names
	shift
	mapfile -t names < <(basename -s .scd -a "$@")
	there "$mode" "${names[@]}"
}
ok "programs are there" there -rwxr-xr-x bin/boltseal sbin/boltseald system-generators/boltseal-generator
ok "every unit is there" names -rw-r--r-- packaging/systemd/*.*
ok "every rule is there" names -rw-r--r-- conf/rules.d/*.yaml
ok "every manual page is there" names -rw-r--r-- ./*/*.scd ./*/*/*.scd
ok "users, directories, catalog and completion are there" there -rw-r--r-- sysusers.d/boltseal.conf tmpfiles.d/boltseal.conf \
	boltseal.catalog completions/boltseal _boltseal boltseal.fish
is "nothing else has a mode of its own" "$(grep -vE '^(-rw-r--r--|drwxr-xr-x) root/root |^l.*/\.build-id/|/(s?bin/boltseald?|boltseal-generator)$' "$W/files")" ""
is "everything below /etc is configuration that is kept" "$(q -c "$daemon" | sort)" \
	"$(sed -n 's,^-[^ ]* [^ ]* \(/etc/.*\),\1,p' "$W/files" | sort)"
like "programs name what they need" "$(q -R "$daemon")" '^liblmdb\.so'
like "the header and the library are for developers" "$(q -l "$dev" | xargs)" \
	'include/boltseal\.h .*/libboltseal\.a .*/pkgconfig/boltseal\.pc'
scripts=$(q --scripts "$daemon")
like "a store that is too new is refused" "$scripts" "gt $(sed -n 's/^#define STORE_FORMAT //p' lib/store/env.h) "
like "its users are made" "$scripts" sysusers
like "the services are restarted when it is upgraded" "$scripts" 'restart.*boltseald\.service'
unlike "no macro is left as it is" "$scripts" '%[a-z_{]'
rpm2cpio "$daemon" | (cd "$W" && cpio -id --quiet)
ok "the program starts" "$W/usr/sbin/boltseald" --version
ok "and names no place of the build" sh -c "! grep -aqF '$PWD' '$W/usr/sbin/boltseald'"
if command -v rpmlint >/dev/null; then
	said=$(rpmlint -c packaging/rpm/rpmlint.toml "$daemon" "$dev" 2>&1)
	like "rpmlint finds no error" "$said" ' 0 errors'
else
	skip "rpmlint finds no error" "no rpmlint"
fi
finish
