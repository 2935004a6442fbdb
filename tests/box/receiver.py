#!/usr/bin/env python3
"""receiver.py - what a log receiver demands of those who send to it, without the receiver.

A test double that speaks HTTP over TLS on 127.0.0.1 and holds every request against the published
rules of Splunk's HTTP Event Collector, Elasticsearch's _bulk, Loki's push, OTLP over HTTP, or of a
plain web hook. It takes events, remembers them, and misbehaves when told to.

    receiver.py DIR [--cert FILE --key FILE] [--client-ca FILE] [--port N]
    receiver.py DIR --proxy                 an HTTP proxy that can CONNECT, and nothing else
    receiver.py --check PROFILE FILE        does it take this body? Prints how many events


DIR holds, and is read again at every request:
    mode        what to do (below); missing: the right thing
    token       the token that is asked for; missing: none
    tenant      the X-Scope-OrgID that is asked for; missing: none
    ack         present: the collector acknowledges
and gets:
    port        once it listens
    requests    a line a request: path, status, events
    taken       a line an event that is safe for good: profile, seq, id
    events      the same events as JSON lines, as they were stored
    violations  a line for each rule that was broken; a good sender leaves it empty

Modes: hang (take the request, never answer) · cut (close in the middle of the answer) · drop (take
the events, close without an answer) · slow · status N [RETRY-AFTER] · max N (413 beyond N events) ·
garbage · endless · deep · redirect · noack (never acknowledge) · reject N (refuse the event with
seq N for good) · busy N (that event's turn has not come: 429) · partial N (OTLP: N were rejected) ·
echo (say the sender's Authorization in a 401)
"""
import argparse
import gzip
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from urllib.parse import parse_qs, urlsplit

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LOCK = threading.Lock()


class Broken(Exception):
    """A rule was broken: the answer's status and body."""

    def __init__(self, why, status=400, body=None):
        super().__init__(why)
        self.status, self.body = status, body if body is not None else {"error": why}


class Store:
    """What DIR holds, and what was taken."""

    def __init__(self, where):
        self.where = where
        self.ids = {}  # index -> set of _id
        self.pending = {}  # channel -> {ackId: [polls left, events]}
        self.next_ack = 0
        self.rejected = set()

    def read(self, name):
        try:
            with open(os.path.join(self.where, name), encoding="ascii") as f:
                return f.read().strip()
        except OSError:
            return None

    def add(self, name, line):
        with open(os.path.join(self.where, name), "a", encoding="utf-8") as f:
            f.write(line + "\n")

    def take(self, profile, events):
        for seq, ident, doc in events:
            self.add("events", json.dumps(doc, sort_keys=True))
            self.add("taken", f"{profile} {seq} {ident}")


def need(ok, why, status=400, body=None):
    if not ok:
        raise Broken(why, status, body)


def parse(text):
    def once(pairs):
        d = dict(pairs)
        need(len(d) == len(pairs), "a member twice in one object")
        return d

    try:
        return json.loads(text, object_pairs_hook=once)
    except ValueError as e:
        raise Broken(f"not JSON: {e}") from e


def authorization(store, headers, schemes, hec=False):
    want, got = store.read("token"), headers.get("Authorization")
    if want is None:
        return
    if got is None:
        raise Broken("no token", 401, {"text": "Token is required", "code": 2})
    scheme, _, token = got.partition(" ")
    if scheme not in schemes:
        raise Broken(f"scheme {scheme}", 401, {"text": "Invalid authorization", "code": 3})
    if token != want:
        # A wrong token is a state of the world, no broken rule.
        raise Broken("", 403 if hec else 401, {"text": "Invalid token", "code": 4})


def refused_seq(store, word):
    mode = (store.read("mode") or "").split()
    return int(mode[1]) if len(mode) > 1 and mode[0] == word else None


# --- profiles: (store, handler, body) -> status, answer, events ------------------------------------
def generic(store, req, body):
    authorization(store, req.headers, ["Bearer", "Basic"])
    kind = req.headers.get("Content-Type", "")
    need(body.endswith(b"\n"), "the last line is not ended")
    lines = body.decode("utf-8").split("\n")[:-1]
    if kind == "text/plain; charset=utf-8":
        return 200, b"", [("-", "-", {"line": line}) for line in lines]
    need(kind == ("application/json" if len(lines) == 1 else "application/x-ndjson"),
         f"Content-Type {kind} for {len(lines)} events")
    docs = [parse(line) for line in lines]
    bad = refused_seq(store, "reject")
    if bad is not None and any(d.get("seq") == bad for d in docs):
        return 422, b'{"error":"event not welcome"}', []
    return 200, b"thanks\n", [(d.get("seq", "-"), d.get("id", "-"), d) for d in docs]


