/* boltseal.yaml(5) has one paragraph per option, and none that is not an option. What it says of
 * the default, what is allowed and why is what the table says. UPDATE=1 writes that part anew. */
#include "unit.h"
#include "daemon/config.h"
#include <stdio.h>

#define MAN "conf/boltseal.yaml.5.scd"
#define BEGIN "# OPTIONS\n"
#define END "# ERRORS\n"

/* scdoc takes _ and * for marks. */
static void plain(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("_*\\<>[]#`~", *text))
			buf_u8(out, '\\');
		buf_u8(out, (uint8_t)*text);
	}
}

static void one(struct buf *out, const struct config_option *o)
{
	BUF struct buf allowed = {0};

	config_allowed(o, &allowed);
	buf_add_text(out, "\n*");
	plain(out, o->name);
	buf_add_text(out, "* (");
	plain(out, o->kind == CONFIG_BOOL || o->kind == CONFIG_WORD ? buf_text(&allowed) : o->type);
	if (o->kind >= CONFIG_NUMBER && allowed.n)
		buf_printf(out, ", %s", buf_text(&allowed));
	buf_add_text(out, o->fallback ? ", default " : ", must be given");
	plain(out, o->fallback ? o->fallback : "");
	buf_add_text(out, ")\n\t");
	plain(out, o->sentence);
	buf_u8(out, '\n');
}

static void rewrite(struct span before, struct span want, struct span after)
{
	BUF struct buf whole = {0};

	buf_add_span(&whole, before);
	buf_add_span(&whole, want);
	buf_add_span(&whole, after);
	ok(fd_write_file(MAN, buf_span(&whole), 0644));
}

static void is_the_table(void **state)
{
	BUF struct buf want = {0}, got = {0}, part = {0};
	const char *begin, *end;
	size_t n;
	const struct config_option *o = config_options(&n);

	(void)state;
	for (; n--; o++)
		one(&want, o);
	buf_u8(&want, '\n');
	slurp(MAN, &got);
	begin = strstr(buf_text(&got), BEGIN);
	end = strstr(buf_text(&got), END);
	assert_non_null(begin);
	assert_non_null(end);
	begin += strlen(BEGIN);
	if (getenv("UPDATE")) {
		rewrite(span_make(got.p, (size_t)(begin - buf_text(&got))), buf_span(&want),
			span_of(end));
		return;
	}
	buf_add(&part, begin, (size_t)(end - begin));
	assert_string_equal(buf_text(&part), buf_text(&want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(is_the_table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
