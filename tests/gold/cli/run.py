#!/usr/bin/env python3
"""The command line, run for real against a fake daemon, compared with tests/gold/cli/expect. TAP.

    tests/gold/cli/run.py [--update]       BOLTSEAL=the binary; build/boltseal without it
"""
import json
import os
import re
import resource
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
from fake import server as fake  # noqa: E402

OUT = os.environ.get("OUT", "build")
BIN = os.path.abspath(os.environ.get("BOLTSEAL", os.path.join(ROOT, OUT, "boltseal")))
STORED = "tests/gold/cli/stored/"
EXPECT = os.path.join(HERE, "expect")
ID = fake.DRIFT
UPDATE = "--update" in sys.argv
IN_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # all that is written is synced

# name, words, and for a few of them more environment. Each has a file of its name in expect/.
CASES = [
    ("ps", "ps"),
    ("ps-all", "ps -a"),
    ("ps-json", "--format json ps"),
    ("ps-jsonl", "ps -ojsonl"),
    ("diff", "diff web"),
    ("diff-clean", "diff clean"),
    ("diff-torn", "diff torn"),
    ("diff-too-early", "diff early --exit-code"),
    ("diff-too-early-plain", "diff early"),
    ("diff-blind", "diff blind"),
    ("diff-pages", "diff pages"),
    ("diff-moving", "diff moving"),
    ("diff-empty-answer", "diff empty"),
    ("diff-garbage", "diff garbage"),
    ("diff-paths", "diff web /etc/ /usr"),
    ("diff-relative", "diff web etc"),
    ("diff-untidy", "diff clean /etc//./x/ //"),
    ("diff-nowhere", b"diff nowhere /nope /x\xff"),
    ("diff-long", "diff -l web"),
    ("diff-long-clean", "diff clean -l"),
    ("diff-stat", "diff web --stat"),
    ("diff-stat-clean", "diff clean --stat"),
    ("diff-patch", "diff -p web"),
    ("diff-patch-json", "diff -p web --format json"),
    ("diff-two-dresses", "diff -lp web"),
    ("diff-against", "diff -l web --against image"),
    ("diff-at", "diff web --at 2026-11-23"),
    ("diff-at-nonsense", "diff web --at yesterday"),
    ("diff-jsonl", "diff web -o jsonl"),
    ("diff-json-clean", "diff clean --format=json"),
    ("diff-rescan", "diff clean --rescan"),
    ("docker", "diff web --docker"),
    ("docker-exit-code", "diff web --docker --exit-code"),
    ("docker-clean", "diff clean --docker --exit-code"),
    ("docker-nosuch", "diff nosuch --docker"),
    ("docker-path", "diff web /etc --docker"),
    ("nosuch", "diff nosuch"),
    ("ambiguous", "diff 3"),
    ("forbidden", "show forbidden /x"),
    ("show", "show web /etc/passwd"),
    ("show-link", "show web /l"),
    ("show-none", "show web /none"),
    ("show-too-early", "show web /early"),
    ("show-package", "show web /usr/bin/openssl"),
    ("show-package-config", "show web /etc/ssl.cnf"),
    ("show-package-none", "show web /srv/x"),
    ("sbom", "sbom web"),
    ("sbom-image", "sbom web --image --format spdx"),
    ("sbom-format", "sbom web --format table"),
    ("sbom-tree", "sbom tree"),
    ("sbom-output", "sbom web --output /nowhere/at/all"),
    ("show-jsonl", "show web /none -o jsonl"),
    ("log", "log"),
    ("log-all", "log --all"),
    ("log-heartbeats", "log --type heartbeat"),
    ("log-jsonl", "log --format jsonl"),
    ("log-json", "log --format json"),
    ("log-follow-ends", "log -f web"),
    ("log-type", "log --type nonsense"),
    ("log-since", "log --since soon"),
    ("accept", "accept web --drift %s --reason hotfix" % ID),
    ("accept-moved", "accept web --drift %s --reason hotfix" % ("ee" * 32)),
    ("accept-no-drift", "accept web --reason x"),
    ("accept-no-reason", "accept web --drift %s --reason=" % ID),
    ("accept-short", "accept web --drift abcd --reason x"),
    ("accept-expires", "accept web --drift %s --reason x --expires never" % ID),
    ("hold", "hold"),
    ("hold-json", "hold list -o jsonl"),
    ("hold-open", ["hold", "open", "web", "--reason", "ticket 4711", "--for", "2h"]),
    ("hold-open-taken", "hold open taken --reason x"),
    ("hold-open-no-reason", "hold open web"),
    ("hold-open-nothing", "hold open --reason x"),
    ("hold-open-both", "hold open web --all --reason x"),
    ("hold-close", "hold close web"),
    ("hold-close-json", "hold close web -o json"),
    ("hold-close-rule", "hold close nightly"),
    ("hold-close-nosuch", "hold close nosuch"),
    ("hold-close-nothing", "hold close"),
    ("hold-nonsense", "hold on"),
    ("rescan", "rescan web"),
    ("rescan-json", "rescan web -o jsonl"),
    ("rescan-failing", "rescan failing"),
    ("rescan-torn", "rescan torn"),
    ("verify", "verify"),
    ("verify-target", "verify web"),
    ("verify-bad", "verify bad"),
    ("verify-unproved", "verify unread"),
    ("verify-two", "verify web --all"),
    ("verify-from", ["verify", "journal", "--from", STORED + "whole"]),
    ("verify-from-json", ["verify", "journal", "--from", STORED + "whole", "-o", "json"]),
    ("verify-from-host", ["verify", "journal", "--from", STORED + "whole", "--host", "web1",
                          "--until-seq", "9"]),
    ("verify-from-no-host", ["verify", "journal", "--from", STORED + "whole", "--host", "\x1b"]),
    ("verify-from-holes", ["verify", "journal", "--from", STORED + "holes"]),
    ("verify-from-part", ["verify", "journal", "--from", STORED + "holes", "--since-seq", "7"]),
    ("verify-from-allowed", ["verify", "journal", "--from", STORED + "holes", "--allow-holes"]),
    ("verify-from-forged", ["verify", "journal", "--from", STORED + "forged"]),
    ("verify-from-torn", ["verify", "journal", "--from", STORED + "torn", "-o", "jsonl"]),
    ("verify-from-escaped", ["verify", "journal", "--from", STORED + "escaped"]),
    ("verify-from-nothing", "verify journal --from -"),
    ("verify-from-dir", "verify journal --from /"),
    ("verify-from-nowhere", "verify journal --from /nonexistent/file"),
    ("verify-from-target", "verify web --from -"),
    ("verify-from-seq", "verify journal --from - --since-seq 0"),
    ("verify-from-seqs", "verify journal --from - --since-seq 9 --until-seq 8"),
    ("verify-host", "verify journal --host web1"),
    ("baseline-list", "baseline list"),
    ("baseline-show", "baseline show web 2"),
    ("baseline-show-less", "baseline show web"),
    ("baseline-show-paths", "baseline show web 3"),
    ("baseline-export", "baseline export web --output -"),
    ("baseline-export-generation", "baseline export web --generation 1 --output -"),
    ("baseline-export-broken", "baseline export clean"),
    ("baseline-export-less", "baseline export"),
    ("baseline-inspect", "baseline inspect tests/fuzz/corpus/golden/whole"),
    ("baseline-inspect-json", "baseline inspect tests/fuzz/corpus/golden/whole -o json"),
    ("baseline-inspect-other", "baseline inspect tests/gold/cli/expect/version"),
    ("baseline-inspect-less", "baseline inspect"),
    ("baseline-build-less", "baseline build"),
    ("baseline-build-nowhere", "baseline build /nonexistent/file --output -"),
    ("baseline-build-other", "baseline build tests/fuzz/corpus/tar/middle --output -"),
    ("baseline-golden", "baseline list --golden"),
    ("baseline-golden-json", "baseline list --golden -o json"),
    ("baseline-import", ["baseline", "import", STORED + "torn", "--replace"]),
    ("baseline-import-other", ["baseline", "import", STORED + "torn"]),
    ("baseline-import-refused", ["baseline", "import", "tests/gold/cli/expect/version"]),
    ("baseline-import-nowhere", "baseline import /nonexistent/file"),
    ("baseline-import-dir", "baseline import /"),
    ("baseline-import-less", "baseline import"),
    ("baseline-remove", "baseline remove 1a1a"),
    ("baseline-remove-name", "baseline remove bb:2"),
    ("baseline-remove-many", "baseline remove 1"),
    ("baseline-remove-nosuch", "baseline remove ffff"),
    ("baseline-nonsense", "baseline drop web"),
    ("status", "status"),
    ("status-long", "status -l"),
    ("doctor", "doctor"),
    ("doctor-all", "doctor --all"),
    ("doctor-exit-code", "doctor --exit-code -o jsonl"),
    ("doctor-bundle-there", "doctor --bundle README.md"),
    ("rules-check", "rules check /nonexistent/rules.d"),
    ("rules-nonsense", "rules drop"),
    ("rules-explain", "rules explain web /etc/passwd"),
    ("rules-explain-less", "rules explain web"),
    ("report", "report web --html x.html"),
    ("help", "help"),
    ("help-diff", "diff --help"),
    ("version", "--version"),
    ("version-word", "version"),
    ("no-words", ""),
    ("typo", "dif web"),
    ("typo-far", "frobnicate"),
    ("typo-help", "help stauts"),
    ("typo-option", "diff web --aginst image"),
    ("unknown-option", "diff web --zzz"),
    ("unknown-letter", "diff -lz web"),
    ("early-option", "-l diff web"),
    ("empty-word", ["diff", ""]),
    ("empty-socket", ["--socket=", "ps"]),
    ("no-value", "diff web --against"),
    ("flag-with-value", "ps --all=yes"),
    ("too-few", "show web"),
    ("too-many", "ps web"),
    ("format", "ps --format xml"),
    ("hostile-word", b"\x1b[2J\xff"),
    ("completion-nonsense", "completion tcsh"),
    ("complete-command", "__complete d"),
    ("complete-option", "__complete diff web --a"),
    ("complete-value", "__complete log --severity "),
    ("complete-target", "__complete diff "),
    ("complete-second", "__complete diff web "),
    ("complete-sbom", "__complete sbom web --format "),
    ("complete-verify", "__complete verify "),
    ("complete-verify-entry", "__complete verify entry "),
    ("complete-verb-option", "__complete baseline sign --"),
    ("complete-verb-file", "__complete baseline build "),
    ("key-list-option", "key list --passphrase-file x"),
    ("key-list-nowhere", "key list --dir /nonexistent"),
    ("key-show-option", "key show alice --roles accept"),
    ("key-new-host", "key new host --no-passphrase"),
    ("key-new-name", "key new ../x --no-passphrase"),
    ("key-new-taken", "key new x --no-passphrase --out README.md"),
    ("key-new-nowhere", "key new x --no-passphrase --out /nonexistent/x"),
    ("key-new-nobody", "key new x"),
    ("key-new-endless", "key new x --passphrase-file /dev/zero"),
    ("key-rotate-host", "key rotate host --dir /usr/share --no-passphrase"),
    ("key-revoke-nobody", "key revoke nobody --dir /usr/share --reason x"),
    ("baseline-show-option", "baseline show web 2 --key x"),
    ("baseline-golden-target", "baseline list --golden web"),
    ("baseline-many-words", "baseline inspect a b"),
    ("baseline-build-device", "baseline build /dev/zero --output -"),
    ("baseline-build-unnamed", "baseline build tests --output="),
    ("baseline-verify-unnamed", "baseline verify LICENSE --key="),
    ("baseline-verify-other", "baseline verify LICENSE --key tests/fuzz/corpus/trust"),
    ("baseline-verify-stdin", ["baseline", "verify", "-", "--key", STORED + "other.pub"]),
    ("baseline-verify-unsigned", ["baseline", "verify", "tests/fuzz/corpus/golden/whole", "--key",
                                  STORED + "other.pub"]),
    ("baseline-verify-no-baseline", ["baseline", "verify", "LICENSE", "--key", STORED + "other.pub"]),
    ("baseline-sign-public", ["baseline", "sign", "LICENSE", "--key", STORED + "other.pub"]),
    ("verify-entry-other", ["verify", "entry", "LICENSE", "--key", STORED + "other.pub"]),
    ("verify-entry-option", "verify entry LICENSE --host x"),
    ("verify-from-checkpoint", ["verify", "journal", "--from", STORED + "whole", "--checkpoint", "foo",
                                "--key", STORED + "other.pub"]),
    ("verify-from-checkpoint-no-key", ["verify", "journal", "--from", STORED + "whole", "--checkpoint",
                                       "1:" + "a" * 64]),
    ("verify-from-device", "verify journal --from /dev/zero"),
    ("hold-list-option", "hold list --all"),
    ("hold-nothing-option", "hold --all"),
    ("rules-explain-option", "rules explain web /x --strict"),
    ("log-prove-since", "log --prove 3 --since 2h"),
    ("accept-passphrase", "accept web --drift %s --reason x --passphrase-file y" % ID),
]