HEC_MEMBERS = {"time", "host", "index", "source", "sourcetype", "event", "fields"}


def hec_event(doc, number):
    def check(ok, why, code, text):
        need(ok, why, 400, {"text": text, "code": code, "invalid-event-number": number})

    check(isinstance(doc, dict) and set(doc) <= HEC_MEMBERS, f"members {list(doc)}", 6, "Invalid data format")
    check("event" in doc, "no event", 12, "Event field is required")
    check(doc["event"] not in ("", None, {}), "an empty event", 13, "Event field cannot be blank")
    check(isinstance(doc.get("time"), float), "time is no number with a fraction", 6, "Invalid data format")
    check(10 ** 9 < doc["time"] < 10 ** 10, "time is not in seconds", 6, "Invalid data format")
    check(doc.get("sourcetype") == "boltseal:drift", "sourcetype", 6, "Invalid data format")
    check(isinstance(doc.get("host"), str) and doc["host"], "no host", 6, "Invalid data format")
    fields = doc.get("fields", {})
    check(all(isinstance(v, str) for v in fields.values()), "fields are not flat texts", 15,
          "Error in handling indexed fields")
    for name in ("vendor_product", "dest"):
        check(name in fields, f"CIM: no {name}", 6, "Invalid data format")
    if isinstance(doc["event"], dict) and doc["event"].get("type") == "change":
        for name in ("action", "file_path", "file_name"):
            check(name in fields, f"CIM: no {name}", 6, "Invalid data format")
    return fields.get("event_seq"), fields.get("event_id"), doc


def hec(store, req, body):
    authorization(store, req.headers, ["Splunk"], hec=True)
    channel = req.headers.get("X-Splunk-Request-Channel")
    if store.read("ack") is not None:
        need(channel, "no channel", 400, {"text": "Data channel is missing", "code": 10})
    if channel is not None:
        need(GUID.fullmatch(channel), "channel is no GUID", 400, {"text": "Invalid data channel", "code": 11})
    text, at, events = body.decode("utf-8"), 0, []
    decoder = json.JSONDecoder()
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        try:
            doc, at = decoder.raw_decode(text, at)
        except ValueError as e:
            raise Broken(str(e), 400, {"text": "Invalid data format", "code": 6,
                                       "invalid-event-number": len(events)}) from e
        events.append(hec_event(doc, len(events)))
    need(events, "no data", 400, {"text": "No data", "code": 5})
    bad = refused_seq(store, "reject")
    for i, e in enumerate(events):
        if bad is not None and e[0] == str(bad):
            return 400, {"text": "Invalid data format", "code": 6, "invalid-event-number": i}, []
    if store.read("ack") is None:
        return 200, {"text": "Success", "code": 0}, events
    with LOCK:
        ack, store.next_ack = store.next_ack, store.next_ack + 1
        store.pending.setdefault(channel, {})[ack] = [2, events]
    return 200, {"text": "Success", "code": 0, "ackId": ack}, []


def hec_ack(store, req, body):
    authorization(store, req.headers, ["Splunk"], hec=True)
    need(store.read("ack") is not None, "acks are off", 400, {"text": "ACK is disabled", "code": 14})
    channel = parse_qs(urlsplit(req.path).query).get("channel", [None])[0]
    need(channel and GUID.fullmatch(channel), "channel", 400, {"text": "Data channel is missing", "code": 10})
    asked = parse(body).get("acks")
    need(isinstance(asked, list) and all(isinstance(a, int) for a in asked), "acks is no list of numbers",
         400, {"text": "Invalid data format", "code": 6})
    answer, safe = {}, []
    with LOCK:
        mine = store.pending.get(channel, {})
        for ack in asked:
            answer[str(ack)] = False
            if ack in mine and store.read("mode") != "noack":
                mine[ack][0] -= 1
                if mine[ack][0] <= 0:  # said once, then forgotten
                    answer[str(ack)] = True
                    safe += mine.pop(ack)[1]
        store.take("hec", safe)
    return 200, {"acks": answer}, None


