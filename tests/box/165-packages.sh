#!/bin/bash
# shellcheck disable=SC2015,SC2016,SC2119,SC2317 # bail ends; shells inside; called by wait_until
# Packages of images: dpkg's, apk's and rpm's databases, read from the layers. What an image's package says of a
# file, whoever changes both; a database that is changed at run time; a dpkg run in whose shelter something else
# is changed; bills of materials.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
. ./tools/debian_tree.sh
export LC_ALL=C
need_root
need busybox jq python3 tar
for tool in dpkg-deb dpkg-query apt-get; do
	command -v $tool >/dev/null || skip_all "not a Debian host: no $tool"
done
need_daemon
work_dir

# --- images ---------------------------------------------------------------------------------------
R=$W/root
debian_tree "$R" || bail "the image's files"
printf 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian"\n' >"$R/usr/lib/os-release"
# os-release is a package's too: the image was customised. So is another, and one that is configuration.
CUSTOM=$(awk '$2 ~ /^usr\/share\/base-files\// { print "/" $2; exit }' "$R/var/lib/dpkg/info/base-files.md5sums")
echo custom >>"$R$CUSTOM"
P=$W/pkg
mkdir -p "$P"/{usr/bin,usr/share/small,etc/small.d,DEBIAN}
printf 'Package: small\nVersion: 1:2+b1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: small\n' >"$P/DEBIAN/control"
for i in 1 2 3 4 5; do echo "$i" >"$P/usr/share/small/$i"; done
printf '#!/bin/sh\necho small\n' >"$P/usr/bin/small" && chmod 755 "$P/usr/bin/small"
echo a=1 >"$P/etc/small.d/conf" && echo /etc/small.d/conf >"$P/DEBIAN/conffiles"
(cd "$P" && find usr -type f -exec md5sum {} + >DEBIAN/md5sums)
# What somebody does while dpkg runs: its own child does it.
printf '#!/bin/sh\nset -e\necho evil >>/usr/bin/small\ncp /bin/true /usr/bin/extra\nmkdir -p /var/lib/small\necho state >/var/lib/small/state\necho a=2 >/etc/small.d/conf\nldconfig\n' \
	>"$P/DEBIAN/postinst" && chmod 755 "$P/DEBIAN/postinst"
dpkg-deb --root-owner-group -b "$P" "$R/srv/small.deb" >/dev/null || bail "dpkg-deb"
tar -C "$R" --numeric-owner -cf "$W/deb.tar" . || bail "the image"

A=$W/apk
busybox_tree "$A" || bail "the tree"
mkdir -p "$A/lib/apk/db" "$A/etc"
sum_() { printf 'Q1%s' "$(openssl dgst -"${2:-sha1}" -binary "$1" | head -c 20 | base64)"; }
echo one >"$A/bin/one" && echo two >"$A/bin/two" && echo c >"$A/etc/one.conf" && chmod 755 "$A/bin/one" "$A/bin/two"
printf 'ID=alpine\nVERSION_ID=3.20\n' >"$A/etc/os-release"
printf 'P:one\nV:1.0-r0\nA:x86_64\nL:MIT\no:one-src\nF:bin\nR:one\na:0:0:755\nZ:%s\nF:etc\nR:one.conf\nZ:%s\n\nP:two\nV:2\nA:x86_64\nf:S\nF:bin\nR:two\nZ:%s\n\n' \
	"$(sum_ "$A/bin/one")" "$(sum_ "$A/etc/one.conf")" "$(sum_ "$A/bin/two" sha256)" >"$A/lib/apk/db/installed"
stamp_ "$A" && tar_ "$A" "$W/apk.tar" || bail "the image"

HAS_RPM=
if command -v rpmbuild >/dev/null && command -v rpm >/dev/null; then
	M=$W/rpm
	busybox_tree "$M" || bail "the tree"
	cat >"$W/y.spec" <<-'SPEC'
		Name: y
		Epoch: 1
		Version: 1.2
		Release: 3
		Summary: y
		License: MIT
		BuildArch: noarch
		%description
		y
		%install
		mkdir -p %{buildroot}/usr/bin
		printf '#!/bin/sh\n' >%{buildroot}/usr/bin/y
		chmod 755 %{buildroot}/usr/bin/y
		%files
		/usr/bin/y
	SPEC
	rpmbuild --define "_topdir $W/top" --define '_dbpath /var/lib/rpm' -bb "$W/y.spec" >"$W/rpm.log" 2>&1 &&
		rpm --root "$M" --dbpath /var/lib/rpm --nodeps --noscripts -i "$W"/top/RPMS/noarch/y-*.rpm >>"$W/rpm.log" 2>&1 ||
		bail "rpm: $(tail -3 "$W/rpm.log")"
	stamp_ "$M" && tar_ "$M" "$W/rpm.tar" && HAS_RPM=1
