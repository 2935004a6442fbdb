#!/usr/bin/env python3
"""Events as the journal has them, for the tests of the formats.
    tests/gold/format/events.py >tests/gold/format/events     # one canonical event a line
Every type, every kind of a change, and names that do not wish us well. As a module: event(),
canonical() and put_path() for tests that make their own."""
import base64, hashlib, json, sys

HEX = "0123456789abcdef"


def canonical(value):
    """RFC 8785 for what we have: no floats; names in order of UTF-16 units."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda k: k.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(k) + ":" + canonical(value[k]) for k in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def put_path(where, name, raw):
    """A path's bytes as json_m_path() has them."""
    try:
        where[name] = raw.decode("utf-8")
    except UnicodeDecodeError:
        where[name] = raw.decode("utf-8", "replace")
        where[name + "_b64"] = base64.b64encode(raw).decode()
    return where


def event(type, seq=7, severity="low", prev="0" * 64, time="2026-11-26T01:02:03.123456789Z", host="node1", **more):
    e = {"schema": "boltseal.event/1", "type": type, "seq": seq, "severity": severity, "prev": prev,
         "time": time, "host": host, **more}
    e["id"] = hashlib.sha256(canonical(e).encode()).hexdigest()
    return canonical(e)


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


def record(content, **more):
    return {"type": "file", "mode": "0644", "uid": 0, "gid": 0, "size": len(content), "sha256": sha(content),
            "mtime": "2026-11-26T01:02:03.000000000Z", "flags": [], "xattrs": {}, **more}


def change(path, kind="C", aspects=("content",), **more):
    c = {"kind": kind, "aspects": list(aspects), **more}
    return put_path(c, "path", path if isinstance(path, bytes) else path.encode())


WEB = {"id": sha("web"), "name": "web", "kind": "container", "runtime": "docker", "image": "registry.example:5000/shop/nginx:1.25",
       "image_digest": "sha256:" + sha("nginx"), "labels": {"com.example.team": "shop", "com_example_team": "twin"}}
POD = {**WEB, "runtime": "containerd", "pod": {"name": "web-7d9", "namespace": "shop", "uid": "11111111-2222-4333-8444-555555555555"}}
HOST = {"id": sha("/etc"), "name": "etc", "kind": "host", "runtime": "host", "labels": {}}
ACTOR = {"pid": 4242, "start": 987654, "comm": "sh", "exe": "/bin/sh", "exe_host": "/var/lib/docker/overlay2/x/merged/bin/sh",
         "cmdline": ["sh", "-c", "echo x >> /etc/passwd"], "cwd": "/", "uid": 0, "gid": 0, "login_uid": 1000,
         "login_session": 3, "tty": "pts/0", "origin": "exec", "session": "s-12", "container": WEB["id"],
         "sha256": sha("sh"), "drifted": True,
         "ancestry": [{"comm": "runc", "exe": "/usr/bin/runc", "pid": 4200, "start": 987600},
                      {"comm": "containerd-shim", "pid": 900, "start": 55}]}
RULE = {"name": "passwd", "file": "/etc/boltseal/rules.d/10-accounts.yaml", "line": 12, "owner": "security", "reason": "accounts are made at build time"}
GAP = {"cause": "overflow", "target": 0, "id": 40, "from": "2026-11-26T01:00:00.000000000Z",
       "opened": "2026-11-26T01:00:01.000000000Z", "count": 16384, "detail": "the kernel's queue was full"}
SESSION = {"id": "s-12", "opened": "2026-11-26T01:00:00.000000000Z", "closed": "2026-11-26T01:02:00.000000000Z",
           "leader": ACTOR, "cmdline": ["sh"], "tty": "pts/0", "uid": 0, "n_paths": 2, "paths": ["/etc/passwd", "/etc/shadow"]}
