#!/usr/bin/env python3
"""boltseal doctor --bundle against a fake daemon whose every answer holds secrets. TAP.

    tests/gold/cli/bundle.py        BOLTSEAL=the binary; build/boltseal without it
"""
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from fake import server as fake  # noqa: E402

BIN = os.path.abspath(os.environ.get("BOLTSEAL", os.path.join(ROOT, os.environ.get("OUT", "build"), "boltseal")))
SECRET = "s3cr3t"  # in whatever must not come out
KEPT = "k3pt"      # in whatever must
T = "2026-11-23T22:14:05.123456789Z"
results = []


def check(name, good, why=""):
    results.append(bool(good))
    print("%sok %d - %s" % ("" if good else "not ", len(results), name))
    if not good:
        print("\n".join("# " + line for line in str(why)[:3000].split("\n")))


class Handler(fake.Handler):
    def get_doctor(self, parts, query, body):
        self.send(200, {
            "configuration": "state_dir: \"/" + KEPT + "\"\n", "probes": [], "version": "0",
            "targets": [{"name": KEPT, "labels": {KEPT + "-label": SECRET}}],
            "sinks": [{"name": KEPT, "address": "https://u:" + SECRET + "@" + KEPT + ".example:8088/"
                       + SECRET + "?token=" + SECRET},
                      {"name": "x", "address": "https://host/" + SECRET},
                      {"name": "x", "address": "tls://" + KEPT + "-tls.example:6514"}],
            "findings": [{"id": "gap", "severity": "warning", "scope": "target", "what": KEPT,
                          "path": "/" + SECRET, "path_b64": SECRET, "quote": SECRET}]})

    def get_status(self, parts, query, body):
        self.send(200, {"first_seq": 1, "last_seq": 9, "version": KEPT,
                        "gaps": [{"cause": KEPT + " cause", "path": "/" + SECRET, "detail": SECRET}],
                        "holds": [{"name": "w", "reason": SECRET, "path": "/" + SECRET}],
                        "reload": {"sensor": {"ok": False, "error": SECRET, "line": 3}}})

    def get_targets(self, parts, query, body):
        self.send(200, {"items": [{"name": KEPT + "-target", "labels": {"a": SECRET, "b": SECRET},
                                   "env": [SECRET]}]})

    def get_sinks(self, parts, query, body):
        self.send(200, {"items": [{"name": KEPT + "-sink", "address": "http://h/?k=" + SECRET}]})

    def get_events(self, parts, query, body):
        actor = {"cmdline": ["mysql", "-p" + SECRET], "exe": "/" + SECRET}
        every = [
            {"seq": 2, "type": "gap.opened", "time": T, "actor": actor, "detail": SECRET,
             "gap": {"cause": KEPT + "-event", "path": "/" + SECRET, "detail": SECRET},
             "target": {"id": KEPT + "-id", "labels": {"x": SECRET}}},
            {"seq": 1, "type": "daemon.started", "time": T, "detail": SECRET, "of": SECRET},
            {"seq": 3, "type": "change", "time": T, "actor": actor, "change": {"path": "/" + SECRET}},
            {"seq": 4, "type": "rules.failed", "time": T, "detail": SECRET}]
        self.lines([json.dumps(e, separators=(",", ":")) for e in every if e["type"] == query["type"]]
                   # a daemon that does not filter, or lies
                   + [json.dumps(every[2], separators=(",", ":"))])


class Metrics(Handler):
    def handle_one(self, method, body):
        if self.path == "/metrics":
            return self.send(200, "boltseal_" + KEPT + " 1\n", "text/plain")
        return super().handle_one(method, body)


class Server(fake.Server):
    def finish_request(self, request, client_address):
        Metrics(request, client_address, self)


