/* jansson.h - jansson beside our writer: both have a json_null(), and ours is the one to call. */
#pragma once

#include "base/json.h"
#define json_null jansson_json_null
#include <jansson.h>
#undef json_null

static inline void json_decref_p(json_t **v)
{
	json_decref(*v);
}
#define DECREF CLEANUP(json_decref_p)

static inline struct span json_span(const json_t *text)
{
	return span_make(json_string_value(text), json_string_length(text));
}
