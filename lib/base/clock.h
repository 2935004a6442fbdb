/* clock.h - times. Wall times are ns since the epoch, monotonic ones ns since boot; never mixed. */
#pragma once

#include "base/buf.h"

int64_t clock_wall(void); /* CLOCK_REALTIME, ns */
int64_t clock_mono(void); /* CLOCK_MONOTONIC, ns */
int64_t clock_boot(void); /* CLOCK_BOOTTIME, ns: as monotonic, and goes on while the host sleeps */
int64_t clock_thread(void); /* what this thread has used of a processor, ns */
#define CLOCK_MS INT64_C(1000000)
#define CLOCK_S INT64_C(1000000000)

/* RFC 3339 in UTC with nine fraction digits: 2026-11-23T22:14:05.123456789Z */
void clock_format(struct buf *out, int64_t wall);
/* RFC 3339 (any offset, 0..9 digits, 'T' or space, time optional = 00:00:00Z), "@SECONDS", or a
 * duration back from `now`: "10m", "2h30m", "7d", "now". -EINVAL with a sentence. */
int clock_parse(struct span text, int64_t now, int64_t *ret_wall);
/* "90s", "10m", "2h30m", "7d", "4w", "250ms" -> ns; larger units first. -EINVAL with a sentence. */
int clock_parse_duration(struct span text, int64_t *ret_ns);
/* The largest two units, for people: "3d4h", "12s", "0s". */
void clock_format_duration(struct buf *out, int64_t ns);
