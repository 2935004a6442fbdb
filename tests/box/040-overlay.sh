#!/bin/bash
# shellcheck disable=SC2015,SC2119,SC2317 # bail ends; no arguments; called by wait_until
# Every overlay feature and every hostile name, on overlays made by hand: what the mount shows to
# its container is what counts, however the directories on disk say it. The truth of each is also
# taken from the merged mount itself.
cd "$(dirname "$0")" || exit 99
. ./lib.sh
. ./engines.sh
. ./daemon.sh
export LC_ALL=C # one order of bytes for sort too
need_root
need unshare pivot_root busybox setfattr nsenter python3
need_daemon
work_dir
daemon_start || bail "boltseald"

# box NAME [OPTIONS]: a minibox; its id in $ID, its root in $R, $U its upper directory.
box() {
	U=${MINIBOX_UPPER:-$W/mini/$1/upper}
	ID=$(printf %s "$U" | sha256sum | cut -d' ' -f1)
	MINIBOX_VISIBLE=1 minibox "$@" || return 1
	R=/proc/$MINI_PID/root
	wait_target "$ID"
}
in_box() { minibox_exec "$MINI_PID" sh -c "$1"; }
# Boxes are left running: what was found stays to be found.
truth() { # truth DESC WANT: live, and again by a full look
	drift_is "$1" "$ID" "$2"
	is "$1, by a full look" "$(drift "$ID" --rescan)" "$2"
}
now_sha_() { bs show "$ID" "$1" -o json 2>/dev/null | jq -r .now.sha256; }
sha_is_() { [ "$(now_sha_ "$1")" = "$(sha256sum <"$2" | cut -d' ' -f1)" ]; }
sha_is() { # sha_is DESC PATH FILE: what is known of PATH is what FILE holds
	wait_until "$PATIENCE" sha_is_ "$2" "$3"
	is "$1" "$(now_sha_ "$2")" "$(sha256sum <"$3" | cut -d' ' -f1)"
}
refused() { skip "$1" "$(tail -1 "$W/mini/$2/log" 2>/dev/null)"; }

# --- options ------------------------------------------------------------------------------------
if box redirect redirect_dir=on; then
	in_box 'mv /opt/app /opt/app2; mkdir /new; mv /opt/keep /new/kept; echo x >/new/kept/k1'
	truth "redirect_dir=on: a directory is moved" "A /new
A /new/kept
A /new/kept/k1
A /new/kept/k3
D /opt/app
A /opt/app2
A /opt/app2/sub
A /opt/app2/sub/file
A /opt/app2/version
D /opt/keep"
	is "told as such" "$(drift "$ID" -o json /opt/app2 | jq -r '.items[0].from')" /opt/app
	in_box 'mv /opt/app2 /opt/app; rm -r /new'
	truth "and back" "D /opt/keep"
else refused redirect_dir=on redirect; fi

if box metacopy metacopy=on,redirect_dir=on; then
	in_box 'chmod 600 /etc/motd; chown 100 /opt/layer2; mv /opt/mtime/f /opt/mtime/g; chmod 600 /opt/mtime/g'
	truth "metacopy=on: metadata alone" "C /etc/motd
C /opt/layer2
D /opt/mtime/f
A /opt/mtime/g"
	is "content is the layer's" "$(aspects "$ID" /etc/motd)" mode
	is "and hashed there" "$(drift "$ID" -o json /opt/mtime/g | jq -r '.items[0].new.sha256')" \
		"$(sha256sum <"$W/mini/l1/opt/mtime/f" | cut -d' ' -f1)"
	in_box 'chmod 644 /etc/motd; chown 0 /opt/layer2; mv /opt/mtime/g /opt/mtime/f; chmod 644 /opt/mtime/f; echo x >>/opt/layer2'
	truth "and back, and one written" "C /opt/layer2"
else refused metacopy=on metacopy; fi

