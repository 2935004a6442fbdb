/* proof_frame.h - where a frame with an octet count begins (RFC 6587); a part of proof.c. */
#pragma once

#include "base/buf.h"

/* Of "LEN <PRI>": the bytes before the '<', and LEN; 0: it is none; -1: the next byte may tell. */
int frame_head(struct span s, size_t *ret_len);
