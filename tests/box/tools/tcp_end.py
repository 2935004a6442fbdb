#!/usr/bin/env python3
"""tcp_end.py MODE PORTFILE OUT - a syslog receiver by TCP that behaves badly.
  cut    reads the first bytes, in the middle of a message closes the connection (a reset), three
         times; then reads on as one should
  deaf   accepts and reads nothing until the file OUT.read is there, then all
Messages are taken apart by their octet count; each is a line of OUT."""
import os, socket, struct, sys, time

mode, portfile, out = sys.argv[1:]
listener = socket.create_server(("127.0.0.1", 0))
if mode == "deaf":
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
with open(portfile + ".tmp", "w") as f:
    f.write(str(listener.getsockname()[1]))
os.rename(portfile + ".tmp", portfile)
sink = open(out, "ab", buffering=0)
cuts = 0


def frames(conn):
    data = b""
    while True:
        got = conn.recv(65536)
        if not got:
            return
        data += got
        while b" " in data[:12]:
            head, rest = data.split(b" ", 1)
            n = int(head)
            if len(rest) < n:
                break
            sink.write(rest[:n] + b"\n")
            data = rest[n:]


while True:
    conn, _ = listener.accept()
    if mode == "cut" and cuts < 3:
        cuts += 1
        conn.recv(700)
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        conn.close()
        continue
    while mode == "deaf" and not os.path.exists(out + ".read"):
        time.sleep(0.05)
    try:
        frames(conn)
    except OSError:
        pass
    conn.close()
