/* jansson.h - jansson, with its references freed by scope and its texts as spans. */
#pragma once

#include "base/json.h"
#include <jansson.h>

static inline void json_decref_p(json_t **v)
{
	json_decref(*v);
}
#define DECREF CLEANUP(json_decref_p)

static inline struct span json_span(const json_t *text)
{
	return span_make(json_string_value(text), json_string_length(text));
}