fi

# --- containers -------------------------------------------------------------------------------------
daemon_config <<<"rules_dir: $(cd ../.. && pwd)/conf/rules.d"
daemon_start || bail "boltseald"
engine_docker_start || bail "dockerd"
for i in deb apk ${HAS_RPM:+rpm}; do
	docker_ import "$W/$i.tar" "$i:1" >/dev/null || bail "the image"
done
D=$(run_docker deb deb:1 sleep 3600) && A=$(run_docker apk apk:1 /bin/sleep 3600) || bail "a container"
[ -z "$HAS_RPM" ] || Y=$(run_docker rpm rpm:1 /bin/sleep 3600) || bail "a container"
says_() { bs show "$1" "$2" 2>/dev/null | grep -qE "$3"; }
says() { # says DESC TARGET PATH PATTERN
	wait_until "${5:-$PATIENCE}" says_ "$2" "$3" "$4"
	like "$1" "$(bs show "$2" "$3" 2>&1)" "$4"
}
package_() { events "$1" --type change --path "$2" | jq -c '.change.package | [.name // "", .version // "", .state]' | tail -1; }
told_() { events "$1" --path "$2" | jq -e --arg t "$3" 'select(.type == $t)' >/dev/null; }
told() { wait_until "$PATIENCE" told_ "$@"; }

V=$(awk '/^Package: dpkg$/ { p = 1 } p && /^Version: / { print $2; exit }' "$R/var/lib/dpkg/status")
says "dpkg: a program is its package's" "$D" /usr/bin/dpkg "^package dpkg ${V//[+.]/.} \(as installed\)" 40
says "what the image was customised by is told" "$D" "$CUSTOM" '^package base-files .* \(not as the package has it\)'
says "what no package has, too" "$D" /srv/small.deb '^not owned by any package'
is "and nobody is called for any of it" "$(events "$D" --severity low | jq -r 'select(.type | test("^(target|baseline)") | not) | .type')" ""
says "apk: SHA-1" "$A" /bin/one '^package one 1.0-r0 \(as installed\)' 20
says "apk: SHA-256, cut" "$A" /bin/two '^package two 2 \(as installed\)'
[ -z "$HAS_RPM" ] && skip "rpm" "no rpmbuild here" ||
	says "rpm: by its header" "$Y" /usr/bin/y '^package y 1:1.2-3 \(as installed\)' 20

# --- a program and its digest in the database, both changed ------------------------------------------
docker_ exec deb /bin/bash -c 'echo "# evil" >>/usr/bin/apt-key; s=$(md5sum </usr/bin/apt-key); cd /var/lib/dpkg/info
	sed "s|^[0-9a-f]*  usr/bin/apt-key|${s%% *}  usr/bin/apt-key|" apt.md5sums >/tmp/new; cat /tmp/new >apt.md5sums; echo "# x" >>dpkg.md5sums
	cp /bin/true /usr/bin/dropped' 2>/dev/null
if [ -e "$R/usr/bin/apt-key" ]; then
	told "$D" /usr/bin/apt-key change
	like "the image's database counts, not the container's" "$(package_ "$D" /usr/bin/apt-key)" '^\["apt",".*","modified"\]'
	says "show says so" "$D" /usr/bin/apt-key '^package apt .* \(modified\)'
	like "diff -l says so" "$(bs diff -l "$D" /usr/bin/apt-key 2>/dev/null)" '\(package apt [^ ]*, modified\)'
else
	skip "a program and its digest" "apt has no apt-key here"
fi
told "$D" /usr/bin/dropped change
is "a program of no package" "$(events "$D" --path /usr/bin/dropped | jq -c '[.change.package.state, .severity == "high" or .severity == "critical", .rule.name]' | head -1)" \
	'["unowned",true,"package-none"]'
