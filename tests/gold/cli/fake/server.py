"""A daemon that is none: canned answers on a Unix socket, hostile names among them.

Used by run.py. `Server(path)` answers from a thread until close(); `server.heard` is every request.
"""
import base64
import json
import os
import socket
import socketserver
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, unquote, urlsplit

ID = "3f" * 32
DRIFT = "ab" * 32
HOSTILE = "evil\x1b[2J\nname"
T1 = "2026-11-23T22:14:05.123456789Z"
T2 = "2026-11-24T08:00:00.000000001Z"


def record(**more):
    return dict({"flags": [], "gid": 0, "mode": "0644", "mtime": T1, "sha256": "11" * 32,
                 "size": 12, "type": "file", "uid": 0, "xattrs": {}}, **more)


def actor(**more):
    return dict({"ancestry": [{"comm": "runc", "exe": "/usr/bin/runc", "pid": 4700, "start": 1},
                              {"comm": "sh\x1b[7m", "pid": 1}],
                 "cmdline": ["sh", "-c", "echo \x1b[31m", ""], "comm": "sh", "cwd": "/\x1b[1m",
                 "exe": "/bin/busybox", "exe_host": "/var/lib/x/bin/busybox", "gid": 0,
                 "origin": "exec", "pid": 4711, "session": "4711-1", "sha256": "33" * 32,
                 "start": 1, "tty": "pts/0", "uid": 0}, **more)


def target(name, n, **more):
    return dict({"baselined": True, "counts": {"A": 1, "C": 2, "D": 1}, "drift_id": DRIFT,
                 "found": T1, "generation": 1, "id": "%064x" % (n << 224), "image": "nginx:1.27",
                 "kind": "container", "labels": {}, "last_sweep": T1, "late": False, "level": "L1",
                 "name": name, "no": n, "read_only": False, "runtime": "docker",
                 "state": "running", "worst": "critical"}, **more)


REF = {"id": ID, "image": "nginx:1.27", "kind": "container", "labels": {}, "name": "web",
       "runtime": "docker"}
TARGETS = [
    target("web", 1),
    target("datenbank-größe", 2, image="日本語/image:latest", level="L5", late=True, gaps=2,
           counts={"A": 0, "C": 0, "D": 0}, worst="none"),
    target(HOSTILE, 3, image="x\x9b31m\u202egpj.exe", baselined=False, generation=12,
           counts={"A": 1234, "C": 0, "D": 0}, worst="low", runtime="podman"),
]
STOPPED = target("old", 4, state="removed", holds=["nightly", "up\x1b[2Jgrade"])

WHOLE = {"baselined": True, "gaps": [], "last_sweep": T2, "late": False, "level": "L1"}
TORN = {"baselined": False, "last_sweep": None, "late": True, "level": "L5", "sensor": "down",
        "gaps": [{"cause": "overflow", "from": T1, "id": 9, "opened": T1, "path": "/var\x1b[0m",
                  "target": 1},
                 {"cause": "unreadable", "detail": "no", "id": 10, "target": 1}]}


def raw_path(raw):
    """As the daemon writes paths that are no UTF-8."""
    return {"path": raw.decode("utf-8", "replace"), "path_b64": base64.b64encode(raw).decode()}


def change(kind, path, aspects=(), severity="low", **more):
    item = {"actor": actor(), "aspects": list(aspects), "first": T1, "kind": kind, "last": T2,
            "path": path, "seq": 5, "severity": severity}
    if kind != "A":
        item["old"] = record()
    if kind != "D":
        item["new"] = record(sha256="22" * 32)
    item.update(more)
    return item


ITEMS = [
    change("C", "/etc/passwd", ["content", "mode"], "critical",
           actor=actor(origin="unknown", reason="it was gone before it\ncould be asked")),
    change("A", "/tmp/\x1b]0;owned\x07", severity="medium", unsettled=True,
           actor=actor(exe="/tmp/\x1b[8m")),
    dict(change("A", "", severity="info"), **raw_path(b"/tmp/\xff\xfe")),
    change("D", "/usr/bin/größe \"x\"\\", severity="high", **{"from": "/usr/bin/was"}),
    change("C", "/var/lib/owner", ["owner"], "low"),
    change("C", "/var/secret", ["content"], "high", mount="tmpfs at /var"),
    change("C", "/var/blob", ["content"], "low"),
    change("A", "/var/newdir", new=record(type="dir")),
]


