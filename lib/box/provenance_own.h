/* provenance_own.h - what the readers of engines' stores share. Inside of lib/box. */
#pragma once

#include "box/provenance.h"
#include <jansson.h>

static inline void json_drop(json_t **j)
{
	json_decref(*j);
}
#define JSON CLEANUP(json_drop)

/* "sha256:" and 64 hex digits -> the digits; empty: it is none. */
struct span provenance_hex(struct span digest);
struct span provenance_text(const json_t *object, const char *key);
/* The last part of a path, taken off it. */
bool provenance_cut(struct span *path, struct span *ret);
json_t *provenance_json(const char *path, struct buf *bytes);
bool provenance_has_digest(struct span bytes, struct span hex);
int provenance_refuse(struct provenance_image *ret, int code, const char *why);
/* The configuration: its bytes have the digest that the image goes by, and it lists the layers. */
int provenance_config(const char *path, struct span hex, struct provenance_image *ret);

/* containerd.c. False: it is none of containerd's. */
bool containerd_layer(const char *path, struct provenance *ret);
bool containerd_image(const char *path, struct span hex, struct provenance_image *ret, int *ret_r);