def bulk(store, req, body):
    authorization(store, req.headers, ["ApiKey", "Basic", "Bearer"])
    index = urlsplit(req.path).path.split("/")[-2]
    need(index.startswith("logs-"), f"no data stream: {index}")
    need(req.headers.get("Content-Type") == "application/x-ndjson", "Content-Type", 406)
    need(body.endswith(b"\n"), "The bulk request must be terminated by a newline [\\n]")
    lines = body.decode("utf-8").split("\n")[:-1]
    need(len(lines) % 2 == 0, "actions and documents are not pairs")
    items, events, errors = [], [], False
    with LOCK:
        known = store.ids.setdefault(index, set())
        for action, text in zip(lines[::2], lines[1::2]):
            action, doc = parse(action), parse(text)
            need(list(action) == ["create"], "only create goes into a data stream")
            ident = action["create"].get("_id")
            need(isinstance(ident, str) and re.fullmatch("[0-9a-f]{64}", ident), "_id")
            need(isinstance(doc.get("@timestamp"), str), "no @timestamp")
            seq = doc.get("seq", doc.get("event", {}).get("sequence") if isinstance(doc.get("event"), dict) else None)
            item = {"_index": index, "_id": ident, "status": 201}
            if ident in known:
                item.update(status=409, error={"type": "version_conflict_engine_exception", "reason": "exists"})
            elif seq == refused_seq(store, "reject"):
                item.update(status=400, error={"type": "document_parsing_exception", "reason": "failed to parse"})
            elif seq == refused_seq(store, "busy"):
                item.update(status=429, error={"type": "es_rejected_execution_exception", "reason": "queue full"})
            else:
                known.add(ident)
                events.append((seq, ident, doc))
            errors |= item["status"] >= 300
            items.append({"create": item})
    return 200, {"took": 1, "errors": errors, "items": items}, events


def loki(store, req, body):
    authorization(store, req.headers, ["Bearer", "Basic"])
    tenant = store.read("tenant")
    need(tenant is None or req.headers.get("X-Scope-OrgID") == tenant, "no org id", 401, b"no org id\n")
    need(req.headers.get("Content-Type") == "application/json", "Content-Type")
    doc, events = parse(body), []
    need(list(doc) == ["streams"] and doc["streams"], "streams")
    bad = refused_seq(store, "reject")
    for stream in doc["streams"]:
        need(set(stream) == {"stream", "values"}, "a stream's members")
        need(set(stream["stream"]) == {"host", "job", "severity", "type"}, "labels")
        need(all(isinstance(v, str) and v for v in stream["stream"].values()), "a label is empty")
        last = 0
        for value in stream["values"]:
            ns, line, more = value
            need(isinstance(ns, str) and re.fullmatch("[0-9]{19}", ns), "time is no text of ns")
            need(int(ns) >= last, "entry out of order")
            last = int(ns)
            need(isinstance(line, str) and line, "no line")
            need(all(isinstance(v, str) for v in more.values()), "structured metadata is not text")
            if bad is not None and more.get("seq") == str(bad):
                return 400, b"entry too far behind\n", []
            events.append((more.get("seq"), more.get("id"), {"labels": stream["stream"], "line": line,
                                                             "metadata": more, "ns": ns}))
    return 204, b"", events


def otlp_module():
    """The published definition, compiled; None where there is no protobuf here."""
    gold = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gold", "otlp")
    with tempfile.TemporaryDirectory() as out:
        try:
            from google.protobuf import json_format
            subprocess.run(["protoc", f"--proto_path={gold}", f"--python_out={out}", "logs.proto"], check=True)
        except (ImportError, OSError, subprocess.CalledProcessError):
            return None
        sys.path.insert(0, out)
        import logs_pb2
        return logs_pb2, json_format


OTLP = None


def otlp_json_rules(v, name=""):
    """What json_format forgives and OTLP does not."""
    if isinstance(v, dict):
        for k, w in v.items():
            need("_" not in k, f"{k} is not lowerCamelCase")
            if k in ("intValue", "timeUnixNano", "observedTimeUnixNano"):
                need(isinstance(w, str), f"{k} is no text")
            if k == "severityNumber":
                need(isinstance(w, int), "an enum by name")
            otlp_json_rules(w, k)
    elif isinstance(v, list):
        for w in v:
            otlp_json_rules(w, name)


def any_value(v):
    kind = v.WhichOneof("value")
    if kind == "array_value":
        return [any_value(w) for w in v.array_value.values]
    return getattr(v, kind) if kind else None


