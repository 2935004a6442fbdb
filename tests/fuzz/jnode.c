/* Any bytes as JSON: taken or refused as jansson does, and what was taken is the same value again when
 * it is written and read by jansson. Three differences are meant: how deep a text may nest, that a
 * real number is only letters here, and that jansson overlooks a NUL between two tokens. */
#include "base/err.h"
#include "base/text.h"
#include "wire/jansson.h"
#include "wire/jnode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FLAGS = JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY };

/* Is every member where a look-up by its name finds it? */
static void is_found(const struct jnode *v)
{
	size_t n = 0;

	for (const struct jnode *m = jnode_first(v); m; m = m->next, n++) {
		if (v->kind == JNODE_OBJECT)
			must(jnode_get(v, m->key) == m);
		is_found(m);
	}
	must(n == jnode_size(v));
}

static void is_same(const struct jnode *v, const json_t *theirs)
{
	BUF struct buf out = {.p = NULL};
	DECREF json_t *again = NULL;

	jnode_write(v, &out);
	must(text_is_utf8(buf_span(&out)));
	for (size_t i = 0; i < out.n; i++)
		must(out.p[i] >= 0x20 && out.p[i] != 0x7f);
	again = json_loadb(buf_text(&out), out.n, FLAGS, NULL);
	must(again && json_equal(again, theirs));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	ARENA struct arena mem = {.top = NULL};
	struct jnode *v = NULL;
	json_error_t why;
	DECREF json_t *theirs = json_loadb((const char *)data, n, FLAGS, &why);
	int r = jnode_read(span_make(data, n), &mem, &v);

	must(r == 0 || r == -EBADMSG);
	if (r < 0) {
		must(!theirs || strstr(err_why(), "nested too deeply") || memchr(data, 0, n));
		return 0;
	}
	is_found(v);
	if (!theirs) {
		must(json_error_code(&why) == json_error_numeric_overflow);
		return 0;
	}
	is_same(v, theirs);
	return 0;
}
