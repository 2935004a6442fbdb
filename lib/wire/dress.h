/* dress.h - one function per format: facts in, a message appended. format.h has what they share. */
#pragma once

#include "wire/facts.h"

struct format_options;

int format_rfc5424(const struct facts *f, const struct format_options *o, struct buf *out);
int format_json(const struct facts *f, const struct format_options *o, struct buf *out);
int format_ecs(const struct facts *f, const struct format_options *o, struct buf *out);
int format_ocsf(const struct facts *f, const struct format_options *o, struct buf *out);
int format_cef(const struct facts *f, const struct format_options *o, struct buf *out);
int format_leef(const struct facts *f, const struct format_options *o, struct buf *out);
int format_falco(const struct facts *f, const struct format_options *o, struct buf *out);
int format_wazuh(const struct facts *f, const struct format_options *o, struct buf *out);