if box index index=on; then
	in_box 'echo X >/opt/hl/h1'
	truth "index=on: a write through one link changes both" "C /opt/hl/h1
C /opt/hl/h2"
	in_box 'echo YY >/opt/hl/h2'
	sha_is "index=on: through the other" /opt/hl/h1 "$R/opt/hl/h2"
	in_box 'ln /opt/hl/h2 /data/h3; rm /opt/hl/h1; echo ZZZ >>/data/h3'
	truth "index=on: a third, one goes" "A /data/h3
D /opt/hl/h1
C /opt/hl/h2"
	sha_is "index=on: all have what was written" /opt/hl/h2 "$R/data/h3"
	in_box 'chmod 600 /opt/hl/h2'
	truth "index=on: mode" "A /data/h3
D /opt/hl/h1
C /opt/hl/h2"
	daemon_stop && daemon_start
	is "index=on: after a restart" "$(drift "$ID" --rescan)" "A /data/h3
D /opt/hl/h1
C /opt/hl/h2"
else refused index=on index; fi

# One file under several names, made in the container: the kernel tells one of them.
box names_ || bail "minibox"
in_box 'echo a >/data/a; ln /data/a /data/b; ln /opt/keep/k1 /opt/keep/k1.ln; mkdir /data/d; ln /data/a /data/d/c'
truth "hard links" "A /data/a
A /data/b
A /data/d
A /data/d/c
A /opt/keep/k1.ln"
in_box 'echo evil >>/opt/keep/k1.ln; echo more >>/data/b'
drift_is "hard links: a layer's file written through its new name" "$ID" "A /data/a
A /data/b
A /data/d
A /data/d/c
C /opt/keep/k1
A /opt/keep/k1.ln"
for name in a b d/c; do sha_is "hard links: /data/$name has what was written" "/data/$name" "$R/data/a"; done

if box uxattr userxattr; then
	in_box 'rm -r /opt/opq; mkdir /opt/opq; echo n >/opt/opq/new; rm /etc/motd'
	truth "userxattr" "D /etc/motd
A /opt/opq/new
D /opt/opq/o1
D /opt/opq/o2"
else refused userxattr uxattr; fi

if box volatile volatile; then
	in_box 'echo x >/etc/motd; rm /opt/layer2'
	truth "volatile" "C /etc/motd
D /opt/layer2"
else refused volatile volatile; fi

# Data-only layers: names and metadata in one, contents in another that is never seen itself.
d=$W/mini/data-only
mkdir -p "$d/l/bin" "$d/l/mnt" "$d/l/proc" "$d/l/dev" "$d/d/aa" "$d/t" "$d/m" "$d/u" "$d/w"
mkdir "$d/src" && echo content >"$d/src/f" && stamp_ "$d/src"
cp "$(command -v busybox)" "$d/l/bin/busybox" && for a in sh sleep mount umount cat chmod rm mv; do ln -s busybox "$d/l/bin/$a"; done
echo content >"$d/d/aa/obj" && : >"$d/l/f" && truncate -s 8 "$d/l/f"
setfattr -n trusted.overlay.metacopy "$d/l/f" && setfattr -n trusted.overlay.redirect -v /aa/obj "$d/l/f"
if MINIBOX_LOWER=$d/l::$d/d box dataonly metacopy=on,redirect_dir=on; then
	is "data-only: the mount shows it" "$(cat "$R/f")" content
	truth "data-only: nothing changed" ""
	in_box 'chmod 600 /f'
	truth "data-only: metadata alone" "C /f"
	is "data-only: not its content" "$(aspects "$ID" /f)" mode
	in_box 'echo other >/f'
	truth "data-only: written" "C /f"
	like "data-only: its content too" "$(aspects "$ID" /f)" '^content,mode'
else refused "data-only lowers" dataonly; fi

