/*
 * cli.h - one run of the command line: what was asked for, by which command, in which dress.
 *
 * A command's function returns the exit status: EXIT_CLEAN, EXIT_DRIFT or EXIT_TROUBLE. Whatever
 * returns EXIT_TROUBLE has already said why, in one line on stderr: see complain(). Data goes to
 * stdout, words to stderr.
 */
#pragma once

#include "base/buf.h"
#include "boltseal.h"
#include <jansson.h>
#include <stdio.h>

enum { EXIT_CLEAN = 0, EXIT_DRIFT = 1, EXIT_TROUBLE = 2 };

struct form;

struct cli {
	struct boltseal *h;
	struct boltseal_reply reply; /* of the last call; freed at the end */
	const char *socket;
	char **argv; /* of the process */
	const struct form *form;
	bool no_color;
	bool color; /* stdout may be painted */
	bool out_tty, err_tty;
	bool utf8_ok; /* whoever reads stdout takes UTF-8 letters as they are */
};

/* A row of an option table; ends with a row whose name is NULL. */
struct option {
	const char *name; /* without its dashes */
	char letter;	  /* 0: none */
	const char *arg;  /* what its value is called; NULL: it has none */
	const char *sentence;
};
enum { OPTIONS_MAX = 16 };

/* What a command was given. Values are borrowed from argv. */
struct args {
	const char **pos;
	size_t n;
	const char *val
		[OPTIONS_MAX]; /* by the option's row; NULL: not given; "" when it has no value */
};

/* What a position may hold; for completion. */
enum slot { SLOT_NONE, SLOT_TARGET, SLOT_PATH, SLOT_WORD, SLOT_COMMAND };

/* A word that a command may begin with, and what goes with it: options that go with others only are refused. The
 * table ends with a row whose word is NULL; the word "" is that none is given. */
struct verb {
	const char *word;
	uint32_t options; /* bits of the command's rows */
	uint8_t most;	  /* words behind it */
	enum slot slot;	  /* what the one behind it may be */
};
#define OPT(row) (UINT32_C(1) << (row))

struct command {
	const char *word, *args, *sentence;
	const char *text;  /* long help: what it does, then examples */
	const char *exits; /* its exit statuses, when they are not 0 and 2 alone */
	const struct option *options;
	uint8_t min, max;	  /* how many words it takes; MANY: no limit */
	enum slot slots[2];	  /* first word, further words */
	const char *words;	  /* SLOT_WORD: the words, apart by spaces */
	const struct verb *verbs; /* or these; beside SLOT_TARGET they are offered, too */
	bool hidden;		  /* known, but not in the list */
	bool raw;		  /* what follows its word is taken as it is, options too */
	int (*run)(struct cli *c, const struct args *a);
};
enum { MANY = 255 };

extern const struct option global_options[];
/* The table itself, in the order of help; ends with NULL. */
extern const struct command *const commands[];
const struct command *command_find(const char *word);
/* Its row; NULL: it has none of this word. */
const struct verb *command_verb(const struct command *cmd, const char *word);
/* The word of the table that `word` was most likely meant to be; NULL: none is near. */
const char *command_near(const char *word);

/* "boltseal: <sentence>" on stderr, made safe for terminals, in one line. Returns EXIT_TROUBLE. */
int complain(const char *fmt, ...) PRINTF(1, 2);
/* The same without a claim to be trouble: something that the reader should know beside the data. */
void remark(const char *fmt, ...) PRINTF(1, 2);
