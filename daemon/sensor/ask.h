/* ask.h - a directory of a target and names in it that want a look: a job for the workers. */
#pragma once

#include "daemon/sensor/examine.h"

struct ask;
struct ask *ask_new(struct kept *k, struct span dir, int64_t when);
/* `name` "" with dir "/" is the root itself. actor, mount: encoded actor / text, may be empty. */
void ask_add(struct ask *a, struct span name, unsigned flags, struct span actor, struct span mount);
size_t ask_len(const struct ask *a);
/* The scan that the ask is a part of: a reference is taken. */
void ask_set_scan(struct ask *a, struct scan *s);
void ask_submit(struct ask *a, struct examiner *ex);
/* struct examiner's hook: asks for one name again later. */
void ask_again(struct examiner *ex, const struct again *a);