# Sixty layers by relative paths, as Docker mounts them.
mkdir -p "$W/mini/deep/l"
lower=
for i in $(seq 1 60); do
	mkdir -p "$W/mini/deep/l/$i/deep" && echo "$i" >"$W/mini/deep/l/$i/deep/$i"
	lower=l/$i:$lower
done
cp -a "$W/mini/l1" "$W/mini/deep/l/base"
mkdir -p "$W/mini/deep/top/diff"
if MINIBOX_CD=$W/mini/deep MINIBOX_LOWER=${lower}l/base MINIBOX_UPPER=$W/mini/deep/top/diff box deep; then
	in_box 'rm /deep/7; echo x >/deep/31; : >>/deep/44; echo n >/deep/new'
	truth "60 relative lowers" "C /deep/31
D /deep/7
A /deep/new"
else refused "60 relative lowers" deep; fi

# A whiteout by xattr, as layer builders make them: only in a layer, only where opaque=x says so.
mkdir -p "$W/mini/lx/opt/app" "$W/mini/lx/opt/keep"
: >"$W/mini/lx/opt/app/version" && : >"$W/mini/lx/opt/keep/k1"
setfattr -n trusted.overlay.whiteout -v y "$W/mini/lx/opt/app/version"
setfattr -n trusted.overlay.opaque -v x "$W/mini/lx/opt/app"
setfattr -n trusted.overlay.whiteout -v y "$W/mini/lx/opt/keep/k1" # its directory does not say so
if MINIBOX_LOWER=$W/mini/lx:$W/mini/l2:$W/mini/l1 box xwhite; then
	seen() { if [ -e "$R/$1" ]; then echo there; else echo gone; fi; }
	app=$(seen opt/app/version) keep=$(seen opt/keep/k1)
	in_box 'rm -f /opt/app/version; echo n >/opt/app/version; rm -f /opt/keep/k1; echo n >/opt/keep/k1'
	want=$([ "$app" = there ] && echo "C /opt/app/version" || echo "A /opt/app/version"
		[ "$keep" = there ] && echo "C /opt/keep/k1" || echo "A /opt/keep/k1")
	truth "xattr whiteouts: as this kernel reads them ($app, $keep)" "$want"
else refused "xattr whiteouts" xwhite; fi

# --- hostile names ------------------------------------------------------------------------------
box names || bail "minibox"
long=$(printf 'n%.0s' $(seq 255))
python3 - "$R/data" "$long" <<'PY'
import os, sys
d = os.fsencode(sys.argv[1])
for n in (b"a b", b"new\nline", b"esc\x1b[2K", b"\xff\xfe", b"q\"uote", b"back\\slash", b"'", b"-l",
          "ü".encode(), b"\x7f", b"%41", b"a:b,c=d", b"#", b"*", os.fsencode(sys.argv[2])):
    open(d + b"/" + n, "w").close()
PY

want=$(python3 - "$long" <<'PY'
import os, sys
names = [b"a b", b"new\nline", b"esc\x1b[2K", b"\xff\xfe", b"q\"uote", b"back\\slash", b"'", b"-l",
         "ü".encode(), b"\x7f", b"%41", b"a:b,c=d", b"#", b"*", os.fsencode(sys.argv[1])]
short = {10: "\\n", 34: "\\\"", 92: "\\\\"}
def quoted(p): # core.quotePath=false: letters in UTF-8 stay, but not what steers a terminal
    try:
        if all((32 <= ord(c) < 127 or ord(c) >= 160) and ord(c) not in short for c in p.decode()):
            return p.decode()
    except UnicodeDecodeError:
        pass
    return '"' + "".join(short.get(c) or (chr(c) if 32 <= c < 127 else "\\%03o" % c) for c in p) + '"'
print("\n".join("A " + quoted(b"/data/" + n) for n in sorted(names)))
PY
)
truth "hostile names are quoted as git does" "$want"
unlike "no control byte is printed" "$(drift "$ID" | tr -d '\n' | tr '\000-\037\177\377' '@')" @
is "the bytes are in path_b64" \
	"$(drift "$ID" -o jsonl | jq -r 'select(.path_b64) | .path_b64' | head -1 | base64 -d | od -An -tx1 | tr -d ' ')" 2f646174612ffffe
