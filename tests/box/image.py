#!/usr/bin/env python3
"""Writes an image as `docker save` would, by hand, with everything in it that engines and archives disagree about.
image.py BUSYBOX OUT.tar [alter]: with alter one byte of a file's content is another, and nothing else."""
import hashlib
import io
import json
import struct
import sys
import tarfile


def pax(records):
    out = b""
    for key, value in records:
        body = b" " + key + b"=" + value + b"\n"
        n = len(body) + 1
        while len(str(n)) + len(body) != n:
            n = len(str(n)) + len(body)
        out += str(n).encode() + body
    return out


def block(name, kind, mode, size=0, uid=0, gid=0, mtime=1767225600, link=b"", dev=(0, 0)):
    head = bytearray(512)
    head[0:len(name)] = name
    for at, width, value in ((100, 8, mode), (108, 8, uid), (116, 8, gid), (124, 12, size), (136, 12, mtime),
                             (329, 8, dev[0]), (337, 8, dev[1])):
        head[at:at + width] = b"%0*o\0" % (width - 1, value)
    head[156:157] = kind
    head[157:157 + len(link)] = link
    head[257:265] = b"ustar\x0000"
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def padded(data):
    return data + bytes(-len(data) % 512)


class Layer:
    def __init__(self):
        self.bytes = b""

    def add(self, name, kind=b"0", mode=0o644, data=b"", extra=(), **more):
        if extra:
            records = pax(extra)
            self.bytes += block(b"PaxHeaders/x", b"x", 0o644, len(records)) + padded(records)
        self.bytes += block(name[:100], kind, mode, len(data) if kind == b"0" else 0, **more) + padded(data)

    def end(self):
        return self.bytes + bytes(1024)


CAPS = struct.pack("<IIIII", 0x02000001, 0x400, 0, 0, 0)  # cap_net_bind_service=ep


def bottom(busybox, alter):
    l = Layer()
    l.add(b"./", b"5", 0o755)
    l.add(b"./bin/", b"5", 0o755)
    l.add(b"./bin/busybox", mode=0o755, data=busybox)
    for name in (b"sh", b"sleep", b"cat"):
        l.add(b"./bin/" + name, b"2", 0o777, link=b"busybox")
    l.add(b"etc/", b"5", 0o755)
    l.add(b"etc/app.conf", data=b"mode=evil\n" if alter else b"mode=safe\n", uid=12, gid=34)
    l.add(b"tmp/", b"5", 0o1777)
    l.add(b"opt/", b"5", 0o750, gid=7)
    l.add(b"opt/setuid", mode=0o4755, data=b"#!/bin/sh\n")
    l.add(b"opt/setgid", mode=0o2711, data=b"x", uid=1000, gid=1000)
    l.add(b"opt/none", mode=0, data=b"nobody reads this")
    l.add(b"opt/empty")
    # names of one file, in two directories; a name of a symbolic link
    l.add(b"opt/h1", data=b"linked\n", extra=[(b"SCHILY.xattr.user.h", b"1")])
    l.add(b"opt/h2", b"1", 0o644, link=b"opt/h1")
    l.add(b"etc/h3", b"1", 0o644, link=b"./opt/h2")
    l.add(b"opt/s1", b"2", 0o777, link=b"../etc/app.conf", mtime=1700000001)
    l.add(b"opt/s2", b"1", 0o777, link=b"opt/s1", mtime=1700000001)
    l.add(b"opt/x", data=b"x", extra=[(b"SCHILY.xattr.user.a", b"\x00\xff bytes"), (b"SCHILY.xattr.user.long", b"v" * 1000),
                                      (b"mtime", b"1767225600.123456789")])
    l.add(b"opt/caps", mode=0o755, data=b"x", extra=[(b"SCHILY.xattr.security.capability", CAPS)])
    l.add(b"opt/ns", data=b"x", extra=[(b"mtime", b"1767225601.999999999"), (b"atime", b"1.5"), (b"uid", b"3000000"), (b"gid", b"4000000")])
    l.add(b"opt/old", data=b"x", extra=[(b"mtime", b"-3.5")])
    l.add(b"opt/dev/", b"5", 0o755)
    l.add(b"opt/dev/null", b"3", 0o666, dev=(1, 3))
    l.add(b"opt/dev/loop", b"4", 0o660, dev=(7, 9), gid=6)
    l.add(b"opt/dev/fifo", b"6", 0o600)
    # on the way there are directories that nothing tells of
    l.add(b"im/plied/by/file", data=b"x")
    long = b"opt/" + b"/".join([b"d" * 100] * 3) + b"/" + "ünï-名".encode() + b"n" * 90
    l.add(b"long", data=b"x", extra=[(b"path", long)])
    l.add(b"opt/sym", b"2", 0o777, extra=[(b"linkpath", b"t/" * 150 + b"e")], link=b"cut")
    l.add("opt/ключ".encode(), data=b"x")
    l.add(b"opt/raw\xff\xfe", data=b"x")
    l.add(b"opt/new\nline \"quoted\" \\ <&>", data=b"x")
    for name in (b"del/", b"del/sub/", b"opq/", b"keep/", b"turn/"):
        l.add(b"opt/" + name, b"5", 0o755)
    for name in (b"del/f", b"del/sub/g", b"opq/o1", b"opq/o2", b"keep/k1", b"keep/k2", b"turn/inside", b"flip"):
        l.add(b"opt/" + name, data=name)
    return l.end()


def middle():
    l = Layer()
    l.add(b"opt/", b"5", 0o750, gid=7)
    l.add(b"opt/.wh.del")
    l.add(b"opt/keep/.wh.k2")  # its directory is only implied here
    l.add(b"opt/opq/", b"5", 0o700)
    l.add(b"opt/opq/.wh..wh..opq")
    l.add(b"opt/opq/new", data=b"new")
    l.add(b"opt/flip/", b"5", 0o755)
    l.add(b"opt/flip/now-a-directory", data=b"x")
    l.add(b"opt/turn", mode=0o600, data=b"now a file")
    l.add(b"opt/empty", data=b"not any more", mtime=1767225700)
    return l.end()


def main():
    layers = [bottom(open(sys.argv[1], "rb").read(), len(sys.argv) > 3), middle(), bytes(1024)]
    diff_ids = ["sha256:" + hashlib.sha256(x).hexdigest() for x in layers]
    config = json.dumps({"architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
                         "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]}, "history": [{"created_by": "hand"}] * 3,
                         "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    name = hashlib.sha256(config).hexdigest() + ".json"
    files = [(f"{i}/layer.tar", x) for i, x in enumerate(layers)] + [(name, config)]
    manifest = [{"Config": name, "RepoTags": ["odd:1"], "Layers": [f"{i}/layer.tar" for i in range(len(layers))]}]
    files.append(("manifest.json", json.dumps(manifest).encode()))
    with tarfile.open(sys.argv[2], "w", format=tarfile.USTAR_FORMAT) as tar:
        for path, data in files:
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


main()