def drift(coverage=WHOLE, items=ITEMS, **more):
    counts = {k: sum(i["kind"] == k for i in items) for k in "ACD"}
    return dict({"against": "baseline", "as_of": 7, "counts": counts, "coverage": coverage,
                 "cursor": None, "drift_id": DRIFT, "generation": 1, "items": items,
                 "target": REF}, **more)


def event(seq, type_, **more):
    return dict({"host": "h", "id": "%064x" % seq, "prev": "0" * 64, "schema": "boltseal.event/1",
                 "seq": seq, "severity": "info", "target": REF, "time": T1, "type": type_}, **more)


COUNTS = {"critical": 0, "high": 1, "info": 0, "low": 3, "medium": 0}
HELD = [{"kind": "C", "path": "/etc/\x1b[2Jpasswd", "severity": "high", "target": "web"},
        {"kind": "A", "path": "/b", "severity": "low", "target": "web"},
        dict(raw_path(b"/c\xff"), kind="D", severity="low", target=HOSTILE)]
HOLDS = [
    {"by": "command", "counts": COUNTS, "from": T1, "n_paths": 4, "name": "up\x1b[2Jgrade", "path": "/etc",
     "reason": "ticket \u202e4711", "target": {"id": ID, "name": "web"}, "to": T2, "uid": 0, "worst": "high"},
    {"by": "rule", "counts": dict(COUNTS, high=0, low=0), "file": "/etc/boltseal/rules.d/70.yaml", "from": T1,
     "line": 3, "n_paths": 0, "name": "nightly", "owner": "ops", "reason": "caches", "to": T2, "worst": "info"},
    {"by": "command", "from": T1, "name": "all", "reason": "confined: what is held is not told", "to": T2, "uid": 0},
]
CLOSED = dict(HOLDS[0], n_paths=5, paths=HELD, targets=[{"drift_id": DRIFT, "id": ID, "name": "web"}])

EVENTS = [
    event(1, "daemon.started", target=None, detail="boltseald 0.1.0"),
    event(2, "change", severity="critical", actor=actor(), change={
        "aspects": ["content"], "kind": "C", "path": "/etc/\x1b[2Jpasswd"}),
    event(3, "gap.opened", severity="medium", gap={"cause": "overflow", "detail": "4 lost\x07",
                                                  "path": "/var"}),
    event(4, "baseline.accepted", generation=2, reason="hotfix \u202e4711"),
    event(5, "target.found", target=dict(REF, name=HOSTILE)),
    event(6, "exec.session", reason="closed", session={
        "id": "4711-1", "opened": T1, "closed": T2, "leader": actor(drifted=True),
        "cmdline": ["sh", "-c", "echo \x1b[31m", ""], "n_paths": 3, "paths": ["/etc/\x1b[2Jpasswd", "/b"],
        "tty": "pts/0", "uid": 0}),
    event(7, "package.run", severity="low", run={
        "cmdline": ["apt-get", "install", "\x1b[2J"], "counts": {"A": 12, "C": 3, "D": 0},
        "ended": True, "id": 2, "manager": "apt-get", "n_paths": 15, "paths": ["/usr/bin/x"]}),
    event(8, "heartbeat", target=None, heartbeat={
        "full": False, "gaps": 1, "interval": 60, "n_targets": 3, "targets": [],
        "sinks": [{"acked": 4, "lag": 1, "name": "siem\x1b[2J"}], "targets_digest": "33" * 32,
        "version": "0.1.0"}),
    event(9, "hold.opened", severity="low", hold={k: v for k, v in HOLDS[0].items() if k not in ("counts", "n_paths", "worst")}),
    event(10, "change", change={"aspects": ["content"], "kind": "C", "path": "/b"},
          hold={"name": "up\x1b[2Jgrade", "severity": "high"}),
    event(11, "hold.closed", severity="high", hold=CLOSED, reason="its time was over"),
    event(12, "flood", severity="high", flood={
        "count": 990, "counts": {"A": 985, "C": 4, "D": 0, "cleared": 1}, "from": T1, "path": "/tmp/\x1b[2J",
        "samples": [{"path": "/tmp/\x1b[2J"}], "scope": "target", "since": T1, "state": "continues", "to": T2,
        "total": 1990, "worst": "high"}),
    event(13, "flood", target=None, flood={
        "count": 0, "counts": {"A": 0, "C": 0, "D": 0, "cleared": 0}, "scope": "global", "since": T1,
        "state": "over", "total": 3}),
    event(14, "change", severity="low", repeats={"count": 497, "from": T1, "to": T2}, change={
        "aspects": ["content"], "kind": "C", "path": "/var/log/\x1b[2Jx"}),
]