like "diff -l says that, too" "$(bs diff -l "$D" /usr/bin/dropped 2>/dev/null)" '\(not owned by any package\)'
database_() { [ "$(events "$1" --type package.database | jq -r 'if .severity == "high" or .severity == "critical" then "severe" else .severity end' | sort | uniq -c | tr -s ' \n' ' ')" = "$2" ]; }
ok "the database's change is told once" wait_until "$PATIENCE" database_ "$D" " 1 severe "
is "with its manager" "$(events "$D" --type package.database | jq -r .reason | head -1)" "dpkg's database was changed at run time"
docker_ exec apk /bin/sh -c 'echo x >>/lib/apk/db/installed; rm /bin/two; echo y >>/etc/one.conf'
ok "apk's as well" wait_until "$PATIENCE" database_ "$A" " 1 severe "
told "$A" /bin/two change && told "$A" /etc/one.conf change
is "a file of a package that is gone" "$(package_ "$A" /bin/two)" '["two","2","deleted"]'
is "a configuration file" "$(package_ "$A" /etc/one.conf)" '["one","1.0-r0","edited"]'

# --- a run, and what was done in its shelter ----------------------------------------------------------
docker_ exec -e DEBIAN_FRONTEND=noninteractive deb dpkg -i /srv/small.deb >"$W/dpkg.log" 2>&1 || bail "dpkg: $(tail -3 "$W/dpkg.log")"
run_() { events "$D" --type package.run | jq -c "$1" | tail -1; }
ran_() { [ -n "$(run_ .)" ]; }
ok "the run is told" wait_until 40 ran_
is "its files are what the package brought, but for two; and its configuration" "$(run_ '[.run.packages.same, .run.packages.odd, .run.packages.edited, .severity == "high" or .severity == "critical"]')" '[5,2,1,true]'
is "these are told one by one" "$(events "$D" --type package.mismatch | jq -c '[.change.path, (.severity == "high" or .severity == "critical"), .change.package.state]' | sort | tr '\n' ' ')" \
	'["/usr/bin/extra",true,"unowned"] ["/usr/bin/small",true,"modified"] '
is "by the package that is in the run's database" "$(events "$D" --type package.mismatch | jq -c 'select(.change.path == "/usr/bin/small") | [.change.package.name, .change.package.version, .change.package.found != null]')" \
	'["small","1:2+b1",true]'
is "the run names their entries" "$(run_ .run.packages.seqs | jq -S 'sort')" "$(events "$D" --type package.mismatch | jq .seq | jq -S -s 'sort')"
is "the database's change by a run is info" "$(events "$D" --type package.database | jq -r 'select(.run_id) | .severity' | sort -u)" info

# --- bills of materials ---------------------------------------------------------------------------------
for form in cyclonedx spdx; do
	for what in "" --image; do
		bs sbom "$D" $what --format $form >"$W/$form$what" || bail "boltseal sbom"
		is "$form $what: as it should be" "$(tools/sbom_check.py $form <"$W/$form$what" 2>&1)" ""
	done
done
purl=$(jq -r '.components[] | select(.name == "dpkg") | .purl' "$W/cyclonedx--image")
like "a package's URL" "$purl" '^pkg:deb/debian/dpkg@[^?]+\?arch=[a-z0-9]+&distro=debian-12$'
is "it has every package of the image" "$(jq '[.components[] | select(.type == "library")] | length' "$W/cyclonedx--image")" \
	"$(grep -c '^Status: install ok installed' "$R/var/lib/dpkg/status")"
sum=$(sha256sum <"$R/usr/bin/dpkg" | cut -d' ' -f1)
is "and its files" "$(jq -r '.components[] | select(.name == "dpkg") | .evidence.occurrences[] | select(.location == "/usr/bin/dpkg") | .additionalContext' "$W/cyclonedx--image")" \
	"as-shipped sha256:$sum"