def attributes(of):
    d = {a.key: any_value(a.value) for a in of.attributes}
    need(len(d) == len(of.attributes), "an attribute twice")
    return d


def otlp_decode(body):
    module, json_format = OTLP
    raw = parse(body)
    otlp_json_rules(raw)
    try:
        message = json_format.ParseDict(raw, module.ExportLogsServiceRequest())
    except json_format.ParseError as e:
        raise Broken(f"not by the definition: {e}") from e
    for resource in message.resource_logs:
        res = attributes(resource.resource)
        need(res.get("service.name") == "boltseal", "no service.name")
        for scope in resource.scope_logs:
            need(scope.scope.name == "boltseal", "no scope")
            for r in scope.log_records:
                need(r.time_unix_nano > 10 ** 18 and r.severity_number in (9, 10, 13, 17, 21), "time or severity")
                need(r.event_name.startswith("boltseal."), "no event name")
                a = attributes(r)
                yield (a.get("boltseal.seq"), a.get("log.record.uid"),
                       {"resource": res, "attributes": a, "body": any_value(r.body), "event_name": r.event_name,
                        "severity": r.severity_number, "time": r.time_unix_nano})


def otlp(store, req, body):
    authorization(store, req.headers, ["Bearer", "Basic"])
    need(OTLP, "no protobuf here", 500)
    need(req.headers.get("Content-Type") == "application/json", "Content-Type", 415)
    events = list(otlp_decode(body))
    for _, ident, _ in events:
        need(ident not in store.rejected, "what was rejected was sent again")
    n = refused_seq(store, "partial")
    if not n:
        return 200, {}, events
    n = min(n, len(events))
    store.rejected |= {e[1] for e in events[:n]}
    return 200, {"partialSuccess": {"rejectedLogRecords": str(n), "errorMessage": "not these"}}, events[n:]


ROUTES = [("/services/collector/event", "hec", hec), ("/services/collector/ack", "ack", hec_ack),
          ("/_bulk", "bulk", bulk), ("/loki/api/v1/push", "loki", loki), ("/v1/logs", "otlp", otlp),
          ("/hook", "generic", generic)]


# --- HTTP -----------------------------------------------------------------------------------------
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store = None

    def log_message(self, *args):
        pass

    def answer(self, status, body, headers=()):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if status != 204 else b"")

    def body(self):
        for name in self.headers:
            need(self.headers.get_all(name) == [self.headers[name]], f"{name} twice")
        need("Expect" not in self.headers, "Expect")
        need(self.headers.get("User-Agent", "").startswith("boltseal/"), "User-Agent")
        n = self.headers.get("Content-Length")
        need(n is not None, "no length", 411)
        body = self.rfile.read(int(n))
        if len(body) < int(n):  # given up in the middle: nobody waits for an answer
            raise ConnectionResetError
        if self.headers.get("Content-Encoding", "identity") == "gzip":
            body = gzip.decompress(body)
        return body

    def misbehave(self, mode):
        """True: it did, and there is no more to do."""
        word = mode[0] if mode else ""
        if word == "hang":
            while self.store.read("mode") == "hang":
                time.sleep(0.05)
            self.close_connection = True
        elif word == "slow":
            time.sleep(1)
            return False
        elif word == "status":
            after = [("Retry-After", mode[2])] if len(mode) > 2 else []
            self.answer(int(mode[1]), {"error": "told to"}, after)
        elif word == "garbage":
            self.answer(200, b"<html>\x1b[2J\xff{{{\n\n")
        elif word == "deep":
            self.answer(200, b"[" * 100000)
        elif word == "redirect":
            self.answer(307, b"", [("Location", self.path)])
        elif word == "echo":
            self.answer(401, ("bad header: " + self.headers.get("Authorization", "")).encode())
        elif word == "endless":
            self.send_response(200)
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            while True:
                self.wfile.write(b"x" * 65536)
        else:
            return False
        return True

    def do_POST(self):
        path, status, events, violation = urlsplit(self.path).path, 0, None, None
        mode = (self.store.read("mode") or "").split()
        try:
            body = self.body()
            if self.misbehave(mode):
                status = "-"
                return
            name, route = next(((n, r) for p, n, r in ROUTES if path.endswith(p)), (None, None))
            need(route, f"nothing at {path}", 404)
            if mode[:1] == ["max"] and body.count(b"boltseal.event/1") > int(mode[1]):
                status = 413
                self.answer(413, b"too large\n")
                return
            status, answer, events = route(self.store, self, body)
            with LOCK:
                self.store.take(name, events or [])
            self.reply(mode, status, answer)
        except Broken as e:
            status, violation = e.status, str(e)
            self.answer(e.status, e.body)
        except (OSError, ssl.SSLError):
            self.close_connection = True
        finally:
            with LOCK:
                if violation:
                    self.store.add("violations", f"{path}: {violation}")
                self.store.add("requests", f"{path} {status} {len(events or [])}")

    def reply(self, mode, status, answer):
        if mode[:1] == ["drop"]:
            self.close_connection = True
        elif mode[:1] == ["cut"]:
            self.send_response(status)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"{\"text\":\"Succ")
            self.close_connection = True
        else:
            self.answer(status, answer)

    def do_GET(self):
        self.answer(405, b"")
        self.store.add("violations", f"GET {self.path}")

    do_PUT = do_HEAD = do_DELETE = do_GET


