/* The trail is one line of text: a person reads it, no program does. */
#include "base/err.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char sentence[1024];

const char *err_why(void)
{
	return sentence[0] ? sentence : "no reason was given";
}

int err_set(int code, const char *fmt, ...)
{
	char words[sizeof(sentence)]; /* the arguments may be err_why() itself */
	va_list ap;

	must(code < 0);
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	memcpy(sentence, words, sizeof(words));
	return code;
}

int err_sys(const char *fmt, ...)
{
	int code = errno ? errno : EIO;
	char words[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	snprintf(sentence, sizeof(sentence), "%s: %s", words, strerror(code));
	return -code;
}

int err_wrap(int code, const char *fmt, ...)
{
	char old[sizeof(sentence)], words[400];
	va_list ap;

	memcpy(old, sentence, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	snprintf(sentence, sizeof(sentence), "%s: %.600s", words, old);
	return code;
}