results = []


def check(name, good, why=""):
    results.append(bool(good))
    print("%sok %d - %s" % ("" if good else "not ", len(results), name))
    if not good:
        print("\n".join("# " + line for line in str(why).split("\n")))


def environment(sock, **more):
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", "TERM": "xterm",
           "BOLTSEAL_SOCKET": sock}
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    env.update(more)
    return env


def run(sock, words, **env):
    if isinstance(words, (str, bytes)):
        words = words.split(" " if isinstance(words, str) else b" ") if words else []
    p = subprocess.run([BIN] + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=environment(sock, **env), cwd=ROOT, timeout=60)
    return p.returncode, p.stdout, p.stderr


def shown(code, out, err):
    return out + b"--- stderr\n" + err + b"--- exit %d\n" % code


def gold(sock, name, words):
    answer = run(sock, words)
    got = shown(*answer)
    path = os.path.join(EXPECT, name)
    if UPDATE:
        with open(path, "wb") as f:
            f.write(got)
    try:
        with open(path, "rb") as f:
            want = f.read()
    except FileNotFoundError:
        want = b"(there is no %s)\n" % path.encode()
    check(name, got == want, "want:\n%s\ngot:\n%s" % (want.decode("utf-8", "backslashreplace"),
                                                     got.decode("utf-8", "backslashreplace")))
    return answer


CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]")


def golds(sock):
    answers = [gold(sock, name, words) for name, words in CASES]
    for (name, words), (code, out, err) in zip(CASES, answers):
        lines = err.decode("utf-8", "backslashreplace").split("\n")[:-1]
        if code == 2 and not (len(lines) >= 1 and lines[-1].startswith("boltseal: ")):
            check("one line on stderr: " + name, False, lines)
        # Patches, and JSON that programs read, are bytes; all else is safe even in a pipe.
        data = b"" if name == "diff-patch" or "json" in str(words) else out
        if CONTROL.search(data + err):
            check("no control bytes: " + name, False, (out, err))
    check("errors are one line, and nothing steers a terminal", True)


def asked(server, sock, words):
    del server.heard[:]
    run(sock, words)
    return server.heard


def requests(server, sock):
    h = asked(server, sock, ["diff", "web", "/etc/", b"/x\xff", "--against", "gen:3"])[0]
    check("diff asks for its paths and against",
          [v for k, v in h["query"] if k == "path"] == ["/etc", "/x\udcff"] and
          ("against", "gen:3") in h["query"], h)
    many = ["/p%d" % i for i in range(100)]
    h = asked(server, sock, ["diff", "web"] + many)
    check("a hundred paths take several asks",
          len(h) == 4 and [v for r in h for k, v in r["query"] if k == "path"] == many, h)
    long = ["/" + "p" * 3000 + str(i) for i in range(3)]
    h = asked(server, sock, ["diff", "web"] + long)
    check("and so do a few long ones",
          len(h) == 2 and [v for r in h for k, v in r["query"] if k == "path"] == long, h)
    h = asked(server, sock, ["accept", "web", "/etc/a/", b"/x\xff", "--drift", ID, "--reason",
                             "why \"so\"", "--expires", "30d"])[0]
    b = json.loads(h["body"])
    check("accept sends paths, reason, expiry and the drift",
          h["if_match"] == '"%s"' % ID and b["paths"] == ["/etc/a"] and
          b["paths_b64"] == ["L3j/"] and b["reason"] == 'why "so"' and
          2590000 < (time.mktime(time.strptime(b["expires"][:19], "%Y-%m-%dT%H:%M:%S")) -
                     time.mktime(time.gmtime())) < 2594000, h)
    h = asked(server, sock, ["hold", "open", "--all", "--for", "90m", "--path", "/etc/**", "--name", "n",
                             "--reason", "why \"so\""])[0]
    check("hold open sends what it was told", h["path"] == "/v1/holds" and json.loads(h["body"]) == {
        "all": True, "for": "90m", "path": "/etc/**", "name": "n", "reason": 'why "so"'}, h)
    h = asked(server, sock, ["hold", "open", "web", "--reason", "x"])[0]
    check("and no more", json.loads(h["body"]) == {"target": "web", "reason": "x"}, h)
    h = asked(server, sock, ["hold", "close", "a/b c", "--reason", "done"])[0]
    check("hold close sends the name as one segment and the reason",
          h["path"] == "/v1/holds/a%2Fb%20c/close" and h["body"] == '{"reason":"done"}', h)
    h = asked(server, sock, ["log", "web", "--since", "17", "--until", "2026-11-24", "--path",
                             "/etc/**", "--severity", "high", "--type", "change", "-f"])[0]
    check("log asks for what it was told", dict(h["query"]) == {
        "target": "web", "since": "17", "until": "2026-11-24T00:00:00.000000000Z",
        "path": "/etc/**", "severity": "high", "type": "change", "follow": "1"}, h)
    h = asked(server, sock, ["verify", "journal"])[0]
    check("verify journal", h["path"] == "/v1/verify" and h["body"] == '{"what":"journal"}', h)
    h = asked(server, sock, ["verify", "layer"])[-1]
    check("verify layer", h["body"] == '{"what":"layers"}', h)
    h = asked(server, sock, ["rescan", "web", "/etc/"])[0]
    check("rescan sends its path", h["body"] == '{"path":"/etc"}', h)
    h = asked(server, sock, ["diff", "../x y", "--format", "jsonl"])[0]
    check("a target's name is one segment", h["path"] == "/v1/targets/..%2Fx%20y/drift", h)


