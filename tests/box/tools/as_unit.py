"""Starts a program as its unit would, where no systemd is: what the manager opens is opened, what it takes away
is taken away, and its notifications are written down.

    as_unit.py [--processes] [--socket PATH] [--watchdog SECONDS] [--said FILE] USER GROUP CAPS COMMAND…

CAPS: comma-separated, ambient and nothing else; "" for none. USER and GROUP are numbers. The network
is a new one. Our pid is the program's; FILE gets a line for each word of it, with the time."""
import os
import socket
import sys

os.closerange(3, 256)  # whatever lock somebody ran us under
args = sys.argv[1:]
opts = {}
while args[0].startswith("--"):
    name = args.pop(0)
    opts[name] = True if name == "--processes" else args.pop(0)
user, group, caps, *command = args
env = dict(os.environ, LC_ALL="C")
fds = []
if "--processes" in opts:
    for _ in range(2):
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 11)
        s.bind((0, 1))
        fds.append(s)
if "--socket" in opts:
    s = socket.socket(socket.AF_UNIX)
    s.bind(opts["--socket"])
    s.listen(64)
    fds.append(s)
if "--said" in opts:
    path = opts["--said"] + ".sock"
    if os.path.exists(path):
        os.unlink(path)
    hear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    hear.bind(path)
    os.chmod(path, 0o666)
    if os.fork() == 0:
        with open(opts["--said"], "a", buffering=1) as said:
            parent = os.getppid()
            hear.settimeout(1)
            while os.getppid() == parent:
                try:
                    said.write(hear.recv(4096).decode().replace("\n", " ") + "\n")
                except TimeoutError:
                    pass
        os._exit(0)
    hear.close()
    env["NOTIFY_SOCKET"] = path
    if "--watchdog" in opts:
        env["WATCHDOG_USEC"] = str(int(float(opts["--watchdog"]) * 1000000))
        env["WATCHDOG_PID"] = str(os.getpid())
fds = [os.dup(s.fileno()) for s in fds]
for at, fd in enumerate(fds):
    os.dup2(fd, 100 + at)
for at in range(len(fds)):
    os.dup2(100 + at, 3 + at, inheritable=True)
os.closerange(3 + len(fds), 256)
if fds:
    env.update(LISTEN_FDS=str(len(fds)), LISTEN_PID=str(os.getpid()))
with_caps = ",".join("+" + c for c in caps.split(",") if c)
keep = [f"--inh-caps=-all,{with_caps}", f"--ambient-caps=-all,{with_caps}", f"--bounding-set=-all,{with_caps}"] \
    if with_caps else ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"]
os.execvpe("unshare", ["unshare", "--net", "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *keep,
                       "--no-new-privs", *command], env)