is "what the image has otherwise" "$(jq -r --arg p "$CUSTOM" '.components[].evidence.occurrences[]? | select(.location == $p) | .additionalContext' "$W/cyclonedx--image" | cut -d' ' -f1)" modified
is "the live one has what drifts" "$(jq -r '.components[] | select(.name == "/usr/bin/dropped") | .properties[0].value' "$W/cyclonedx")" added
is "the image's does not" "$(jq -r '.components[] | select(.type == "file") | .name' "$W/cyclonedx--image")" ""
is "SPDX relates it so" "$(jq -r '(.files[] | select(.fileName == "./usr/bin/dropped") | .SPDXID) as $id | .relationships[] | select(.spdxElementId == $id) | .relationshipType' "$W/spdx")" FILE_ADDED
bs sbom "$D" --image --output "$W/again" || bail "boltseal sbom"
is "the same again, but for its number and time" "$(jq 'del(.serialNumber, .metadata.timestamp)' "$W/again" | sha256sum)" \
	"$(jq 'del(.serialNumber, .metadata.timestamp)' "$W/cyclonedx--image" | sha256sum)"
is "apk: its licence, source and distribution" "$(bs sbom "$A" --image | jq -c '.components[0] | [.purl, .licenses[0].license.name]')" \
	'["pkg:apk/alpine/one@1.0-r0?arch=x86_64&distro=alpine-3.20&upstream=one-src","MIT"]'
[ -z "$HAS_RPM" ] || is "rpm: its epoch" "$(bs sbom "$Y" --image | jq -r '.components[0].purl' | sed 's/&upstream.*//')" 'pkg:rpm/y@1.2-3?arch=noarch&epoch=1'
like "a tree is none" "$(bs sbom nowhere 2>&1)" 'nowhere'

# --- databases that cannot be read, in the image itself ---------------------------------------------------
busybox_tree "$W/odd" || bail "the tree"
mkdir -p "$W/odd"/{usr/bin,lib/apk/db,var/lib/dpkg/info,etc} && echo tool >"$W/odd/usr/bin/tool"
printf 'Package: tool\nStatus: install ok installed\nVersion: 1.2-3\nArchitecture: amd64\n' >"$W/odd/var/lib/dpkg/status"
mkfifo "$W/odd/var/lib/dpkg/info/tool.md5sums" && printf '/.\n/usr\n/usr/bin\n/usr/bin/tool\n' >"$W/odd/var/lib/dpkg/info/tool.list"
ln -s /etc/shadow "$W/odd/lib/apk/db/installed" && stamp_ "$W/odd" && tar_ "$W/odd" "$W/odd.tar" || bail "the image"
docker_ import "$W/odd.tar" odd:1 >/dev/null && O=$(run_docker odd odd:1 /bin/sleep 3600) || bail "a container"
says "a file whose digest cannot be read has its owner" "$O" /usr/bin/tool '^package tool 1.2-3' 20
unlike "and where not every database was read, nobody says that a file has none" "$(bs show "$O" /bin/busybox)" 'not owned'
bs sbom "$O" --image >"$W/odd.json" || bail "boltseal sbom"
like "the bill says what it lacks" "$(jq -r '.metadata.component.properties[] | select(.name == "boltseal:not-read") | .value' "$W/odd.json")" \
	'tool.md5sums is no regular file.*apk.s database cannot be read: /lib/apk/db/installed is no regular file'
is "and of directories nobody is the owner" "$(jq -r '.components[].evidence.occurrences[]?.location' "$W/odd.json")" /usr/bin/tool

# --- real trees that nobody touched, on both engines, and layers that hide, replace and rename: all is proved ----------
# What debootstrap made counts where it is kept (engines.sh); the tree of the host's packages is one of dpkg's anyway.
engine_podman_start || bail "podman"
at_exit 'podman_ rm -fa -t 0 >/dev/null 2>&1'
trees=(deb apk)
if [ -s "${BOLTSEAL_TEST_CACHE:-/var/cache/boltseal-tests}/deb12.tar" ] && debian_tar; then
	ln -s "$DEBIAN_TAR" "$W/debootstrap.tar"
	trees+=(debootstrap)
	docker_ import "$DEBIAN_TAR" debootstrap:1 >/dev/null || bail "docker import"
else
	skip "a tree of debootstrap" "none is kept: make debian-tree"
