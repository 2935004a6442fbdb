/* Texts of /proc/PID: the name in them is anybody's choice. The first byte picks which. */
#include "box/proc.h"
#include "base/attr.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct span text = n ? span_make(p + 1, n - 1) : (struct span){0};
	static struct proc_facts f;
	struct proc_stat st;
	char tty[PROC_TTY_MAX];

	if (n == 0)
		return 0;
	if (p[0] & 1) {
		proc_parse_status(text, &f);
		return 0;
	}
	if (proc_parse_stat(text, &st)) {
		must(st.start > 0 && memchr(st.comm, 0, sizeof(st.comm)));
		must(strlen(proc_tty_name(st.tty, tty)) < sizeof(tty));
	}
	return 0;
}
