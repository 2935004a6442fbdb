/* The shipped conf/boltseal.yaml is the table of options, written out. UPDATE=1 writes it anew. */
#include "unit.h"
#include "daemon/config.h"
#include <stdio.h>

#define CONF "conf/boltseal.yaml"
static const char head[] =
	"# boltseal.yaml - the configuration of boltseald, see boltseal.yaml(5).\n"
	"# Every key is here with its default, commented out; an empty file means the same.\n"
	"# `boltseald --check-config -v` prints what is in effect. SIGHUP reads it again.\n"
	"# A glob that begins with * is written in quotes.\n";

/* "# words", broken where lines would be longer than 96. */
static void words(struct buf *out, const char *text)
{
	size_t col = 1;

	buf_add_text(out, "#");
	while (*text) {
		size_t n = strcspn(text, " ");

		if (col + 1 + n > 96) {
			buf_add_text(out, "\n#");
			col = 1;
		}
		buf_printf(out, " %.*s", (int)n, text);
		col += 1 + n;
		text += n + (text[n] == ' ');
	}
	buf_u8(out, '\n');
}

static void explain(struct buf *out, const struct config_option *o)
{
	BUF struct buf text = {0}, allowed = {0};

	config_allowed(o, &allowed);
	buf_printf(&text, "%s (%s%s%s)", o->sentence,
		o->kind == CONFIG_BOOL || o->kind == CONFIG_WORD ? "" : o->type,
		o->kind >= CONFIG_NUMBER && allowed.n ? ", " : "", buf_text(&allowed));
	words(out, buf_text(&text));
}

static void one(struct buf *out, const struct config_option *o, struct span *section)
{
	const char *dot = strchr(o->name, '.');
	const char *element = strstr(o->name, "[].");
	struct span here = span_make(o->name, dot && !element ? (size_t)(dot - o->name) : 0);

	if (element) { /* shown, not set: the list's own default is above */
		BUF struct buf text = {0};

		buf_printf(&text, "- %s: %s (%s%s%s)", element + 3, o->sentence, o->type,
			o->fallback ? ", default " : ", must be given",
			o->fallback ? o->fallback : "");
		words(out, buf_text(&text));
		return;
	}
	buf_u8(out, '\n');
	if (here.n && !span_eq(here, *section))
		buf_printf(out, "#%.*s:\n", (int)here.n, (const char *)here.p);
	*section = here;
	explain(out, o);
	buf_printf(out, "#%s%s: %s\n", here.n ? "  " : "", dot ? dot + 1 : o->name, o->fallback);
}

static void is_the_table(void **state)
{
	BUF struct buf want = {0}, got = {0};
	struct span section = {0};
	size_t n;
	const struct config_option *o = config_options(&n);

	(void)state;
	buf_add_text(&want, head);
	for (; n--; o++)
		one(&want, o, &section);
	if (getenv("UPDATE"))
		ok(fd_write_file(CONF, buf_span(&want), 0644));
	slurp(CONF, &got);
	assert_string_equal(buf_text(&got), buf_text(&want));
}

static void print_of(struct span text, struct buf *out)
{
	CONFIG struct config *c = NULL;

	ok(config_parse(&c, CONF, text));
	config_print(c, out);
}

/* "# words" stay; "#key" and "#  key" lose their mark. */
static void uncomment(struct span text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		bool mark = text.p[i] == '#' && (i == 0 || text.p[i - 1] == '\n');

		if (mark && i + 2 < text.n && (text.p[i + 1] != ' ' || text.p[i + 2] == ' '))
			continue;
		buf_u8(out, text.p[i]);
	}
}

static void is_the_defaults(void **state)
{
	BUF struct buf text = {0}, open = {0}, none = {0}, commented = {0}, uncommented = {0};

	(void)state;
	slurp(CONF, &text);
	uncomment(buf_span(&text), &open);
	assert_non_null(strstr(buf_text(&open), "\n  debounce: 50ms\n"));
	print_of(span_of(""), &none);
	print_of(buf_span(&text), &commented);
	print_of(buf_span(&open), &uncommented);
	assert_string_equal(buf_text(&commented), buf_text(&none));
	assert_string_equal(buf_text(&uncommented), buf_text(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_the_table),
		cmocka_unit_test(is_the_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
