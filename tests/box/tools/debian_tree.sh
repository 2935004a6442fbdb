# debian_tree.sh - a tree of the host's own packages that apt and dpkg need to run: an ordinary image of its
# release, and no mirror is asked. Sourced, after lib.sh.
# shellcheck shell=bash disable=SC2154

# debian_tree DIR
debian_tree() {
	mkdir -p "$1"/{etc/apt,proc,sys,dev,run,root,srv,var/lib/dpkg/updates,var/lib/dpkg/triggers,var/log/apt,var/cache/apt/archives/partial} \
		"$1"/var/lib/apt/lists/partial
	mkdir -m 1777 "$1/tmp" "$1/var/tmp"
	python3 tools/host_packages.py "$W/packages" |
		tar -C / --no-recursion --exclude='usr/share/doc/*' --exclude='usr/share/locale/*' --null -T - -cf - 2>/dev/null |
		tar -C "$1" -xf - || return 1
	awk -v RS= -v ORS='\n\n' 'NR == FNR { n = split($0, a, "\n"); for (i = 1; i <= n; i++) want[a[i]] = 1; next }
		{ split($0, l, "\n"); sub(/^Package: /, "", l[1]) } l[1] in want' "$W/packages" /var/lib/dpkg/status >"$1/var/lib/dpkg/status"
	touch "$1"/var/lib/dpkg/{available,lock,triggers/Lock,triggers/File,triggers/Unincorp}
	printf 'root:x:0:0:root:/root:/bin/bash\n_apt:x:42:65534::/nonexistent:/usr/sbin/nologin\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n' >"$1/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\nutmp:x:43:\nshadow:x:42:\n' >"$1/etc/group"
	printf 'root:*:19000:0:99999:7:::\n' >"$1/etc/shadow"
}