def options(sock):
    other = {"BOLTSEAL_SOCKET": "/nonexistent"}
    for words in (["--socket", sock, "ps"], ["ps", "--socket=" + sock]):
        code, out, err = run(sock, words, **other)
        check("--socket goes before BOLTSEAL_SOCKET: " + words[0], code == 0 and out, err)
    code, out, err = run(sock, ["ps"], **other)
    code, out, err = run(sock, ["--socket", BIN, "ps"])
    check("no socket there", (code, out) == (2, b"") and b": it is not a socket: give another with "
          b"--socket or BOLTSEAL_SOCKET\n" in err, err)
    code, out, err = run(sock, ["ps"], **other)
    check("nobody there", (code, out) == (2, b"") and err == (
        b"boltseal: cannot reach boltseald at /nonexistent: No such file or directory: is it "
        b"running? `systemctl start boltseald` starts it\n"), err)
    one, two = run(sock, ["log", "--format", "jsonl"])[1], [
        json.dumps(e, separators=(",", ":")) for e in fake.EVENTS]
    check("events are printed as they came", one.decode().split("\n")[:-1] == two, one)
    for shell, tool in (("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])):
        code, out, _ = run(sock, ["completion", shell])
        if not shutil.which(shell):
            print("ok %d - completion %s is %s # SKIP %s is not installed" %
                  (len(results) + 1, shell, shell, shell))
            results.append(True)
            continue
        p = subprocess.run(tool + ["/dev/stdin"], input=out, stderr=subprocess.PIPE)
        check("completion %s is %s" % (shell, shell), code == 0 and p.returncode == 0, p.stderr)
    with open("/dev/full", "wb") as full:
        p = subprocess.run([BIN, "ps"], stdout=full, stderr=subprocess.PIPE, env=environment(sock))
    check("a full disk is an error", p.returncode == 2 and b"cannot write the answer: No space" in
          p.stderr, (p.returncode, p.stderr))


def bash_completion(sock):
    """What a person at bash sees, names of hostile containers among what the daemon lists."""
    bindir = os.path.dirname(sock)
    os.symlink(BIN, os.path.join(bindir, "boltseal"))
    script = ("source <(boltseal completion bash); COMP_WORDS=(boltseal diff ''); COMP_CWORD=2; "
              "_boltseal; printf '<%s>' \"${COMPREPLY[@]}\"")
    env = environment(sock, PATH=bindir + ":" + os.environ["PATH"])
    p = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
    check("bash completes targets, and leaves hostile names out", p.stdout == b"<web><old>",
          (p.stdout, p.stderr))
    p = subprocess.run(["bash", "-c", script.replace("diff ''", "verify ''")], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, env=env)
    check("and what verify proves", p.stdout == b"<layer><journal><entry><web><old>", (p.stdout, p.stderr))
    if not shutil.which("fish"):
        print("ok %d - fish completes words, and files # SKIP fish is not installed" % (len(results) + 1))
        results.append(True)
        return
    for line, want in (("sbom web --format ", b"cyclonedx\nspdx\n"), ("verify entry LIC", b"LICENSE\n")):
        p = subprocess.run(["fish", "-c", "boltseal completion fish | source; complete -C 'boltseal %s'" % line],
                           cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           env=dict(env, HOME=bindir))
        check("fish completes words, and files: " + line, p.stdout == want, (p.stdout, p.stderr))


def terminal(sock):
    try:
        import pexpect
    except ImportError:
        print("ok %d - a terminal # SKIP python3-pexpect is not installed" % (len(results) + 1))
        results.append(True)
        return

    def at(words, **env):
        child = pexpect.spawn(BIN, words, env=environment(sock, **env), timeout=20)
        text = child.read()
        child.close()
        return child.exitstatus, text.replace(b"\r\n", b"\n")

    code, text = at(["diff", "web"])
    check("colours on a terminal", code == 1 and b"\x1b[33mC\x1b[0m /etc/passwd" in text, text)
    sgr = re.compile(rb"\x1b\[[0-9;]*m")
    for words in (["diff", "web"], ["diff", "-l", "web"], ["diff", "-p", "web"], ["ps"], ["log"],
                  ["show", "web", "/l"], ["status"], ["verify", "bad"], ["baseline", "list"],
                  ["ps", "-o", "json"], ["log", "-o", "jsonl"], ["diff", "web", "-o", "jsonl"]):
        code, text = at(words)
        rest = sgr.sub(b"", text)
        check("nothing steers the terminal: " + " ".join(words),
              len(rest) > 40 and not CONTROL.search(rest.replace(b"\r\x1b[K", b"")), text)
    for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        code, text = at(["ps"], **env)
        check("no colours with %s" % env, b"\x1b" not in text and b"web" in text, text)
    check("an empty NO_COLOR is none", b"\x1b[" in at(["ps"], NO_COLOR="")[1])
    check("--no-color", b"\x1b" not in at(["ps", "--no-color"])[1])
    text = at(["ps"], LC_ALL="C")[1]
    check("a terminal without UTF-8 gets ASCII", all(b < 0x80 for b in text) and
          b"gr\\303\\266\\303\\237e" in text, text)
    code, text = at(["rescan", "web"])
    check("a bar on a terminal", code == 0 and b"] " in text and b" of 1000" in text and
          text.endswith(b"\r\x1b[K4 added, 3 changed, 1 deleted\ndrift " + ID.encode() + b"\n")
          or re.search(rb"\r\x1b\[K\d+ added, \d+ changed, \d+ deleted\n", text), text)
    same = [json.loads(line) for line in at(["log", "-o", "jsonl"])[1].decode().split("\n")[:-1]]
    check("JSON made safe is the same JSON", same == fake.EVENTS, same)


def lines_of(err):
    return err.decode("utf-8", "backslashreplace").split("\n")[:-1]


def offline(sock):
    """Keys and baseline files in a directory that has oddities of all kinds."""
    room = tempfile.mkdtemp(prefix="boltseal-cli-", dir=IN_MEMORY)
    keys = room + "/keys"

    def do(*words, **more):
        p = subprocess.run([BIN] + list(words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=environment(sock), cwd=room, timeout=20, **more)
        return p.returncode, p.stdout, p.stderr

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    try:
        os.mkdir(keys, 0o755)
        os.mkdir(room + "/tree")
        with open(room + "/tree/f", "w") as f:
            f.write("x")
        code, out, _ = do("key", "new", "alice", "--no-passphrase", "--roles", "baseline", "-o", "json")
        check("key new answers in JSON", code == 0 and json.loads(out)["public"] == "alice.pub", out)
        shutil.copy(room + "/alice.pub", keys)
        code, out, _ = do(b"baseline", b"build", b"tree", b"--output", b"b\xff", b"-o", b"json")
        check("a name that is no UTF-8 is told whole", code == 0 and
              json.loads(out)["file_b64"] == "Yv8=", out)
        os.rename(os.fsencode(room) + b"/b\xff", room + "/b")
        do("baseline", "sign", "b", "--key", "alice.key")
        for name, text in (("garbage", "nothing"), ("empty", "")):
            with open("%s/%s.pub" % (keys, name), "w") as f:
                f.write(text)
        os.mkdir(keys + "/dir.pub")
        os.mkfifo(keys + "/fifo.pub")
        os.symlink("/dev/zero", keys + "/endless.pub")
        os.symlink("/nonexistent", keys + "/nowhere.pub")
        code, out, err = do("baseline", "verify", "b", "--key", "keys")
        check("odd files beside keys are told and left out", code == 0 and b"alice" in out and
              len(lines_of(err)) == 6 and all(
                  line.startswith("boltseal: left out: keys/") for line in lines_of(err)), err)
        code, out, err = do("baseline", "verify", "b")
        check("without keys it is said how to name one", code == 2 and b"--key PUB" in err or
              os.path.exists("/etc/boltseal/keys"), err)
        with open(room + "/b", "rb") as f:
            whole = f.read()
        with open(room + "/cut", "wb") as f:
            f.write(whole[:60])
        check("a baseline file that was cut off is a mismatch",
              do("baseline", "verify", "cut", "--key", "alice.pub")[0] == 1)
        with open(room + "/proof", "w") as f:
            f.write('{"checkpoint":{')
        check("so is a proof that was cut off", do("verify", "entry", "proof", "--key", "alice.pub")[0] == 1)
        code, out, err = do("key", "rotate", "alice", "--dir", "keys", "--no-passphrase", "--out", "2.key")
        check("key rotate names the key's own file", code == 0 and b"public:  keys/alice.pub\n" in out and
              b".next" not in out and not [x for x in os.listdir(keys) if x[0] == "."], out + err)
        check("the next one may do what the old one might", json.loads(
            do("key", "show", "alice", "--dir", "keys", "-o", "jsonl")[1])["roles"] == ["baseline"])
        check("what the old one signed stays good", do("baseline", "verify", "b", "--key", "keys")[0] == 0)
        before = sorted(os.listdir(room)) + sorted(os.listdir(keys))
        for words in ("key new bob --no-passphrase", "baseline build tree --output c",
                      "baseline sign b --key 2.key", "key revoke alice --reason x --dir keys",
                      "key rotate alice --dir keys --no-passphrase --out 3.key"):
            code, out, err = do(*words.split(), preexec_fn=limited)
            check("no room for files: " + words, code == 2 and len(lines_of(err)) == 1 and
                  err.endswith(b": File too large\n") and
                  before == sorted(os.listdir(room)) + sorted(os.listdir(keys)), err)
        os.mkdir(room + "/new.pub")
        code, out, err = do("key", "new", "new", "--no-passphrase")
        check("no private half stays without its public one", code == 2 and
              not os.path.exists(room + "/new.key"), err)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for piece in b"correct\n":  # a packet each, so that no read has more than one
            ours.send(bytes([piece]))
        ours.close()
        p = subprocess.run(["bash", "-c", "%s key new slow --passphrase-file -; echo correct >p; "
                            "echo cost >w; chmod 600 p w; ! %s baseline sign b --key slow.key --passphrase-file w && "
                            "%s baseline sign b --key slow.key --passphrase-file p"
                            % (BIN, BIN, BIN)], cwd=room, stdin=theirs,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(sock))
        theirs.close()
        check("a passphrase that comes in pieces", p.returncode == 0, p.stderr)
    finally:
        shutil.rmtree(room)


def asked_for(sock):
    """A passphrase at a terminal: never shown, twice the same, and a terminal that shows again what is typed."""
    try:
        import pexpect
    except ImportError:
        print("ok %d - a passphrase at a terminal # SKIP python3-pexpect is not installed" % (len(results) + 1))
        results.append(True)
        return
    room = tempfile.mkdtemp(prefix="boltseal-cli-", dir=IN_MEMORY)

    def at(words, *lines):
        child = pexpect.spawn(BIN, words.split(), env=environment(sock), cwd=room, timeout=20)
        child.delaybeforesend = child.delayafterread = None
        for line in lines:
            child.expect("(for|of) [a-z.]+: ")
            child.waitnoecho(10)
            child.sendintr() if line is None else child.sendline(line)
        text = (child.before or b"") + (child.after or b"") + child.read()
        shows = child.getecho()
        child.close()
        return child.exitstatus, child.signalstatus, text, shows

    try:
        os.mkdir(room + "/tree")
        run_in = at("key new alice", "horse", "house")
        check("two passphrases that differ make no key", run_in[0] == 2 and b"not the same" in run_in[2] and
              not os.listdir(room + "/tree") and os.listdir(room) == ["tree"], run_in)
        run_in = at("key new alice", None)
        check("who gives up gets the terminal back as it was", run_in[1] == 2 and run_in[3] and
              os.listdir(room) == ["tree"], run_in)
        run_in = at("key new alice", "horse", "horse")
        check("a passphrase is asked for twice, and not shown", run_in[0] == 0 and b"horse" not in run_in[2],
              run_in)
        at("baseline build tree --output b")
        check("a wrong one signs nothing", b"wrong passphrase" in at("baseline sign b --key alice.key", "x")[2])
        check("the right one does", at("baseline sign b --key alice.key", "horse")[0] == 0)
    finally:
        shutil.rmtree(room)


def token(sock):
    """A key that lies in no file, behind a provider of OpenSSL."""
    name = "a key of a token signs"
    if not shutil.which("cc") or not shutil.which("openssl"):
        print("ok %d - %s # SKIP needs cc and openssl" % (len(results) + 1, name))
        results.append(True)
        return
    room = tempfile.mkdtemp(prefix="boltseal-cli-")
    conf = ("openssl_conf = a\n[a]\nproviders = p\n[p]\ndefault = d\ntoken = t\n[d]\nactivate = 1\n[t]\n"
            "module = %s/token.so\nkey = %s/der\npin = 1234\nactivate = 1\n" % (room, room))

    def do(words, **env):
        p = subprocess.run([BIN] + words.split(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, env=environment(sock, **env), cwd=room, timeout=20)
        return p.returncode, p.stdout + p.stderr

    def sign(uri, pin, **env):
        return do("baseline sign b --key %s%s" % (uri, pin and " --passphrase-file " + pin), **env)

    try:
        with open(room + "/conf", "w") as f:
            f.write(conf)
        for pin in ("1234", "4321"):
            with open(os.open(room + "/" + pin, os.O_CREAT | os.O_WRONLY, 0o600), "w") as f:
                f.write(pin + "\n")
        os.mkdir(room + "/tree")
        do("key new alice --no-passphrase")
        do("baseline build tree --output b")
        subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", "alice.key", "-outform", "DER",
                        "-out", "der"], cwd=room, check=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", room + "/token.so", HERE + "/token.c", "-lcrypto"],
                       check=True)
        os.unlink(room + "/alice.key")
        with_it = {"OPENSSL_CONF": room + "/conf"}
        code, said = sign("pkcs11:token=test", "1234")
        check("without a provider that is said", code == 2 and b"no provider for scheme pkcs11" in said, said)
        code, said = sign("pkcs11:token=test", "4321", **with_it)
        check("a wrong PIN signs nothing", code == 2 and b"the PIN was not taken" in said, said)
        code, said = sign("pkcs11:token=test", "", **with_it)
        check("a PIN is asked for", code == 2 and b"--passphrase-file" in said, said)
        code, said = sign("pkcs11:token=other", "1234", **with_it)
        check("where there is no key that is said", code == 2 and b"no private key is there" in said, said)
        code, said = sign("file:" + room + "/der", "1234", **with_it)
        check("a file is no URI", code == 2 and b"without file:" in said, said)
        code, said = sign("pkcs11:token=test", "1234", **with_it)
        check(name, code == 0, said)
        code, said = do("baseline verify b --key alice.pub")
        check("and its signature is good", code == 0 and b"alice" in said, said)
    finally:
        shutil.rmtree(room)


def unix_rights(sock):
    """Only the kernel says EACCES, and it never says it to root."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        print("ok %d - no right to the socket # SKIP needs root and setpriv" % (len(results) + 1))
        results.append(True)
        return
    room = tempfile.mkdtemp(prefix="boltseal-cli-")
    try:
        # The binary is copied to where that user may read it.
        os.chmod(room, 0o755)
        shutil.copy(BIN, room + "/boltseal")
        s = socket.socket(socket.AF_UNIX)
        s.bind(room + "/s")
        s.listen(1)
        os.chmod(room + "/s", stat.S_IRUSR | stat.S_IWUSR)
        p = subprocess.run(["setpriv", "--reuid", "65534", "--clear-groups", room + "/boltseal",
                            "--socket", room + "/s", "ps"], stderr=subprocess.PIPE,
                           env=environment(sock))
        check("no right to the socket", p.returncode == 2 and p.stderr == (
            "boltseal: cannot reach boltseald at %s/s: Permission denied: join the group boltseal "
            "(usermod -aG boltseal USER, then log in again)\n" % room).encode(), p.stderr)
        s.close()
    finally:
        shutil.rmtree(room)


def man(sock):
    """Every command and option is in the man page, and the man page has no others."""
    with open(os.path.join(ROOT, "cli", "boltseal.1.scd")) as f:
        text = f.read()
    listed = run(sock, "help")[1].decode().split("Commands ")[1].split("Options for")[0]
    words = re.findall(r"^  (\w+) ", listed, re.M)
    sections = dict(re.findall(r"^## (\w+)([^\n]*\n.*?)(?=^##? )", text, re.M | re.S))
    check("man: every command and no other", sorted(words) == sorted(sections),
          (sorted(words), sorted(sections)))
    option = re.compile(r"^  (?:(-\w), )?(--[\w-]+)(?: (\S+))?  ", re.M)
    glob = run(sock, "help")[1].decode().split("Options for every command:")[1]
    pages = {"": (glob, text.split("# COMMANDS")[0])}
    for word in words:
        own = run(sock, [word, "--help"])[1].decode().split("Options for every command:")[0]
        pages[word] = (own, sections.get(word, ""))
    for word, (own, page) in pages.items():
        want = {(a, b, c) for a, b, c in option.findall(own)}
        have = {(a, b, c) for a, b, c in re.findall(
            r"^(?:\*(-\w)\*, )?\*(--[\w-]+)\*(?: _([\w:]+)_)?$", page, re.M)}
        check("man: the options of %s" % (word or "every command"), want == have, (want, have))
    pages = [os.path.join(ROOT, *name) for name in (("cli", "boltseal.1.scd"), (
        "daemon", "boltseald.8.scd"), ("conf", "boltseal.yaml.5.scd"), ("conf", "boltseal.rules.5.scd"))]
    marked = [line for page in pages for line in open(page) if re.match(r"#+ .*[_*]", line)]
    check("man: headings have no markup, which scdoc would print", not marked, marked)
    if shutil.which("scdoc"):
        p = subprocess.run(["scdoc"], input=text.encode(), stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
        check("man: scdoc takes it", p.returncode == 0, p.stderr)


def speed(sock):
    """Best of many: two hundred changes, start to end. Generous, for busy machines and sanitizers."""
    best = 99.0
    for _ in range(15):
        start = time.perf_counter()
        run(sock, ["diff", "many"])
        best = min(best, time.perf_counter() - start)
    print("# diff of 200 changes: %.1f ms, the fake daemon's share included" % (best * 1000))
    check("diff of 200 changes is quick", best < 0.25, best)
    p = subprocess.run(["ldd", BIN], stdout=subprocess.PIPE)
    heavy = [x for x in (b"libcrypto", b"libcurl", b"libssl") if x in p.stdout]
    check("the command line needs no heavy libraries", not heavy, heavy)


def main():
    room = tempfile.mkdtemp(prefix="boltseal-cli-")
    sock = room + "/s"
    server = fake.Server(sock)
    try:
        golds(sock)
        requests(server, sock)
        options(sock)
        bash_completion(sock)
        terminal(sock)
        offline(sock)
        asked_for(sock)
        token(sock)
        unix_rights(sock)
        man(sock)
        speed(sock)
    finally:
        server.close()
        shutil.rmtree(room)
    print("1..%d" % len(results))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
