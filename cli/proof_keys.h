/* proof_keys.h - what is said of the keys that a proof was given. */
#pragma once

/* A line on stderr for each file of the directory that could not be used; nothing where `name` is a file, or NULL. */
void told_odd_keys(const char *name);