PATCH = ("--- a/etc/passwd\n+++ b/etc/passwd\n@@ -1,2 +1,2 @@\n root:x\n-old\n+new\x1b[2J\r\n"
         "\\ No newline at end of file\n")

FILE = {"baseline": record(), "now": record(mode="0666", sha256="22" * 32, caps="cap_net_raw+ep"),
        "coverage": WHOLE, "drift": ITEMS[0], "events": [EVENTS[1]], "path": "/etc/passwd",
        "layer": {"digest": "sha256:" + "77" * 32, "number": 2, "path": "/var/lib/x"},
        "target": REF}
LINK = {"baseline": record(type="link", link="a\x1b[2J"), "coverage": TORN, "events": [],
        "path": "/l", "target": REF, "note": "not every layer is stored yet"}

STATUS = {"connections": 1, "gaps": [{"cause": "overflow", "id": 9, "target": 0}], "last_seq": 9,
          "first_seq": 1, "floods": [], "holds": [], "memory": 12509184,
          "sensor": {"counters": {"counters": {"asks": 3, "events": 7, "hashed_bytes": 99}, "store": "ok",
                                  "levels": {"L1": 3, "L\x1b": 1}, "memory": 13197312, "started": T1,
                                  "queues": {"items": 2, "live": 0}}, "state": "up"}, "since": T1,
          "sinks": [{"name": "siem", "state": "waiting", "lag": 4, "lag_seconds": 300}],
          "store": {"disk_free": 80164732928, "used": 77824, "map_limit": 1 << 40, "records": 315,
                    "format": 4},
          "targets": {"removed": 0, "running": 3, "stopped": 0}, "version": "0.1.0\x1b[2J"}
DOCTOR = {"findings": [
    {"id": "late", "scope": "target", "severity": "note", "what": "ran before: we\x1b[2Jb",
     "costs": "what changed before.", "do": "start it anew", "subject": "we\x1b[2Jb"},
    {"id": "store", "scope": "store", "severity": "ok", "what": "the store takes entries"},
    {"id": "gap", "scope": "target", "severity": "warning", "what": "web: overflow", "path": "/x\ufffd",
     "path_b64": "L3j/", "since": T1, "costs": "something.", "do": "boltseal rescan web"},
    {"id": "reload", "scope": "daemon", "severity": "problem", "what": "the reload failed",
     "quote": "x.yaml:1:2: no\x1bpe", "costs": "what was edited.", "do": "mend it"},
    {"id": "late", "scope": "target", "severity": "of tomorrow", "what": "not shown"}],
    "probes": [{"name": "fanotify FID", "ok": True, "result": "works", "without": ""},
                     {"name": "read lease", "ok": False, "result": "not permitted",
                      "without": "a live writer is not known"},
                     {"name": "process events", "ok": False, "result": "not permitted",
                      "without": "ended writers are not known"}],
          "targets": [{"actor": True, "attributes": True, "baselined": True, "content": True,
                       "id": ID, "kind": "container", "lacks": "chattr: found by sweeps",
                       "level": "L1", "name": "web", "names": True, "prevention": False,
                       "volumes": False}]}
BASELINES = {"items": [{"generations": [
    {"generation": 1, "paths": 0, "root": "cd" * 32, "time": T1, "uid": 0},
    {"drift_id": DRIFT, "expires": T2, "generation": 2, "paths": 3, "reason": "hot\x1b[2Jfix",
     "root": "ef" * 32, "time": T2, "uid": 1000}], "target": REF}]}
