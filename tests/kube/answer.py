#!/usr/bin/env python3
"""answer.py SOCKET: answers every request with its method and path, on a Unix socket."""
import http.server
import socketserver
import sys


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"{self.command} {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def address_string(self):
        return "-"

    def log_message(self, *_):
        pass


socketserver.UnixStreamServer(sys.argv[1], Answer).serve_forever()
