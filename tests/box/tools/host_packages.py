#!/usr/bin/env python3
"""The host's packages that apt and dpkg need to run, and what belongs to them: an image of the host's own
release without a mirror. Prints NUL-separated paths, links of the root directory resolved."""
import os
import re
import subprocess
import sys

FORMAT = "${Package}\t${Essential}\t${Status}\t${Pre-Depends}, ${Depends}\t${Provides}\n"


def name(text):
    return re.split(r"[ (:]", text.strip())[0]


def read():
    depends, provides, todo = {}, {}, []
    for line in subprocess.check_output(["dpkg-query", "-W", "-f", FORMAT], text=True).splitlines():
        package, essential, status, needs, gives = line.split("\t")
        if "installed" not in status.split():
            continue
        depends[package] = [[name(a) for a in group.split("|")] for group in needs.split(",") if group.strip()]
        for other in filter(None, map(name, gives.split(","))):
            provides.setdefault(other, package)
        if essential == "yes":
            todo.append(package)
    return depends, provides, todo


def closure(depends, provides, todo):
    got = set()
    while todo:
        package = todo.pop()
        package = package if package in depends else provides.get(package)
        if not package or package in got:
            continue
        got.add(package)
        for group in depends[package]:
            todo += [next((a for a in group if a in depends or a in provides), "")]
    return sorted(got)


def resolved(path):
    head, tail = os.path.split(path)
    return os.path.join(os.path.realpath(head), tail)


def main():
    packages = closure(*(lambda d, p, t: (d, p, t + ["apt", "debconf"]))(*read()))
    with open(sys.argv[1], "w", encoding="utf-8") as out:
        out.write("\n".join(packages) + "\n")
    listed = subprocess.run(["dpkg-query", "-L", *packages], capture_output=True, text=True, check=False).stdout
    paths = {resolved(p) for p in listed.splitlines() if p.startswith("/") and p != "/."}
    info = "/var/lib/dpkg/info/"
    mine = {p for p in os.listdir(info) if p.rsplit(".", 1)[0].split(":")[0] in packages or p == "format"}
    paths |= {info + p for p in mine} | {"/etc/ld.so.cache", "/bin", "/sbin", "/lib", "/lib64"}
    for p in sorted(p for p in paths if os.path.lexists(p)):
        sys.stdout.write(p.lstrip("/") + "\0")


main()