def run(sock, *words, **env):
    env = dict({"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "BOLTSEAL_SOCKET": sock, "PASSWORD": SECRET}, **env)
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    p = subprocess.run([BIN, "doctor", "--bundle", *words], stdin=subprocess.DEVNULL, capture_output=True,
                       env=env, timeout=60)
    return p.returncode, p.stdout, p.stderr.decode()


def members(data):
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        return {m.name: (m, tar.extractfile(m).read()) for m in tar.getmembers()}


def main(tmp):
    sock = os.path.join(tmp, "s")
    server = Server(sock)
    path = os.path.join(tmp, "b.tar.gz")
    os.umask(0)
    code, out, err = run(sock, path)
    check("it is written, and says so", code == 0 and not out and path in err, (code, out, err))
    check("for its owner alone", stat.S_IMODE(os.stat(path).st_mode) == 0o600, oct(os.stat(path).st_mode))
    data = open(path, "rb").read()
    parts = members(data)
    names = {n.split("/", 1)[1] for n in parts}
    check("it has its parts, below one directory",
          names == {"about.txt", "configuration.yaml", "doctor.json", "events.jsonl", "host.txt", "metrics.txt",
                    "sinks.json", "status.json", "targets.json"} and
          {n.split("/")[0] for n in parts} == {"boltseal-bundle"}, names)
    check("tar says the same of it", subprocess.run(["tar", "-tzf", path], capture_output=True).stdout.decode().split()
          == list(parts), "")
    check("its members are regular files for their owner alone",
          all(m.isreg() and m.mode == 0o600 for m, _ in parts.values()), parts)
    every = {n.split("/", 1)[1]: body.decode() for n, (_, body) in parts.items()}
    check("no secret is in it", not any(SECRET in b for b in every.values()),
          [(n, b) for n, b in every.items() if SECRET in b])
    missing = [w for w, n in ((KEPT, "configuration.yaml"), (KEPT + "-label", "doctor.json"),
                              (KEPT + ".example:8088", "doctor.json"), (KEPT + "-tls.example:6514", "doctor.json"),
                              (KEPT, "status.json"), (KEPT + " cause", "status.json"), ('"line": 3', "status.json"),
                              (KEPT + "-target", "targets.json"), (KEPT + "-sink", "sinks.json"),
                              (KEPT, "metrics.txt"), (KEPT + "-event", "events.jsonl"),
                              (KEPT + "-id", "events.jsonl")) if w not in every[n]]
    check("and all else is", not missing, (missing, every))
    events = [json.loads(line) for line in every["events.jsonl"].splitlines()]
    check("events are the daemon's own, in order", [e["seq"] for e in events] == [1, 2, 4], events)
    code, _, err = run(sock, path)
    check("it never overwrites", code == 2 and "already" in err and open(path, "rb").read() == data, (code, err))
    os.symlink(os.path.join(tmp, "elsewhere"), os.path.join(tmp, "link"))
    code, _, err = run(sock, os.path.join(tmp, "link"))
    check("nor follows a link", code == 2 and not os.path.exists(os.path.join(tmp, "elsewhere")), (code, err))
    code, out, err = run(sock, "-")
    check("- is standard output, and nothing else is there", code == 0 and len(members(out)) == 9 and not err,
          (code, err))
    with open("/dev/full", "wb") as full:
        p = subprocess.run([BIN, "--socket", sock, "doctor", "--bundle", "-"], stdout=full, stderr=subprocess.PIPE)
    check("no room: it says so", p.returncode == 2 and b"No space left" in p.stderr, (p.returncode, p.stderr))
    server.close()
    path = os.path.join(tmp, "dead.tar.gz")
    code, _, err = run(os.path.join(tmp, "nobody"), path)
    parts = {n.split("/", 1)[1]: b.decode() for n, (_, b) in members(open(path, "rb").read()).items()}
    check("with no daemon it has what can be had", code == 0 and set(parts) ==
          {"about.txt", "doctor-offline.json", "host.txt"}, (code, err, parts.keys()))
    check("and says what is not there, and why", "status.json" in parts["about.txt"] and
          "No such file" in parts["about.txt"], parts["about.txt"])
    print("1..%d" % len(results))
    return 0 if all(results) else 1


with tempfile.TemporaryDirectory() as top:
    sys.exit(main(top))
