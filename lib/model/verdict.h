/*
 * verdict.h - is a read-only layer what its image says? And does a target stack what its image lists?
 *
 * A view, like record.h: spans are borrowed from what it was decoded from. `odds` is a list that
 * verdict_odd_next() steps through: what is not as the image has it, the first of them by name.
 */
#pragma once

#include "base/buf.h"
#include "base/sha.h"
#include "model/kinds.h"

enum { VERDICT_ODDS = 64, VERDICT_WORDS = 200 };

/* Of a target's image: who has signed its manifest, and does the host's policy.json want more? */
struct verdict_signed {
	enum signed_state state;
	bool demanded;	       /* policy.json wants a signature of it */
	struct span manifest;  /* the digest that was signed: "sha256:..." */
	struct span key;       /* VERIFIED: the trusted key, as its owner here called it */
	struct span reference; /* VERIFIED: the name that was signed; may be empty */
	struct span why;       /* a sentence; may be empty */
	struct span unmet;     /* why policy.json's demand is not met; empty: it is */
};
struct verdict {
	enum verdict_state state;
	enum verdict_state
		link; /* a target's: of the image's list alone, without the layers' own */
	enum verdict_how how;
	int64_t when;	      /* wall ns: when it was found */
	int64_t since;	      /* wall ns: when it was first found so */
	uint64_t entries;     /* names that the image has in it */
	uint64_t files;	      /* regular files whose content was held against it */
	uint64_t bytes;	      /* read for it */
	uint64_t n_odd;	      /* names that differ, listed or not */
	struct span digest;   /* what it is proved to, or failed to be: "sha256:..." */
	struct span manifest; /* a target's: the manifest that leads to it, where it is kept */
	struct span why;      /* one sentence; empty where there is nothing to say */
	struct span odds;
	struct verdict_signed by; /* a target's */
};
struct verdict_odd {
	char kind; /* as of a change: 'A' planted, 'C' otherwise than the image says, 'D' missing */
	uint32_t aspects;
	struct span path;
};
void verdict_encode(const struct verdict *v, struct buf *out);
int verdict_decode(struct span bytes, struct verdict *ret); /* -EBADMSG */
/* Appends one to a list of odds. */
void verdict_odd_add(struct buf *odds, const struct verdict_odd *o);
bool verdict_odd_next(struct rd *at, struct verdict_odd *ret);
/* In words, for a line of text: what it is proved to, or which files are not. */
void verdict_words(const struct verdict *v, struct buf *out);
/* The part of it that is about signatures; nothing where there is nothing to say. */
void verdict_signed_words(const struct verdict_signed *s, struct buf *out);
/* Is there no reason to doubt it? Proved or consistent, no signature that does not fit, no policy that is not met. */
bool verdict_is_fine(const struct verdict *v);
bool verdict_signed_is_fine(const struct verdict_signed *s);
/* The worse of two: broken, unknown, consistent, proved. VERDICT_NONE says nothing. */
enum verdict_state verdict_worse(enum verdict_state a, enum verdict_state b);
/* Is it news to whoever gets alerts? Nothing but what is worse than before is. */
bool verdict_is_news(enum verdict_state old, enum verdict_state fresh);
/* How much it matters that it is so now; -1: it is no news. `old` NULL: nobody looked before. */
int verdict_signed_news(const struct verdict_signed *old, const struct verdict_signed *fresh);
