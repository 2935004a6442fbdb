/* fan_parse: any bytes as a block from the kernel. What is given out must lie inside the input. */
#include "daemon/sensor/fan_parse.h"

static void inside(struct span in, struct span s)
{
	must(s.n == 0 || (s.p >= in.p && s.p + s.n <= in.p + in.n));
}

static void check(struct span in, const struct fan_ref *r)
{
	inside(in, r->key);
	inside(in, r->handle);
	inside(in, r->name);
	must(!r->there || (r->key.n >= FAN_KEY_MIN && r->handle.n + FAN_FSID_LEN == r->key.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_make(data, size);
	struct fan_cursor c = fan_cursor_of(in);
	struct fan_event e;

	while (fan_next(&c, &e) == 0) {
		check(in, &e.dir);
		check(in, &e.object);
		check(in, &e.old_dir);
		check(in, &e.new_dir);
	}
	must(c.p == c.end);
	return 0;
}
