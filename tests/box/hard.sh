# hard.sh - an image with all that archives can hold, all that can be done to its layers, and what is then to be found.
# After lib.sh and daemon.sh. Bash.
#
#	hard_image			# makes $W/hard.tar, as `docker save` would: hard:1, of two layers
#	tamper LOWER UPPER		# their directories on the host; $ODDS1 and $ODDS2 are what is found then
#	verdict_is "found" web broken; odds LOWER
# shellcheck shell=bash disable=SC2015,SC2034,SC2154,SC2317

# --- an image with what archives can hold: hard links, xattrs, a capability, device nodes, a FIFO, names that are no
# UTF-8, long ones, directories that are only implied, whiteouts of both kinds ------------------------------------------
hard_image() {
	local d=$W/hard l1 l2
	mkdir -p "$d"
	python3 - "$d" "$(command -v busybox)" <<-'PY'
		import io, sys, tarfile
		top, busybox = sys.argv[1:]
		def add(t, name, type=tarfile.REGTYPE, data=b"", mode=0o644, link="", uid=0, gid=0, xattrs={}, dev=(0, 0)):
		    i = tarfile.TarInfo(name)
		    i.type, i.mode, i.linkname, i.uid, i.gid, i.mtime = type, mode, link, uid, gid, 1767225600.5
		    i.size, (i.devmajor, i.devminor) = len(data), dev
		    i.pax_headers = {"SCHILY.xattr." + k: v for k, v in xattrs.items()}
		    t.addfile(i, io.BytesIO(data))
		def tar(path):
		    return tarfile.open(path, "w", format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape")
		cap = b"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00".decode("utf-8", "surrogateescape")
		with tar(top + "/l1.tar") as t:
		    add(t, "bin/", tarfile.DIRTYPE, mode=0o755)
		    add(t, "bin/busybox", data=open(busybox, "rb").read(), mode=0o755)
		    add(t, "bin/sleep", tarfile.SYMTYPE, link="busybox", mode=0o777)
		    add(t, "bin/sh", tarfile.SYMTYPE, link="busybox", mode=0o777)
		    add(t, "bin/ping", data=b"ping\n", mode=0o755, xattrs={"security.capability": cap})
		    add(t, "etc/", tarfile.DIRTYPE, mode=0o755)
		    add(t, "etc/motd", data=b"welcome\n")
		    add(t, "etc/passwd", data=b"root:x:0:0:root:/:/bin/sh\n")
		    add(t, "etc/group", data=b"root:x:0:\n")
		    add(t, "etc/app.conf", data=b"mode=safe\n", xattrs={"user.a": "b", "user.empty": ""})
		    add(t, "etc/shadow", data=b"root:*::\n", mode=0o640, gid=42)
		    add(t, "etc/empty")
		    add(t, "tmp/", tarfile.DIRTYPE, mode=0o1777)
		    add(t, "opt/a/b/implied", data=b"deep\n")
		    add(t, "opt/hl/h1", data=b"hl\n")
		    add(t, "opt/hl/h2", tarfile.LNKTYPE, link="opt/hl/h1")
		    add(t, "opt/hl/h3", tarfile.LNKTYPE, link="./opt/hl/h1")
		    add(t, "opt/link", tarfile.SYMTYPE, link="../etc/motd", mode=0o777)
		    add(t, "opt/keep/k1", data=b"k1\n")
		    add(t, "opt/keep/k2", data=b"k2\n")
		    add(t, "opt/del/d1", data=b"d1\n")
		    add(t, "opt/dir/", tarfile.DIRTYPE, mode=0o750, uid=7, gid=8)
		    add(t, "opt/dir/f", data=b"f\n", uid=100000, gid=100001)
		    add(t, "opt/file", data=b"file\n")
		    add(t, "opt/mtime", data=b"0123\n")
		    add(t, "opt/null", tarfile.CHRTYPE, mode=0o666, dev=(1, 3))
		    add(t, "opt/fifo", tarfile.FIFOTYPE)
		    add(t, "opt/" + b"caf\xe9\xff".decode("utf-8", "surrogateescape"), data=b"latin\n")
		    add(t, "opt/" + "l" * 200 + "/" + "m" * 200, data=b"long\n")
		    add(t, "opt/big", data=bytes(range(256)) * 8192)
		with tar(top + "/l2.tar") as t:
		    add(t, "./opt/", tarfile.DIRTYPE, mode=0o755)
		    add(t, "./opt/layer2", data=b"two\n")
		    add(t, "./opt/keep/.wh.k2")
		    add(t, "./opt/del/", tarfile.DIRTYPE, mode=0o700)
		    add(t, "./opt/del/.wh..wh..opq")
		    add(t, "./opt/del/d3", data=b"d3\n")
	PY
	l1=$(sha256sum <"$d/l1.tar" | cut -d' ' -f1) l2=$(sha256sum <"$d/l2.tar" | cut -d' ' -f1)
	printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s","sha256:%s"]}}' \
		"$l1" "$l2" >"$d/config.json"
	echo '[{"Config":"config.json","RepoTags":["hard:1"],"Layers":["l1.tar","l2.tar"]}]' >"$d/manifest.json"
	tar -C "$d" -cf "$W/hard.tar" manifest.json config.json l1.tar l2.tar
}

verdict() { bs ps -a -o json | jq -r --arg n "$1" '.items[] | select(.name == $n) | .verdict.state // "-"'; }
verdict_is_() { [ "$(verdict "$1")" = "$2" ]; }
verdict_is() { # DESC TARGET STATE
	wait_until "$PATIENCE" verdict_is_ "$2" "$3"
	is "$1" "$(verdict "$2")" "$3" ||
		diag "$(api GET /v1/layers | head -1 | jq -c --arg n "$2" '.items[] | select(.targets | index($n)) | {path, verdict}')"
}
odds() { # of the layer at $1
	api GET /v1/layers | head -1 | jq -r --arg p "$1" '.items[] | select(.path == $p) | .verdict.odds[] | "\(.kind) \(.path) \(.aspects | join(","))"' |
		sed 's/ $//' | sort
}
odds_are_() { [ "$(odds "$1")" = "$2" ]; }
long() { bs diff "$1" -o json | jq -r '.items[] | "\(.kind) \(.path)"' | sort; }
long_is_() { [ "$(long "$1")" = "$2" ]; }

# Everything that can be done to a layer, $1 and $2: without a trace in size and time where that can be.
tamper() {
	local a=$1 b=$2
	same() { touch -r "$1" "$W/stamp"; "${@:2}"; touch -h -r "$W/stamp" "$1"; }
	same "$a/etc/motd" sh -c "printf 'evilone\n' >'$a/etc/motd'"
	chmod 4755 "$a/bin/busybox"
	mkdir -p "$a/planted/deep" && echo x >"$a/planted/deep/f" && echo x >"$a/etc/cron"
	rm "$b/opt/keep/k2"
	mknod "$b/opt/file" c 0 0
	setfattr -x trusted.overlay.opaque "$b/opt/del"
	setfattr -n trusted.overlay.redirect -v /opt/a "$a/opt/hl"
	setcap cap_sys_admin+ep "$a/bin/ping"
	setfattr -n user.a -v c "$a/etc/app.conf"
	rm "$a/opt/link" && ln -s ../etc/shadow "$a/opt/link"
	cp -p "$a/opt/hl/h2" "$W/h2" && same "$a/opt/hl/h2" sh -c "rm '$a/opt/hl/h2'; cp -p '$W/h2' '$a/opt/hl/h2'; printf 'LH\n' >'$a/opt/hl/h2'"
	touch -r "$W/h2" "$a/opt/hl/h2"
	chown 1:1 "$a/etc/passwd"
	touch -d 2020-01-01 "$a/opt/mtime"
	rm "$a/opt/keep/k1" && mkdir "$a/opt/keep/k1" && echo x >"$a/opt/keep/k1/below"
	rm -r "$a/opt/dir" && echo x >"$a/opt/dir"
	mknod "$a/opt/sda" b 8 0
	rm "$a/etc/group"
	rm "$a/opt/null" && mknod -m 666 "$a/opt/null" c 1 5
	chmod 777 "$a/opt/a"
	same "$a/opt/big" sh -c "printf X | dd of='$a/opt/big' bs=1 seek=1000000 conv=notrunc 2>/dev/null"
	rm "$b/opt/layer2"
}
ODDS1='A etc/cron
A opt/keep/k1/below
A opt/sda
A planted
A planted/deep
A planted/deep/f
C bin/busybox mode
C bin/ping caps
C etc/app.conf xattr
C etc/motd content
C etc/passwd owner
C opt/a mode
C opt/big content
C opt/dir mode,owner,type
C opt/hl xattr
C opt/hl/h2 content
C opt/keep/k1 mode,type
C opt/link link
C opt/mtime mtime
C opt/null type,mtime
D etc/group
D opt/dir/f'
ODDS2='A opt/file
C opt/del xattr
D opt/keep/k2
D opt/layer2'
