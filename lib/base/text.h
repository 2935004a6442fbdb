/*
 * text.h - hostile bytes made safe: quoting for people, UTF-8 for JSON, hex and base64.
 */
#pragma once

#include "base/buf.h"

/* Like git's core.quotePath=true: plain when every byte is printable ASCII other than `"` and `\`;
 * otherwise in double quotes with \a\b\t\n\v\f\r\"\\ and three-digit octal for the rest. Valid
 * UTF-8 letters are octal too unless `utf8_ok`; what text_is_format() says is octal always. */
void text_quote(struct buf *out, struct span raw, bool utf8_ok);
/* Is it, one UTF-8 sequence, no letter but an order to whoever shows it: C1 controls, what turns text around,
 * ends lines, joins, or is not seen at all? */
bool text_is_format(struct span sequence);
uint32_t text_code_point(struct span sequence); /* of a valid one */
/* Length of the valid UTF-8 sequence at the start of `s` (1..4); 0 when there is none. */
size_t text_utf8_len(struct span s);
bool text_is_utf8(struct span s);
/* Appends `raw` as valid UTF-8: each maximal invalid part becomes U+FFFD. */
void text_to_utf8(struct buf *out, struct span raw);

/* "<raw, quoted and cut at 80 bytes>: <why>" as a failure's sentence. Returns `code`. */
int text_refuse(int code, struct span raw, const char *why);

void text_hex(struct buf *out, struct span raw);
/* Exactly 2*n hex digits into n bytes; -EINVAL otherwise. */
int text_unhex(struct span hex, uint8_t *out, size_t n);
void text_b64(struct buf *out, struct span raw);
/* Strict: padded, no white space, no stray bits. -EINVAL; what was decoded before stays in `out`. */
int text_unb64(struct span b64, struct buf *out);

/* Percent-encoding of one segment of a URL's path or one value of its query: '/' is encoded, only
 * letters, digits and -._~ are plain. Decoding refuses %00 and broken escapes (-EINVAL). */
void text_url_encode(struct buf *out, struct span raw);
int text_url_decode(struct span enc, bool plus_is_space, struct buf *out);

/* An address without what may be a secret in it: of a URL the user, path and query are left out; what
 * begins with no http:// or https:// stays. */
#define TEXT_LEFT_OUT "(left out)"
void text_bare_url(struct buf *out, struct span url);

/* Whole decimal number; -EINVAL with a sentence on anything else, -ERANGE out of [min,max]. */
int text_u64(struct span s, uint64_t min, uint64_t max, uint64_t *ret);
/* "512", "64k", "10M", "2G", "1T" (powers of 1024, optional "iB") -> bytes. */
int text_size(struct span s, uint64_t *ret);
