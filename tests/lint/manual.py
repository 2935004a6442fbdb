#!/usr/bin/env python3
"""The manual says what the programs take, and nothing else. TAP.
    tests/lint/manual.py build      # what is built, the pages too (make all man)
The truth is what the programs' tables print (boltseal's help and completion, boltseald's getopt
table) and, for signals, what the daemon's loops wait for. boltseal.yaml(5) has a unit test."""
import re, shutil, subprocess, sys

build = sys.argv[1]
count = failed = 0


def check(name, errors):
    global count, failed
    count += 1
    print("%sok %d - %s" % ("not " if errors else "", count, name))
    for line in errors:
        print("#", line)
    failed |= bool(errors)


def said(program, *args):
    return subprocess.run([f"{build}/{program}", *args], capture_output=True, text=True).stdout


def compare(what, page, table):
    """Both are sets, or dicts of what must be equal."""
    errors = [f"{what}: {x} is only in the page" for x in sorted(set(page) - set(table))]
    errors += [f"{what}: {x} is missing in the page" for x in sorted(set(table) - set(page))]
    if isinstance(page, dict):
        errors += [f"{what}: the page says {page[x]!r}, the table {table[x]!r}"
                   for x in sorted(set(page) & set(table)) if page[x] != table[x]]
    return errors


def plain(text):
    """scdoc without its marks."""
    return re.sub(r"\\(.)|[*_]", lambda m: m.group(1) or "", text)


def sections(text, mark):
    parts = re.split(rf"^{mark} (.+)$", text, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def page_options(text):
    """{"--long": "-l, --long ARG"} of the paragraphs that begin with an option."""
    lines = [plain(l) for l in re.findall(r"^(\*-.*)$", text, re.M)]
    return {re.search(r"--[\w-]+", l).group(): l for l in lines}


def help_options(text):
    lines = [re.match(r" {2,}((?:-\w, )?--[\w-]+(?: \S+)?)(?:  +|$)", l) for l in text.splitlines()]
    return {re.search(r"--[\w-]+", m.group(1)).group(): m.group(1) for m in lines if m}


def statuses(page):
    return set(re.findall(r"^\*(\d+)\*$", page, re.M))


def words(text):
    return {line.split("\t")[0] for line in text.splitlines()}


# ---- boltseal(1) --------------------------------------------------------------------------------
page = sections(open("cli/boltseal.1.scd").read(), "#")
summary = said("boltseal", "help")
listed = set(re.findall(r"^  (\w+) ", summary.split("Commands")[1].split("Options")[0], re.M))
offered = words(said("boltseal", "__complete", ""))
help_of = {word: said("boltseal", "help", word) for word in listed}
described = {plain(title): text for title, text in sections(page["COMMANDS"], "##").items()}
usage = {word: re.match(r"boltseal (.*?) - ", text).group(1) for word, text in help_of.items()}
every = help_options(summary.split("Options for every command:")[1])

check("boltseal help lists something", [] if len(listed) > 8 and len(every) > 3 else [summary])
check("boltseal(1) has a section per command, with its words",
      compare("command", {t.split()[0]: t for t in described}, usage))
errors = compare("OPTIONS", page_options(page["OPTIONS"]), every)
for title, text in described.items():
    own = help_of.get(title.split()[0], "").split("Options for every command:")[0]
    errors += compare(title.split()[0], page_options(text), help_options(own))
check("boltseal(1) has every option, and no other", errors)
check("boltseal(1) has every exit status, and no other",
      compare("EXIT STATUS", statuses(page["EXIT STATUS"]),
              set(re.findall(r"\b(\d) ", summary.split("Exit status:")[1]))))
errors = compare("the list", offered, listed)
for word, text in help_of.items():
    errors += compare(word, words(said("boltseal", "__complete", word, "--")), set(help_options(text)))
check("completion offers every command and option, and no other", errors)

# ---- boltseald(8) -------------------------------------------------------------------------------
page = sections(open("daemon/boltseald.8.scd").read(), "#")
usage = said("boltseald", "--help")
source = open("daemon/args.c").read()
taken = {"--" + name for name in re.findall(r'^\t\{"([\w-]+)", \w+_argument,', source, re.M)}
letters = set(re.findall(r'getopt_long\(argc, argv, ":(\w+)"', source)[0])
text = "\n".join(plain(l) for l in re.findall(r"^(\*-.*)$", page["OPTIONS"], re.M))
check("boltseald(8) has every option, and no other",
      ([] if len(taken) > 4 else ["no options were found in daemon/args.c"]) +
      compare("OPTIONS", set(re.findall(r"--[\w-]+", text)), taken) +
      compare("OPTIONS", set(re.findall(r"(?<![\w-])-(\w)\b", text)), letters))
check("boltseald --help has every option, and no other",
      compare("--help", set(help_options(usage)), taken))
loops = ["daemon/both.c", "daemon/sensor/sensor_build.c", "daemon/gateway/gateway.c"]
waited = [set(re.findall(r"sigaddset\(&set, (SIG\w+)\)", open(f).read())) - {"SIGCHLD"} for f in loops]
check("both roles and their supervisor wait for the same signals",
      [f"{f} waits for {sorted(w)}" for f, w in zip(loops, waited) if w != waited[0]])
check("boltseald(8) has every signal, and no other",
      compare("SIGNALS", set(re.findall(r"\*(SIG\w+)\*", page["SIGNALS"])), waited[0]) +
      compare("--help", {"SIG" + s for s in re.findall(r"\b[A-Z]{3,}\b", usage.split("signals:")[1].split("\n")[0])},
              waited[0]))
told = set(re.findall(r"\b(\d) ", usage.split("exit status:")[1].split("\n")[0]))
check("boltseald(8) has every exit status, and no other",
      compare("EXIT STATUS", statuses(page["EXIT STATUS"]), told))
check("boltseald(8) has every role, and no other",
      compare("SYNOPSIS", set(re.findall(r"\*(\w+)\*", page["SYNOPSIS"])) - {"boltseald"},
              set(re.findall(r'strcmp\(argv\[optind\], "(\w+)"\)', source))))

# ---- the pages as roff --------------------------------------------------------------------------
for name in "boltseal.1", "boltseald.8", "boltseal.yaml.5", "boltseal.rules.5", "boltseal.findings.7":
    if not shutil.which("groff"):
        count += 1
        print(f"ok {count} - {name} # SKIP groff is not installed")
        continue
    p = subprocess.run(["groff", "-man", "-ww", "-b", "-z", "-Kutf8", "-Tutf8", f"{build}/man/{name}"],
                       capture_output=True, text=True)
    check(f"groff warns of nothing in {name}", p.stderr.splitlines() + ([] if p.returncode == 0 else ["it failed"]))
print(f"1..{count}")
sys.exit(failed)