class Proxy(http.server.BaseHTTPRequestHandler):
    store = None

    def log_message(self, *args):
        pass

    def do_CONNECT(self):
        host, _, port = self.path.rpartition(":")
        self.store.add("requests", f"CONNECT {self.path}")
        if "Authorization" in self.headers:
            self.store.add("violations", "a token for the proxy")
        with socket.create_connection((host, int(port)), 10) as far:
            self.send_response(200)
            self.end_headers()
            there = threading.Thread(target=pump, args=(self.connection, far), daemon=True)
            there.start()
            pump(far, self.connection)
            there.join(5)
        self.close_connection = True


def pump(here, there):
    try:
        while data := here.recv(65536):
            there.sendall(data)
        there.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    context = None

    def get_request(self):
        sock, address = super().get_request()
        sock.settimeout(60)
        if self.context:  # the handshake is the connection's own thread's to make
            sock = self.context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        return sock, address

    def handle_error(self, request, client_address):
        pass


class Recorded:
    """A request that only has headers."""

    def __init__(self, path, kind):
        self.path, self.headers = path, {"Content-Type": kind}


CHECKS = {"generic": (generic, "/hook", "application/x-ndjson"),
          "splunk-hec": (hec, "/services/collector/event", "application/json"),
          "elastic-bulk": (bulk, "/logs-boltseal.drift-default/_bulk", "application/x-ndjson"),
          "loki": (loki, "/loki/api/v1/push", "application/json"),
          "otlp": (otlp, "/v1/logs", "application/json")}


def check(profile, name):
    route, path, kind = CHECKS[profile]
    with open(name, "rb") as f, tempfile.TemporaryDirectory() as nothing:
        try:
            status, answer, events = route(Store(nothing), Recorded(path, kind), f.read())
        except Broken as e:
            sys.exit(f"{e.status}: {e}")
    if status >= 300 or (isinstance(answer, dict) and answer.get("errors")):
        sys.exit(f"{status}: {answer}")
    for seq, ident, _ in events:
        if not str(seq).isdigit() or not re.fullmatch("[0-9a-f]{64}", ident or ""):
            sys.exit(f"no seq or id: {seq} {ident}")
    print(f"{len(events)} events")


def main():
    global OTLP
    OTLP = otlp_module()
    if sys.argv[1:2] == ["--check"]:
        check(*sys.argv[2:4])
        return
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--cert")
    p.add_argument("--key")
    p.add_argument("--client-ca")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--proxy", action="store_true")
    a = p.parse_args()
    os.makedirs(a.dir, exist_ok=True)
    Handler.store = Proxy.store = Store(a.dir)
    server = Server(("127.0.0.1", a.port), Proxy if a.proxy else Handler)
    if a.cert:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.minimum_version = ssl.TLSVersion.TLSv1_2
        server.context.load_cert_chain(a.cert, a.key)
        if a.client_ca:
            server.context.load_verify_locations(a.client_ca)
            server.context.verify_mode = ssl.CERT_REQUIRED
    with open(os.path.join(a.dir, "port.tmp"), "w", encoding="ascii") as f:
        f.write(f"{server.server_address[1]}\n")
    os.rename(os.path.join(a.dir, "port.tmp"), os.path.join(a.dir, "port"))
    server.serve_forever()


if __name__ == "__main__":
    main()