is "docker's client sees them all" "$(stock diff "$ID" | LC_ALL=C grep -ac "^A /data/")" 15
ok "a path is asked for as it is printed" test -n "$(drift "$ID" '/data/a b')"

box deeptree || bail "minibox"
python3 - "$R/data" <<'PY'
import os, sys
os.chdir(sys.argv[1])
for i in range(30): # 30 × 201 bytes
    os.mkdir("d" * 200); os.chdir("d" * 200)
open("leaf", "w").close()
PY
in_box 'echo x >/beside'
found_leaf_() { drift "$ID" | awk 'length > 6000 && /\/leaf$/ { n++ } END { exit n != 1 }'; }
ok "a tree deeper than 4096 bytes: its leaf is found" wait_until "$PATIENCE" found_leaf_
is "and all above it" "$(drift "$ID" | grep -c '^A /data/d')" 31
is "nothing of it is a gap" "$(open_gaps "$ID")" ""

# --- nested for no other reason than to hold up others -------------------------------------------
box nested || bail "minibox"
nested=$ID nested_root=$R
box beside || bail "minibox"
in_box 'echo x >/first'
PATIENCE=5 drift_is "before it" "$ID" "A /first"
python3 - "$nested_root/data" <<'PY'
import os, sys
os.chdir(sys.argv[1])
for i in range(3000):
    os.mkdir("n"); os.chdir("n"); open("f", "w").close()
PY
in_box 'echo x >/second'
PATIENCE=5 drift_is "beside 3000 nested directories another's change is told" "$ID" "A /first
A /second"
too_deep_() { [ "$(open_gaps "$nested" | sort -u)" = "too large" ]; }
ok "what nobody looks into is a gap" wait_until 30 too_deep_
all_above_() { drift "$nested" | grep -c '/n$' | grep -q '^25[0-9]$'; }
wait_until 30 all_above_
event_ok "with its reason" gap.opened '.gap.detail | test("nested deeper than 256 directories")' "$nested"
like "all above it is told" "$(drift "$nested" | grep -c '/n$')" '^25[0-9]$'
python3 - "$nested_root/data" <<'PY'
import os, sys
os.chdir(sys.argv[1])
for i in range(3000):
    os.chdir("n")
for i in range(3000):
    os.unlink("f"); os.chdir(".."); os.rmdir("n")
PY

# --- files that would hang ----------------------------------------------------------------------
box bad || bail "minibox"
bad=$ID bad_root=$R bad_pid=$MINI_PID
minibox_exec "$bad_pid" sh -c 'mkfifo /data/fifo; mknod /data/null c 1 3; mknod /data/tty c 5 0; mknod /data/loop b 7 0'
truncate -s 1T "$bad_root/data/sparse"
python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$bad_root/data/socket" 2>/dev/null ||
	(cd "$bad_root/data" && python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")')
want="A /data/fifo
A /data/loop
A /data/null
A /data/socket
A /data/sparse
A /data/tty"
truth "a FIFO, devices, a socket and a sparse 1 TiB" "$want"
minibox_exec "$bad_pid" sh -c 'while [ ! -e /enough ]; do echo 0123456789 >>/data/grows; done' &
grower=$!
wait_until 5 test -s "$bad_root/data/grows"
box other || bail "minibox"
in_box 'echo x >/beside'
PATIENCE=5 drift_is "beside a file that always grows, others are answered" "$ID" "A /beside"
like "it is told too" "$(drift "$bad")" '^A /data/grows$'
minibox_exec "$bad_pid" sh -c ': >/enough'
wait "$grower"
ok "the daemon is well" bs status
finish
