#!/usr/bin/python3
"""Messages read back with parsers that know the formats' rules and nothing of us. TAP.
    tests/gold/format/properties.py build/tests/unit/wire/format     # its --serve answers
For any bytes in names: the bytes come back, and the message has the same fields as with harmless
names, so nothing was injected. Documents fit the schemas in tests/gold/schema; lognormalizer, where
it is there, reads CEF as we do."""
import base64, json, pathlib, random, re, shutil, socket, subprocess, sys, tempfile, time

import events as make

GOLD = pathlib.Path(__file__).parent
SERVER = subprocess.Popen([sys.argv[1], "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
FORMATS = ["rfc5424", "json", "ecs", "ocsf", "cef", "leef", "falco", "wazuh"]
EVENTS = GOLD.joinpath("events").read_text().splitlines()
count = failed = 0


def test(name, function, skip=None):
    global count, failed
    count += 1
    if skip:
        print(f"ok {count} - {name} # SKIP {skip}")
        return
    try:
        function()
        print(f"ok {count} - {name}")
    except Exception as e:
        failed = 1
        print(f"not ok {count} - {name}")
        for line in f"{type(e).__name__}: {e}".splitlines()[:40]:
            print("#", line[:2000])


def say(format, event, max=0, redact=0):
    SERVER.stdin.write(f"{format} {max} {redact} {event}\n".encode())
    SERVER.stdin.flush()
    answer = SERVER.stdout.readline().decode("utf-8")
    assert answer.endswith("\n") and not answer.startswith("!"), answer
    return answer[:-1]


# ---- the formats' own rules -------------------------------------------------------------------------
SD_NAME = r'[!#-<>-\\^-~]{1,32}'
SD_VALUE = r'(?:[^"\\\]]|\\["\\\]])*'
ELEMENT = rf'\[{SD_NAME}(?: {SD_NAME}="{SD_VALUE}")*\]'
RFC5424 = re.compile(
    r'<(0|[1-9]\d?|1[0-8]\d|19[01])>1 '
    r'\d{4}-(?:0[1-9]|1[0-2])-(?:[0-2]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d) '
    r'([!-~]{1,255}) ([!-~]{1,48}) ([!-~]{1,128}) ([!-~]{1,32}) '
    rf'(-|(?:{ELEMENT})+)(?: (.*))?', re.S)


def read_rfc5424(text):
    m = RFC5424.fullmatch(text)
    assert m, text
    elements = {}
    for e in re.finditer(ELEMENT, m[6]):
        name = re.match(rf"\[({SD_NAME})", e[0])[1]
        assert name not in elements, "an SD-ID comes twice"
        params = re.findall(rf' ({SD_NAME})="({SD_VALUE})"', e[0])
        assert len(dict(params)) == len(params), "a parameter comes twice"
        elements[name] = {k: re.sub(r'\\(["\\\]])', r"\1", v) for k, v in params}
    return {"pri": int(m[1]), "host": m[2], "app": m[3], "procid": m[4], "msgid": m[5], "msg": m[7], **elements}


def read_cef(text):
    header = re.match(r"CEF:0\|((?:[^|\\]|\\[|\\])*\|){6}", text)
    assert header, text
    rest, out = text[header.end():], {}
    keys = list(re.finditer(r"(?:^| )([A-Za-z0-9]+)=", rest))
    for k, after in zip(keys, keys[1:] + [None]):
        raw = rest[k.end():after.start() if after else len(rest)]
        assert not re.search(r"(?<!\\)(?:\\\\)*=", raw), f"a bare = in {raw}"
        assert re.fullmatch(r"(?:[^\\]|\\[\\=nr])*", raw), f"a wrong escape in {raw}"
        assert k[1] not in out, k[1]
        out[k[1]] = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r"}.get(m[1], m[1]), raw)
    header = [re.sub(r"\\(.)", r"\1", h) for h in re.findall(r"((?:[^|\\]|\\[|\\])*)\|", header[0])]
    return {"header": header, **out}


def read_leef(text):
    header = text.split("|", 6)
    assert header[0] == "LEEF:2.0" and header[5] == "x09" and len(header) == 7, header
    pairs = [p.split("=", 1) for p in header[6].split("\t")]
    assert all(re.fullmatch(r"[A-Za-z0-9]+", k) for k, v in pairs), pairs
    assert len(dict(pairs)) == len(pairs), pairs
    return {"header": header[:5], **dict(pairs)}


def read_json(text):
    def once(pairs):
        assert len(dict(pairs)) == len(pairs), pairs
        return dict(pairs)
    return json.loads(text, object_pairs_hook=once)


READ = {"rfc5424": read_rfc5424, "cef": read_cef, "leef": read_leef}


def read(format, text):
    return READ.get(format, read_json)(text)


def bytes_of(visible):
    """Visible text back: \\xNN is a byte, everything else is itself."""
    parts = re.split(r"\\x([0-9a-f]{2})", visible)
    return b"".join(bytes([int(p, 16)]) if i % 2 else p.encode() for i, p in enumerate(parts))


def at(doc, place):
    for part in place.split("."):
        doc = doc[part]
    return doc


SD = "boltseal@32473"
# Where a format has the path: visible text, or UTF-8 with the bytes beside it.
PATHS = {"json": ("change.path", "change.path_b64"), "ecs": ("file.path", "boltseal.file_path_b64"),
         "ocsf": ("unmapped.path", "unmapped.path_b64"), "wazuh": ("syscheck.path", "boltseal.path_b64")}


def path_of(format, doc):
    if format == "rfc5424":
        return bytes_of(doc[SD]["path"])
    if format in ("cef", "leef"):
        return bytes_of(doc["filePath"])
    if format == "falco":
        fields = doc["output_fields"]
        b64, text = fields.get("boltseal.fd_name_b64"), fields["fd.name"]
    else:
        plain, b64 = PATHS[format]
        if format == "ocsf" and "file" in doc:
            plain = "file.path"
        text = at(doc, plain)
        try:
            b64 = at(doc, b64)
        except KeyError:
            b64 = None
    return base64.b64decode(b64) if b64 else text.encode()


def flat(doc, above=""):
    if isinstance(doc, dict):
        return {p for k, v in doc.items() for p in flat(v, f"{above}/{k}")} | {above}
    return {above}


# ---- events with any names --------------------------------------------------------------------------
def with_names(path, text, argument):
    target = {**make.WEB, "name": text, "image": "img:" + text, "labels": {"l": text}}
    rule = {**make.RULE, "name": text, "reason": text}
    actor = {**make.ACTOR, "cmdline": ["x", argument], "comm": text, "tty": text}
    new = make.record("x", caps=text)
    return make.event("change", change=make.change(path, "C", ["content"], new=new, old=new), target=target, actor=actor, rule=rule, host=text)


def fields_of(format, event):
    return {p for p in flat(read(format, say(format, event))) if not p.endswith(("_b64", "/ext", "/extension", "/tag", ".tag"))}


HARMLESS = with_names(b"/tmp/x", "name", "argument")
WANTED = {f: fields_of(f, HARMLESS) for f in FORMATS}


def check_names(path, text, argument):
    event = with_names(path, text, argument)
    for format in FORMATS:
        doc = read(format, say(format, event))
        assert path_of(format, doc) == path, (format, path_of(format, doc))
        assert fields_of(format, event) == WANTED[format], (format, fields_of(format, event) ^ WANTED[format])
        if format == "rfc5424":
            p = doc[SD]
            assert list(doc)[-4:] == ["origin", "meta", "timeQuality", SD], list(doc)
            assert doc["msgid"] == "change.changed" and doc["pri"] == 13 * 8 + 5
            got = [p["container"], p["rule"], p["tty"], p["cmdline"]]
        elif format == "cef":
            assert doc["header"][:3] == ["CEF:0", "boltseal", "boltseal"] and doc["header"][4] == "change.changed"
            assert doc["dvchost"] and doc["act"] == "changed"
            got = [doc["cs1"], doc["cs6"], doc["cs6"], doc["flexString1"]]
            assert bytes_of(doc["fname"]) == path.rsplit(b"/", 1)[1]
        elif format == "leef":
            got = [doc["containerName"], doc["policy"], doc["tty"], doc["cmdline"]]
        elif format == "ecs":
            got = [doc["container"]["name"], doc["rule"]["name"], doc["boltseal"]["actor"]["tty"], doc["process"]["command_line"]]
        else:
            continue
        want = [text, text, text, "x " + argument]
        if format == "ecs":
            assert got == want, (got, want)
            continue
        assert [bytes_of(g) for g in got] == [w.encode() for w in want], (format, got, want)


NASTY_BYTES = [b"\n", b"\r", b"\x1b", b"|", b"=", b"]", b'"', b"\\", b"\t", b"\xff", b"\xc3", b" ", b"\\x0a", b"\\n", b" act=x", b'"][x y="',
               b"\xe2\x80\xae", b"\xc2\x85", b"\xe2\x80\xa8", b"\x7f", b"\x01", b"\\\\", b"LEEF:2.0|", b"CEF:0|", b"<13>1 ", b"%s%n", b"/", b"a", "\U0001f512".encode()]


def nasty(chance):
    parts = [chance.choice(NASTY_BYTES) if chance.random() < 0.8 else bytes([chance.randrange(1, 256)]) for _ in range(chance.randrange(1, 12))]
    return b"".join(parts)


def hand_made():
    chance = random.Random(5)
    for _ in range(300):
        path = b"/t/" + nasty(chance).strip(b"/") + b"z"
        text, argument = (nasty(chance).decode("utf-8", "replace") for _ in range(2))
        check_names(path, text.strip(" /:@") or "t", argument)


def hypothetical():
    from hypothesis import given, settings, strategies as st, HealthCheck
    name = st.binary(min_size=1, max_size=60).filter(lambda b: b"\0" not in b and not b.endswith(b"/"))
    text = st.text(st.characters(blacklist_categories=("Cs",)), min_size=1, max_size=40)

    @settings(max_examples=150, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(name, text, text)
    def run(path, words, argument):
        check_names(b"/" + path, words, argument)
    run()


def dedupe():
    """One id, and the order, in every format."""
    for event in EVENTS:
        e = json.loads(event)
        for format in FORMATS:
            doc = read(format, say(format, event))
            got = {"rfc5424": lambda: (doc[SD]["id"], int(doc[SD]["seq"])), "json": lambda: (doc["id"], doc["seq"]),
                   "ecs": lambda: (doc["event"]["id"], doc["event"]["sequence"]), "ocsf": lambda: (doc["metadata"]["uid"], doc["metadata"]["sequence"]),
                   "cef": lambda: (doc["externalId"], int(doc["cn1"])), "leef": lambda: (doc["id"], int(doc["seq"])),
                   "falco": lambda: (doc["output_fields"]["boltseal.id"], doc["output_fields"]["boltseal.seq"]),
                   "wazuh": lambda: (doc["boltseal"]["id"], doc["boltseal"]["seq"])}[format]()
            assert got == (e["id"], e["seq"]), (format, got)
        assert int(read_rfc5424(say("rfc5424", event))["meta"]["sequenceId"]) == (e["seq"] - 1) % 2147483647 + 1
        same = say("json", event)
        assert read_json(same) == e and ("\x7f" in event or same == event)


def cut():
    """What is cut is still well-formed, whatever the limit."""
    for event in EVENTS:
        for format in FORMATS:
            for limit in (480, 1024, 2048):
                read(format, say(format, event, limit))


def schemas():
    import jsonschema
    for format in ("ecs", "ocsf", "falco", "wazuh"):
        schema = json.loads(GOLD.parent.joinpath("schema", format + ".json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        check = jsonschema.Draft7Validator(schema)
        for i, event in enumerate(EVENTS):
            for limit in (0, 1):
                doc = read_json(say(format, event, limit))
                if limit and format in ("ecs", "ocsf"):
                    continue
                for e in check.iter_errors(doc):
                    raise AssertionError(f"{format}, event {i + 1}: {'.'.join(map(str, e.path))}: {e.message}")


def lognormalizer():
    """Its cef parser loses the first key's first letter unless a blank stands before it."""
    with tempfile.NamedTemporaryFile("w", suffix=".rulebase") as rules:
        rules.write("version=2\nrule=:%f:cef%\n")
        rules.flush()
        ours = [say("cef", e) for e in EVENTS]
        lines = [re.sub(r"^((?:(?:[^|\\]|\\.)*\|){7})", r"\1 ", m) for m in ours]
        out = subprocess.run(["lognormalizer", "-r", rules.name, "-e", "json"], input="".join(l + "\n" for l in lines), text=True, capture_output=True)
    read_by_it = [json.loads(l) for l in out.stdout.splitlines()]
    assert len(read_by_it) == len(ours), (len(read_by_it), len(ours), out.stderr)
    for mine, its in zip(ours, read_by_it):
        assert "f" in its, (mine, its)
        doc = read_cef(mine)
        header = [its["f"][k] for k in ("DeviceVendor", "DeviceProduct", "DeviceVersion", "SignatureID", "Name", "Severity")]
        assert header == doc.pop("header")[1:], (header, mine)
        assert its["f"]["Extensions"] == doc, {k: (its["f"]["Extensions"].get(k), doc.get(k)) for k in set(doc) | set(its["f"]["Extensions"]) if its["f"]["Extensions"].get(k) != doc.get(k)}


def wait_for(what, seconds=30):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "rsyslog did not do it in time"
        time.sleep(0.05)


def rsyslog():
    """packaging/siem/rsyslog.conf, but for TLS and places, reads our parameters as we do."""
    conf = GOLD.parents[2].joinpath("packaging/siem/rsyslog.conf").read_text()
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        out, port = place / "out", place / "port"
        conf = re.sub(r"global\(.*?\)\nmodule\(.*?\)\n", 'global(maxMessageSize="64k")\nmodule(load="imtcp")\n', conf, flags=re.S)
        conf = conf.replace("/var/log/boltseal.json", str(out)).replace('port="6514"', f'port="0" address="127.0.0.1" listenPortFileName="{port}"')
        (place / "conf").write_text(conf)
        daemon = subprocess.Popen(["rsyslogd", "-n", "-f", place / "conf", "-i", place / "pid"], stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: port.exists() and port.read_text().strip())
            ours = [say("rfc5424", e) for e in EVENTS]
            with socket.create_connection(("127.0.0.1", int(port.read_text()))) as s:
                for m in ours:
                    s.sendall(b"%d %s" % (len(m.encode()), m.encode()))
            wait_for(lambda: out.exists() and out.read_bytes().count(b"\n") >= len(ours))
        finally:
            daemon.terminate()
            daemon.wait()
        read_by_it = [json.loads(l) for l in out.read_text().splitlines()]
    assert len(read_by_it) == len(ours)
    for mine, its in zip(map(read_rfc5424, ours), read_by_it):
        mine = {**mine[SD], "/event": mine["msgid"], "/host": mine["host"], "/message": mine["msg"]}
        its = {**its["boltseal"], **{"/" + k: v for k, v in its.items() if k not in ("boltseal", "time")}}
        assert its == mine, {k: (its.get(k), mine.get(k)) for k in set(its) | set(mine) if its.get(k) != mine.get(k)}


print("1..7")
test("the id and the order are in every format", dedupe)
test("names made to break out do not, and come back whole", hand_made)
try:
    import hypothesis
    test("nor do any other names", hypothetical)
except ImportError:
    test("nor do any other names", None, "python3-hypothesis is not there")
test("what is cut is still well-formed", cut)
try:
    import jsonschema
    test("documents fit the schemas of their formats", schemas)
except ImportError:
    test("documents fit the schemas of their formats", None, "python3-jsonschema is not there")
test("lognormalizer reads our CEF", lognormalizer, None if shutil.which("lognormalizer") else "lognormalizer (liblognorm-utils) is not there")
test("rsyslog as packaged reads our structured data", rsyslog, None if shutil.which("rsyslogd") else "rsyslogd is not there")
SERVER.stdin.close()
SERVER.wait()
sys.exit(failed)
