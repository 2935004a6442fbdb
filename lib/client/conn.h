/* conn.h - the connection below a handle: connecting, sending all, receiving some. Failures carry
 * the sentence that the user sees. Inside this room only. */
#pragma once

#include "base/span.h"

/* Connects to the socket at `path`. -EACCES, -ENOENT, -ECONNREFUSED … */
int conn_open(const char *path, int *ret_fd);
/* 0, CONN_GONE when the other side closed (what it said before may still be read), or negative. */
enum { CONN_GONE = 1 };
int conn_send(int fd, struct span bytes);
/* Number of bytes, 0 at the end, -ETIMEDOUT after `wait_ms` of silence (negative: never). */
int conn_recv(int fd, int wait_ms, void *p, size_t n);
