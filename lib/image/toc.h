/*
 * toc.h - tables of contents with a digest for each file, as zstd:chunked and eStargz layers carry them: who has proved
 * the table's own digest knows each file's without the archive. Bytes in, entries out; no file.
 */
#pragma once

#include "base/arena.h"
#include "model/record.h"

enum { TOC_JSON_MAX = 128 << 20 };
/* "offset:length:unpacked length:type" as annotations say where zstd:chunked's table lies in the blob. -EBADMSG. */
struct toc_place {
	uint64_t offset, packed, unpacked;
};
int toc_place_parse(struct span text, struct toc_place *ret);

struct toc_entry {
	struct span name;  /* as it stands there */
	struct span path;  /* as tar.h writes it; the entry of a whiteout has ".wh." in it still */
	bool hard;	   /* `link` is a path, as `path` is written */
	bool chunk;	   /* a further piece of the file before it: passed over */
	struct record rec; /* has_sha as the digest of the whole file is said */
	struct span link;
};
/* Calls `each` for every entry but chunks, in order; spans live as long as the call. It ends with the first that is not 0, and
 * returns that. -EBADMSG, -EFBIG. */
int toc_parse(struct span json, int (*each)(const struct toc_entry *e, void *arg), void *arg);