GOLDEN = [{"accepts": 0, "created": T1, "digest": "0d" * 32, "host": "builder", "image": {
    "digest": "1a" * 32, "name": "registry.example/app:1\x1b[2J"}, "imported": T2, "layers": [{"canon": "2b" * 32, "diff_id": "3c" * 32}],
    "root": "4d" * 32, "signatures": [{"key": "5e" * 32, "name": "release", "state": "good", "time": T1},
                                      {"key": "6f" * 32, "state": "unknown", "time": T1}], "signed": True, "uid": 0},
    {"accepts": 2, "created": T1, "digest": "0e" * 32, "image": {"digest": "1b" * 32, "name": "bb:2"}, "imported": T2, "layers": [],
     "root": "4e" * 32, "signatures": [], "signed": False, "uid": 1000}]
PROVED = [{"check": "image", "ok": True, "subject": "web",
           "detail": "proved to sha256:%s: 9226 names, 7321 files" % ("ab" * 32)},
          {"check": "proof", "ok": True, "subject": "/var/lib/docker/overlay2/x/diff",
           "detail": "proved to sha256:%s: 9226 names, 7321 files" % ("cd" * 32)}]
CHECKS = [{"check": "layer", "ok": True, "subject": "/var/lib/docker/overlay2/x/diff"},
          {"check": "journal", "ok": True, "subject": "journal"}]


def problem(status, detail=None, **more):
    p = dict({"status": status, "title": "It did not work", "type": "urn:x"}, **more)
    if detail:
        p["detail"] = detail
    return status, p