RUN = {"manager": "apt", "cmdline": ["apt-get", "install", "-y", "curl"], "counts": {"A": 30, "C": 4, "D": 0},
       "n_paths": 34, "paths": ["/usr/bin/curl"], "session": "s-12"}
FLOOD = {"count": 120000, "from": "2026-11-26T01:00:00.000000000Z", "to": "2026-11-26T01:02:00.000000000Z",
         "worst": "high", "path": "/usr/bin/sudo", "scope": "target"}
FLOODED = {**FLOOD, "state": "continues", "since": FLOOD["from"], "total": 250000,
           "counts": {"A": 119998, "C": 1, "D": 0, "cleared": 1}, "samples": [{"path": "/usr/bin/sudo"}, {"path": "/usr/bin/su"}]}
REPEATS = {"count": 497, "from": "2026-11-26T01:00:00.000000000Z", "to": "2026-11-26T01:01:00.000000000Z"}
HOLD = {"name": "patching", "reason": "monthly updates", "owner": "ops", "from": "2026-11-26T01:00:00.000000000Z",
        "to": "2026-11-26T03:00:00.000000000Z", "counts": {"info": 1, "low": 2, "medium": 3, "high": 4, "critical": 0}}
HELD = {"name": "patching", "severity": "high"}
HOLD_OPENED = {k: v for k, v in {**HOLD, "by": "rule", "file": "/etc/boltseal/rules.d/70-nights.yaml", "line": 2}.items() if k != "counts"}
HOLD_CLOSED = {**HOLD, "by": "command", "uid": 0, "worst": "high", "n_paths": 2,
               "paths": [{"kind": "C", "path": "/etc/passwd", "severity": "high", "target": "web"},
                         {**put_path({"kind": "A", "severity": "low"}, "path", b"/srv/\xff"), "target": "web"}],
               "targets": [{"id": WEB["id"], "name": "web", "drift_id": sha("drift")}]}
HEARTBEAT = {"version": "0.1.0", "interval": 60, "gaps": 1, "holds": 1,
             "targets": [{"id": WEB["id"], "name": "web", "drift_id": sha("drift"), "generation": 2}],
             "sinks": [{"name": "siem", "acked": 6, "lag": 1}]}

HOSTILE = [
    b"/tmp/a\nb", b"/tmp/a\r\n<0>1 - - - - - -", b"/tmp/\x1b[2Jx", b"/tmp/a|b|c", b"/tmp/a=b c=d", b"/tmp/a]b", b'/tmp/a"b',
    b"/tmp/a\\b", b"/tmp/a\\x0ab", b"/tmp/a\tsev=10", b"/tmp/\xff\xfe", b"/tmp/\xc2\x9b1m", "/tmp/\u202egpj.exe".encode(),
    b"/tmp/\x7f", b"/tmp/ ends ", "/tmp/\u00fcml\u00e4ut-\U0001f512".encode(), b'/tmp/"] [x y="1', b"/tmp/a act=killed", b"/",
]


