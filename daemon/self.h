/* self.h - what a role can read of itself: its size, its rights, its program. For doctor and status. */
#pragma once

#include "base/buf.h"

uint64_t self_memory(void); /* bytes that are resident; 0: not known */
/* A line of /proc/self/status, "CapEff": the number after it. -ENOENT when there is none. */
int self_number(const char *key, int base, uint64_t *ret);
int self_open_files(void); /* -1: not known */
/* Was the program's file removed or exchanged since it was started? `path`: where it lay. */
bool self_is_replaced(struct buf *path);
/* The control group, below /sys/fs/cgroup; false: not known. */
bool self_cgroup(struct buf *ret);
/* "boltseald.service"; empty where no unit of ours is around it. */
void self_unit(struct buf *ret);