fi
untouched=()
for i in "${trees[@]}"; do
	podman_ import -q "$W/$i.tar" "localhost/$i:1" >/dev/null || bail "podman import"
	run_podman "podman-$i" "localhost/$i:1" /bin/sleep 3600 >/dev/null || bail "podman: $i"
	run_docker "docker-$i" "$i:1" /bin/sleep 3600 >/dev/null || bail "docker: $i"
	untouched+=("podman-$i" "docker-$i")
done
for e in docker podman; do
	image=deb
	[ $e = docker ] || image=localhost/deb
	"run_$e" $e-work $image:1 /bin/bash -c 'rm -r /usr/share/base-files /usr/share/keyrings; rm -r /etc/apt && mkdir -m 750 /etc/apt && echo x >/etc/apt/new
		mv /etc/shadow /etc/was; ln /etc/passwd /etc/other; ln -sfn was /etc/link; chmod 700 /srv; cp -p /usr/bin/dpkg /usr/local/; chown 7:8 /usr/bin/apt
		rm /usr/bin/find; mkdir /usr/bin/find; echo y >/usr/bin/find/below; touch -d 1999-12-31 /usr/bin/tail' >/dev/null &&
		[ "$("${e}_" wait $e-work)" = 0 ] && "${e}_" commit $e-work $image:2 >/dev/null 2>&1 && "${e}_" rm $e-work >/dev/null || bail "$e commit"
	"run_$e" $e-layers $image:2 sleep 3600 >/dev/null || bail "$e: layers"
	untouched+=("$e-layers")
	"${e}_" save $image:2 -o "$W/$e-layers.tar" >/dev/null 2>&1 || bail "$e save"
done
roots=(docker-layers podman-layers)
if [ -e "$W/debootstrap.tar" ]; then
	docker_ save debootstrap:1 -o "$W/docker-debootstrap.tar" || bail "docker save"
	roots+=(docker-debootstrap)
fi
verdict_() { [ "$(bs ps -o json | jq -r --arg n "$1" '.items[] | select(.name == $n) | .verdict.state // "-"')" = proved ]; }
for i in "${untouched[@]}"; do
	ok "$i: proved" wait_until 60 verdict_ "$i" ||
		diag "$(api GET /v1/layers | head -1 | jq -c --arg n "$i" '.items[] | select(.targets | index($n)) | {path, verdict}')"
	is "$i: no drift" "$(bs diff "$i" 2>&1)" ""
done
root_() { "$BIN/boltseal" baseline inspect "$1" --format json | jq -r .root; }
for i in "${roots[@]}"; do
	"$BIN/boltseal" baseline build "$W/$i.tar" --output "$W/$i-built" >/dev/null || diag "baseline build"
	bs baseline export "$i" --output "$W/$i-live" >/dev/null 2>"$W/err" || diag "$(cat "$W/err")"
	like "$i: the archive has a root" "$(root_ "$W/$i-built")" '^sha256:[0-9a-f]{64}$'
	is "$i: and the running container has it" "$(root_ "$W/$i-live")" "$(root_ "$W/$i-built")"
done
bs verify --all >"$W/all" 2>&1
is "verify --all" "$?" 0 || diag "$(grep -v '^ok' "$W/all")"
is "it names each layer that is proved" "$(sed -n 's/^ok *proof *\(\/[^ ]*\) *proved to sha256:.*/\1/p' "$W/all" | sort -u | wc -l)" "$((${#trees[@]} * 2 + 2 + ${HAS_RPM:+1} + 1))" ||
	diag "$(cat "$W/all")"
podman_ rm -fa -t 0 >/dev/null 2>&1
docker_ rm -f docker-layers "${trees[@]/#/docker-}" >/dev/null

# --- replicas and restarts ------------------------------------------------------------------------------
B=$(run_docker deb2 deb:1 sleep 3600) || bail "a container"
says "another of the same image has its packages at once" "$B" /usr/bin/dpkg '^package dpkg ' 10
daemon_stop
daemon_start || bail "again"
docker_ exec deb2 /bin/bash -c 'echo evil >>/usr/bin/dpkg'
told "$B" /usr/bin/dpkg change
like "they are known after a restart" "$(package_ "$B" /usr/bin/dpkg)" '"modified"'
docker_ exec deb2 /bin/bash -c 'rm -r /var/lib/dpkg'
ok "a database that goes with its directory is told, too" wait_until "$PATIENCE" database_ "$B" " 1 severe "
finish
