/*
 * proof_stream.h - the digest of a long stream, and those of the files in it, taken by two threads of their own beside
 * whoever makes the stream.
 *
 * The maker writes into the stream's own room, so that what is read from a disk lies there at once and is copied
 * never. A bounded ring: who is quicker waits.
 */
#pragma once

#include "base/sha.h"

struct stream;
int stream_new(struct stream **ret);
void stream_free(struct stream *s);
static inline void stream_free_p(struct stream **s)
{
	stream_free(*s);
}
#define STREAM CLEANUP(stream_free_p)
/* Room for at least one byte; stays the maker's until stream_add(). */
uint8_t *stream_room(struct stream *s, size_t *ret_n);
void stream_add(struct stream *s, size_t n); /* of what was put into the room */
void stream_put(struct stream *s, struct span bytes);
/* What is added between the two is a file: its digest is at `out` after stream_end(). */
void stream_open_file(struct stream *s);
void stream_close_file(struct stream *s, uint8_t out[SHA_LEN]);
/* The digest of all of it. Once. */
int stream_end(struct stream *s, uint8_t ret[SHA_LEN]);