def everything():
    long_path = b"/" + b"/".join([b"d" * 250] * 16) + b"/" + b"f" * 78
    assert len(long_path) == 4095
    old, new = record("a"), record("bc", mode="4755", uid=7, gid=8, flags=["immutable"], caps="cap_chown=p", xattrs={"user.a": "b"})
    link = {"type": "link", "mode": "0777", "uid": 0, "gid": 0, "mtime": old["mtime"], "flags": [], "xattrs": {}}
    full = dict(target=WEB, actor=ACTOR, rule=RULE, drift_id=sha("drift"))
    yield event("change", severity="critical", change=change("/etc/passwd", aspects=["content", "mode", "owner"], old=old, new=new,
                host_path="/var/lib/docker/overlay2/x/diff/etc/passwd"), **full)
    yield event("change", severity="low", seq=2147483647, change=change("/usr/bin/x.sh", "A", [], new=new), target=POD, actor={**ACTOR, "origin": "workload"})
    yield event("change", severity="medium", seq=2147483648, change=change("/usr/bin/y", "D", [], old=old), target=HOST, actor={"origin": "unknown", "reason": "it was gone"})
    yield event("change", severity="high", change=change("/etc/motd", "C", old=old, new=new), target=WEB, actor=ACTOR, rule={**RULE, "expected": True})
    yield event("change", severity="info", change=change("/var/b", "A", [], new=old, **{"from": "/var/a"}), target=WEB, actor={})
    yield event("change", severity="info", change=change("/etc/l", "C", ["link"], old=put_path(dict(link), "link", b"/a"), new=put_path(dict(link), "link", b"/b\xff")), target=WEB)
    yield event("change", severity="info", change=change("/etc/m", "C", ["mtime"], old=old, new=old, unsettled=True), target=WEB,
                actor={"pid": 1, "origin": "host", "cmdline": "one text as it was"})
    yield event("change", severity="low", change=change("/etc/o", "C", ["mode"], old=old, new=new), target=WEB)
    yield event("change", severity="low", change=change(long_path, "A", [], new=old), target=WEB)
    yield event("change", severity="info")
    for path in HOSTILE:
        yield event("change", severity="low", change=change(path, "A", [], new=old), target=WEB, actor=ACTOR)
    yield event("change", severity="low", host="ho st\n1", change=change("/x", "A", []), target={**WEB, "name": "we\"]b\n= |\t\\", "image": "i=1 act=x"},
                rule={**RULE, "name": "r]=|\t\n"}, actor={**ACTOR, "comm": "a\nb", "cmdline": ["a b", "c=d", "\u001b[1m", ""]})
    yield event("change.cleared", severity="info", change=change("/etc/passwd", old=old, new=old), target=WEB, reason="restored")
    yield event("target.found", severity="info", target=WEB)
    yield event("target.stopped", severity="info", target=POD)
    yield event("target.started", severity="info", target=POD)
    yield event("target.renamed", severity="info", target=WEB, detail="it was called shop before")
    yield event("target.removed", severity="info", target={**HOST, "kind": "volume"})
    yield event("baseline.created", severity="info", target=WEB, generation=1)
    yield event("baseline.accepted", severity="info", target=WEB, generation=2, uid=1000, reason="change 4711", drift_id=sha("drift"))
    yield event("baseline.expired", severity="medium", target=WEB, generation=2)
    yield event("layer.tampered", severity="critical", layer="/var/lib/docker/overlay2/base/diff", targets=["web", "db"],
                change=change("/bin/ls", "C", ["layer", "content"], old=old, new=new), actor={**ACTOR, "origin": "host"})
    yield event("layer.verdict", severity="critical", layer="/var/lib/docker/overlay2/base/diff", targets=["web", "db"], target=WEB,
                detail="not proved any more: broken, should be sha256:" + "0" * 64 + ": C bin/ls (content)")
    yield event("image.signature", severity="high", target=WEB, detail="not verified any more: signature mismatch: no trusted key made this signature of this payload")
    yield event("mount.covered", severity="medium", target=WEB, change=change("/etc", "C", ["mount"], mount="tmpfs"))
    yield event("exec.drifted", severity="high", target=WEB, change=change("/tmp/miner", "A", [], new=new), actor=ACTOR)
    yield event("exec.drifted", severity="medium", target=WEB, change=change("/tmp/miner", "A", [], new=new), actor=ACTOR)
    yield event("exec.denied", severity="medium", target=WEB, change=change("/tmp/miner", "A", [], new=new), actor=ACTOR)
    yield event("gap.opened", severity="medium", gap=GAP)
    yield event("gap.opened", severity="high", target=WEB, gap={**put_path(dict(GAP), "path", b"/srv/\xff"), "cause": "sink behind"})
    yield event("gap.closed", severity="info", gap={**GAP, "closed": "2026-11-26T01:02:00.000000000Z"})
    yield event("daemon.started", severity="info", detail="version 0.1.0")
    yield event("daemon.stopped", severity="low", reason="asked to")
    yield event("rules.loaded", severity="info", detail="12 rules of 3 files")
    yield event("rules.failed", severity="medium",
                detail="/etc/boltseal/rules.d/90-own.yaml:3:7: unknown key severty")
    yield event("canary", severity="info", detail="sink siem")
    yield event("baseline.imported", severity="info", uid=0, detail="image sha256:" + "1" * 64 + " (app:1): root " + "2" * 64 + ", signed by release")
    yield event("baseline.refused", severity="high", uid=0, detail="baseline file: it was altered: its digest is not that of its bytes")
    yield event("baseline.removed", severity="medium", uid=1000, detail="image sha256:" + "1" * 64 + ": root " + "2" * 64)
    yield event("exec.session", severity="low", target=WEB, session=SESSION)
    yield event("exec.session", severity="low", target=WEB, session={"id": 12, "uid": 0, "n_paths": 0, "paths": []})
    yield event("package.run", severity="low", target=WEB, run=RUN, actor=ACTOR)
    yield event("package.mismatch", severity="high", target=HOST, change=change("/usr/bin/ls", "C", ["content"], old=old, new=new, package={
        "algorithm": "md5", "arch": "amd64", "expected": "0" * 32, "found": "1" * 32, "manager": "dpkg", "name": "coreutils", "version": "9.1-1"}),
        actor={"origin": "unknown", "reason": "it was so when the baseline was taken"})
    yield event("flood", severity="high", target=WEB, flood=FLOOD)
    yield event("flood", severity="high", target=WEB, flood=FLOODED, drift_id=sha("drift"))
    yield event("flood", severity="info", flood={"count": 0, "counts": {"A": 0, "C": 0, "D": 0, "cleared": 0}, "scope": "global",
                "state": "over", "since": FLOOD["from"], "total": 3})
    yield event("change", severity="low", change=change("/var/log/x", "C", old=old, new=new), target=WEB, actor=ACTOR, repeats=REPEATS)
    yield event("change.cleared", severity="info", change=change("/run/lock", "A", []), target=WEB, repeats=REPEATS)
    yield event("hold.opened", severity="info", hold=HOLD)
    yield event("hold.closed", severity="info", hold=HOLD)
    yield event("hold.opened", severity="low", hold=HOLD_OPENED)
    yield event("hold.closed", severity="high", hold=HOLD_CLOSED, target=WEB, uid=0, reason="its time was over")
    yield event("change", severity="info", target=WEB, change=change("/etc/passwd", old=old, new=new), actor=ACTOR, hold=HELD)
    yield event("package.run", severity="info", target=WEB, run=RUN, hold=HELD)
    yield event("heartbeat", severity="info", heartbeat=HEARTBEAT)
    yield event("checkpoint", severity="info", checkpoint={"from": 4000, "head": sha("head"), "host": "web1", "key": sha("key"),
                "last": 4000, "last_id": sha("last"), "root": sha("root"), "sealed": False, "signature": "AQE=", "state": sha("state"),
                "targets": 2, "targets_root": sha("targets"), "to": 4710})
    yield event("package.database", severity="high", target=WEB, change=change("/var/lib/dpkg/status", "C", ["content"], old=old, new=new),
                actor=ACTOR, reason="dpkg's database was changed at run time")
    yield event("change", severity="high", target=WEB, change=change("/usr/bin/openssl", "C", ["content"], old=old, new=new, package={
        "algorithm": "md5", "arch": "amd64", "expected": "0" * 32, "manager": "dpkg", "name": "openssl", "state": "modified",
        "version": "3.0.20-1"}), actor=ACTOR)
    yield event("change", severity="high", target=WEB, change=change("/usr/bin/x", "A", [], new=new, package={"state": "unowned"}), actor=ACTOR)


if __name__ == "__main__":
    sys.stdout.buffer.write("".join(e + "\n" for e in everything()).encode())
