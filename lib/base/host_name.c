#include "base/host_name.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* It goes into every event and into the head of syslog messages. */
static int is_sound(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return 0;
	return n > 0 && n < HOST_NAME_ROOM;
}

void host_name(char out[HOST_NAME_ROOM])
{
	const char *given = getenv("BOLTSEAL_HOST_NAME");
	char own[HOST_NAME_ROOM] = "";

	if (gethostname(own, sizeof(own) - 1) < 0 || !own[0])
		strcpy(own, "unknown");
	strcpy(out, given && is_sound(given) ? given : own);
}
