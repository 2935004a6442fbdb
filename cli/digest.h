/* digest.h - SHA-256 for the command line: base/sha.h's, by a library that is loaded when wanted. */
#pragma once

/* 0, or EXIT_TROUBLE, said: the library is not there. To be called before anything is hashed. */
int digest_load(void);