PACKAGES = {
    "/usr/bin/openssl": {"algorithm": "md5", "arch": "amd64", "expected": "0" * 32, "manager": "dpkg", "name": "openssl",
                         "state": "modified", "version": "3.0.20-1"},
    "/etc/ssl.cnf": {"config": True, "manager": "dpkg", "name": "openssl\x1b[2J", "state": "edited", "version": "3"},
    "/srv/x": {"state": "unowned"},
}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def send(self, status, body, ctype="application/json", **headers):
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Type", ctype)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def lines(self, lines, pause=0):
        self.send_response(200)
        self.send_header("Content-Type", "application/x-ndjson")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in lines:
            raw = (line if isinstance(line, str) else json.dumps(line)) + "\n"
            raw = raw.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
            time.sleep(pause)
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, result):
        status, body = result
        self.send(status, body, "application/problem+json" if status >= 400 else "application/json")

    def do_GET(self):
        self.handle_one("GET", "")

    def do_POST(self):
        n = int(self.headers.get("Content-Length") or 0)
        self.handle_one("POST", self.rfile.read(n).decode())

    def handle_one(self, method, body):
        url = urlsplit(self.path)
        query = parse_qsl(url.query, keep_blank_values=True, errors="surrogateescape")
        self.server.heard.append({"method": method, "path": url.path, "query": query,
                                  "body": body, "if_match": self.headers.get("If-Match")})
        parts = [unquote(p) for p in url.path.strip("/").split("/")]
        if parts[0] == "v1.41":
            return self.docker(parts)
        fn = getattr(self, "%s_%s" % (method.lower(), parts[1]), None)
        return fn(parts[2:], dict(query), body) if fn else self.answer(problem(404, "no route"))

    def docker(self, parts):
        if parts[2] == "clean":
            return self.send(200, "null\n")
        if parts[2] == "nosuch":
            return self.send(404, {"message": "No such container: nosuch"})
        return self.send(200, [{"Kind": 0, "Path": "/etc"}, {"Kind": 1, "Path": "/etc/\x1b[2J"},
                               {"Kind": 2, "Path": "/usr/bin/x"}])

    def get_targets(self, parts, query, body):
        if not parts:
            if query.get("all"):
                return self.send(200, {"items": TARGETS + [STOPPED], "sensor": "down"})
            return self.send(200, {"items": TARGETS})
        name, what = parts[0], parts[1]
        if name == "nosuch":
            return self.answer(problem(404, "no target is called nosuch; "
                                            "GET /v1/targets?all=1 lists them"))
        if name == "3":
            return self.answer(problem(409, "3 fits more than one target; give a longer id or a "
                                            "name", candidates=["web", HOSTILE]))
        if name == "forbidden":
            return self.answer(problem(403))
        if name == "garbage":
            return self.send(200, "<html>\x1b[2J</html>", "text/html")
        if name == "empty":
            return self.send(200, {})
        return getattr(self, "of_" + what)(name, query)

    def of_drift(self, name, query):
        etag = {"ETag": '"%s"' % DRIFT}
        if name == "clean":
            return self.send(200, drift(items=[]), **etag)
        if name == "torn":
            return self.send(200, drift(TORN, []), **etag)
        if name == "nowhere":
            return self.send(200, drift(items=[], nowhere=[
                {"path": "/nope"}, {"path": "/x\ufffd", "path_b64": "L3j/"}]), **etag)
        if name == "blind":
            return self.send(200, {"items": []})
        if name == "many":
            items = [change("A", "/many/%05d" % i) for i in range(200)]
            return self.send(200, drift(items=items), **etag)
        if name == "pages":
            at = int(query.get("cursor") or 0)
            return self.send(200, drift(items=ITEMS[at:at + 3], cursor=str(at + 3)
                                        if at + 3 < len(ITEMS) else None), **etag)
        if name == "moving":
            self.server.moves += 1
            return self.send(200, drift(items=ITEMS[:1], cursor="1",
                                        drift_id="%064x" % self.server.moves))
        if name == "early":
            return self.send(200, drift(dict(WHOLE, baselined=False), []))
        if query.get("against") == "image":
            return self.send(200, drift(items=ITEMS[:1], against="image"))
        if query.get("at"):
            return self.answer(problem(501, "the drift at an earlier time comes later; read the "
                                            "journal"))
        return self.send(200, drift(items=ITEMS[:1] + list(reversed(ITEMS[1:]))), **etag)

    def of_file(self, name, query):
        if query["path"] == "/l":
            return self.send(200, LINK)
        if query["path"] == "/early":
            return self.send(200, {"coverage": dict(WHOLE, baselined=False), "events": [], "path": "/early",
                                   "note": "not every layer is stored yet", "target": REF})
        if query["path"] in PACKAGES:
            return self.send(200, {"coverage": WHOLE, "events": [], "path": query["path"], "target": REF,
                                   "package": PACKAGES[query["path"]]})
        if query["path"] == "/none":
            return self.send(200, {"coverage": WHOLE, "events": [], "path": "/none", "target": REF})
        return self.send(200, FILE)

    def of_sbom(self, name, query):
        if name == "tree":
            return self.answer(problem(422, "tree is no container"))
        self.send(200, {"asked": [query.get("format"), query.get("image")]},
                  "application/vnd.cyclonedx+json; version=1.6")

    def of_rules(self, name, query):
        rule = {"file": "/etc/boltseal/rules.d/50.yaml", "line": 7, "name": "accounts\x1b[2J",
                "reason": "who may log in", "state": "decides", "value": "high"}
        return self.send(200, {
            "applicable": 3, "path": query["path"], "rules": 9, "target": REF,
            "drift": change("C", query["path"], ["content"], "high"),
            "properties": [{"name": "severity", "rules": [rule, dict(
                rule, name="all", line=2, state="loses", value="low"), dict(
                rule, name="by-hand", state="does not fit", when="origin exec")]}]})

    def of_patch(self, name, query):
        if query["path"] == "/var/secret":
            return self.answer(problem(403, "a rule says that its content is never shown"))
        if query["path"] == "/var/blob":
            return self.answer(problem(415, "the file is not text"))
        if query["path"] == "/etc/passwd":
            return self.send(200, PATCH, "text/x-diff; charset=utf-8")
        return self.answer(problem(404))

    def get_events(self, parts, query, body):
        if query.get("type") == "nonsense":
            return self.answer(problem(400, "there is no such type of event"))
        self.lines([json.dumps(e, separators=(",", ":")) for e in EVENTS])

    def get_holds(self, parts, query, body):
        self.send(200, {"items": HOLDS})

    def post_holds(self, parts, query, body):
        if not parts and json.loads(body).get("target") == "taken":
            return self.answer(problem(409, "a window of the name taken is open, until then: close it first, "
                                            "or give this one another name"))
        if not parts:
            return self.send(200, HOLDS[0])
        if parts[0] == "nightly":
            return self.answer(problem(409, "nightly is the window of a rule"))
        if parts[0] == "nosuch":
            return self.answer(problem(404, "no open window and no target is called nosuch; "
                                            "GET /v1/holds lists the windows"))
        self.send(200, CLOSED)

    def get_status(self, parts, query, body):
        self.send(200, STATUS)

    def get_doctor(self, parts, query, body):
        self.send(200, DOCTOR)

    def of_baseline(self, name, query):
        if name != "web":
            return self.answer(problem(422, "layer /l/x is not what its image says: nobody should be judged by it; "
                                            "`boltseal verify` names what differs"))
        self.send(200, "the baseline of generation %s\n" % query.get("generation", "-"), "application/octet-stream")

    def post_baselines(self, parts, query, body):
        if parts:
            return self.send(200, {"result": "ok"})
        if "holes" in body or len(body) < 100:
            return self.answer(problem(422, "baseline file: it was altered: its digest is not that of its bytes"))
        if query.get("replace") != "1":
            return self.answer(problem(409, "the image has another golden baseline: root ab, not signed by a trusted key; "
                                            "import it with --replace to put this one in its place"))
        self.send(200, GOLDEN[0])

    def get_baselines(self, parts, query, body):
        if parts == ["golden"]:
            return self.send(200, {"items": GOLDEN, "require_signed": False})
        items = [{"path": "/a\x1b", "generation": 2, "record": record()},
                 {"path": "/c", "generation": 3, "record": record(), "image": record(),
                  "expires": T1}, {"path": "/d", "generation": 3, "image": record()}]
        self.send(200, dict(BASELINES["items"][0]["generations"][1],
                            items=items if parts[1:] == ["3"] else [])
                  if parts else BASELINES)

    def post_targets(self, parts, query, body):
        name, what = parts
        if what == "rescan" and name == "failing":
            return self.lines([{"done": 1, "total": 2},
                               {"result": "failed", "detail": "the disk\x1b[2J is gone"}])
        if what == "rescan" and name == "torn":
            return self.lines([{"done": 1, "total": 2}])
        if what == "rescan":
            return self.lines([{"done": i * 250, "total": 1000} for i in range(5)] +
                              [{"drift_id": DRIFT, "result": "ok"}], pause=0.06)
        if what == "prove":
            bad = {"check": "proof", "ok": False, "subject": "/l\x1b[2J",
                   "detail": "broken, should be sha256:00: C bin/sh (content)"}
            open_ = {"check": "image", "ok": False, "subject": "un\x1b[2Jread", "unproved": True,
                     "detail": "unknown: it has no baseline yet"}
            more = {"bad": [bad], "unread": [open_]}.get(name, [])
            return self.lines([{"checks": PROVED + more, "clean": not more, "result": "ok"}])
        if what == "verify":
            bad = {"check": "layer", "ok": False, "subject": "/l\x1b[2J", "detail": "its records"}
            checks = CHECKS + ([bad] if name == "bad" else [])
            return self.send(200, {"checks": checks, "clean": name != "bad"})
        if self.headers.get("If-Match") != '"%s"' % DRIFT:
            return self.answer(problem(412, "the drift has moved since"))
        return self.send(200, {"drift_id": "cd" * 32, "generation": 2})

    def post_prove(self, parts, query, body):
        self.lines([{"checks": PROVED, "clean": True, "result": "ok"}])

    def post_verify(self, parts, query, body):
        self.send(200, {"checks": CHECKS, "clean": True})


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path):
        if os.path.exists(path):
            os.unlink(path)
        super().__init__(path, Handler)
        self.heard = []
        self.moves = 0
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05},
                                       daemon=True)
        self.thread.start()

    def get_request(self):
        conn, _ = self.socket.accept()
        return conn, ("local", 0)

    def close(self):
        self.shutdown()
        self.server_close()
