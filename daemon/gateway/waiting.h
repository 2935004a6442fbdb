/* waiting.h - clients that come before there is a store to answer from. */
#pragma once

/* Tells each that waits on the listening socket why there is no answer yet: HTTP 503, and done. One that says
 * nothing is kept waiting for shortly. */
void waiting_answer(int listen_fd, const char *why);
