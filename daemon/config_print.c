/* The effective configuration in its own syntax: every value that has a place to be printed from is
 * printed, texts always in double quotes, so that what was read can be read again. */
#include "base/clock.h"
#include "base/text.h"
#include "daemon/config_schema.h"

void option_print_size(struct buf *out, uint64_t bytes)
{
	static const char units[] = "\0kMGT";
	int i = 0;

	while (bytes && i < 4 && bytes % 1024 == 0) {
		bytes /= 1024;
		i++;
	}
	buf_printf(out, "%llu", (unsigned long long)bytes);
	if (i)
		buf_u8(out, (uint8_t)units[i]);
}

void option_print_time(struct buf *out, int64_t ns)
{
	static const struct {
		const char *name;
		int64_t ns;
	} units[] = {{"d", 86400 * CLOCK_S}, {"h", 3600 * CLOCK_S}, {"m", 60 * CLOCK_S},
		{"s", CLOCK_S}, {"ms", CLOCK_MS}};

	if (ns < CLOCK_MS)
		buf_add_text(out, "0s");
	for (size_t i = 0; i < COUNTOF(units); i++) {
		if (ns / units[i].ns)
			buf_printf(out, "%lld%s", (long long)(ns / units[i].ns), units[i].name);
		ns %= units[i].ns;
	}
}

static uint32_t code_point(const uint8_t *p, size_t n)
{
	uint32_t c = n == 1 ? p[0] : p[0] & (0x7fu >> n);

	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3fu);
	return c;
}

/* May the character stand in YAML as it is? Not what breaks lines or turns text around. */
static bool is_plain(uint32_t c)
{
	if (c < 0xa0)
		return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
	if ((c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return false;
	return c != 0xfeff && (c & 0xfffe) != 0xfffe;
}

static void print_text(struct buf *out, const char *text)
{
	struct span s = span_of(text);
	size_t n;

	buf_u8(out, '"');
	for (size_t i = 0; i < s.n; i += n) {
		uint32_t c;

		n = text_utf8_len(span_make(s.p + i, s.n - i));
		n = n ? n : 1; /* cannot be: it came from YAML, or from the command line checked */
		c = code_point(s.p + i, n);
		if (is_plain(c))
			buf_add(out, s.p + i, n);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (int)c);
		else
			buf_printf(out, c > 0xffff ? "\\U%08X" : "\\u%04X", (unsigned)c);
	}
	buf_u8(out, '"');
}

static void print_texts(struct buf *out, const struct config_list *list)
{
	buf_u8(out, '[');
	for (size_t i = 0; i < list->n; i++) {
		buf_add_text(out, i ? ", " : "");
		print_text(out, list->v[i]);
	}
	buf_u8(out, ']');
}

static void print_word(struct buf *out, const struct config_option *o, const void *at)
{
	const char *w = o->words;
	int place;

	memcpy(&place, at, sizeof(place));
	for (place -= (int)o->min; place > 0; place--)
		w += strcspn(w, "|") + 1;
	buf_add(out, w, strcspn(w, "|"));
}

static uint64_t number_at(const struct config_option *o, const void *at)
{
	uint64_t v;

	if (o->size == sizeof(uint32_t))
		return *(const uint32_t *)at;
	memcpy(&v, at, sizeof(v));
	return v;
}

static void print_maps(struct buf *out, const struct config_option *o, const char *at);

static void print_value(struct buf *out, const struct config_option *o, const void *at)
{
	if (o->kind == CONFIG_MAPS) { /* each begins a line of its own */
		print_maps(out, o, at);
		return;
	}
	buf_u8(out, ' ');
	switch (o->kind) {
	case CONFIG_BOOL:
		buf_add_text(out, *(const bool *)at ? "true" : "false");
		break;
	case CONFIG_WORD:
		print_word(out, o, at);
		break;
	case CONFIG_NUMBER:
		buf_printf(out, "%llu", (unsigned long long)number_at(o, at));
		break;
	case CONFIG_SIZE:
		option_print_size(out, number_at(o, at));
		break;
	case CONFIG_TIME:
		option_print_time(out, (int64_t)number_at(o, at));
		break;
	case CONFIG_TEXT:
	case CONFIG_PATH:
		print_text(out, *(const char *const *)at);
		break;
	default:
		print_texts(out, at);
	}
}

/* One "- name: …" with its other keys below. */
static void print_element(struct buf *out, const struct config_option *list, const char *base)
{
	BUF struct buf scope = {0};
	struct span section = {0};
	bool first = true;
	size_t n;
	const struct config_option *o = config_options(&n);

	buf_printf(&scope, "%s[].", list->name);
	for (; n--; o++) {
		const char *key = o->name + scope.n, *dot;
		struct span here;

		if (!option_in_scope(o, buf_text(&scope)))
			continue;
		dot = strchr(key, '.');
		here = span_make(key, dot ? (size_t)(dot - key) : 0);
		if (here.n && !span_eq(here, section))
			buf_printf(out, "\n    %.*s:", (int)here.n, (const char *)here.p);
		section = here;
		buf_printf(out, "\n  %s%s:",
			here.n	? "    "
			: first ? "- "
				: "  ",
			dot ? dot + 1 : key);
		print_value(out, o, base + o->at);
		first = false;
	}
}

static void print_maps(struct buf *out, const struct config_option *o, const char *at)
{
	const char *list;
	size_t n;

	memcpy(&list, at, sizeof(list));
	memcpy(&n, at + sizeof(list), sizeof(n));
	if (n == 0)
		buf_add_text(out, " []");
	for (size_t i = 0; i < n; i++)
		print_element(out, o, list + i * o->size);
}

void config_print(const struct config *c, struct buf *out)
{
	struct span section = {0};
	size_t n;
	const struct config_option *o = config_options(&n);

	for (; n--; o++) {
		const char *dot = strchr(o->name, '.');
		struct span here = span_make(o->name, dot ? (size_t)(dot - o->name) : 0);

		if (!option_in_scope(o, ""))
			continue;
		if (here.n && !span_eq(here, section))
			buf_printf(out, "%.*s:\n", (int)here.n, (const char *)here.p);
		section = here;
		buf_printf(out, "%s%s:", here.n ? "  " : "", dot ? dot + 1 : o->name);
		print_value(out, o, (const char *)c + o->at);
		buf_u8(out, '\n');
	}
}

void config_differences(const struct config *a, const struct config *b, struct buf *out)
{
	size_t n;
	const struct config_option *o = config_options(&n);

	for (; n--; o++) {
		BUF struct buf x = {0}, y = {0};

		if (!option_in_scope(o, "") || option_is_section(span_of(o->name)))
			continue;
		print_value(&x, o, (const char *)a + o->at);
		print_value(&y, o, (const char *)b + o->at);
		if (!span_eq(buf_span(&x), buf_span(&y)))
			buf_bytes(out, span_of(o->name));
	}
}
