#include "wire/finding.h"
#include <stdarg.h>

enum { NAMES_SHOWN = 5 };

#define CHECK(id, word, scope, severity, looks, costs, todo)                                       \
	[CHECK_##id] = {word, SCOPE_##scope, FIND_##severity, looks, costs, todo},
const struct check_row check_rows[CHECK_N] = {
#include "wire/checks.def"
};
#undef CHECK

#define X_SCOPE_NAME(id, name) [SCOPE_##id] = name,
const char *const finding_scopes[SCOPE_N] = {FINDING_SCOPES(X_SCOPE_NAME)};
#define X_FSEV_NAME(id, name, s) [FIND_##id] = name,
const char *const finding_severities[FIND_N] = {FINDING_SEVERITIES(X_FSEV_NAME)};
#define X_FSEV_WORDS(id, name, s) [FIND_##id] = s,
const char *const finding_words[FIND_N] = {FINDING_SEVERITIES(X_FSEV_WORDS)};

/* With the subject where the row has {}; what is to be typed shows that there is none. */
static void put_todo(struct json *j, const char *todo, struct span subject)
{
	BUF struct buf text = {.p = NULL};

	for (const char *at; (at = strstr(todo, "{}")); todo = at + 2) {
		buf_add(&text, todo, (size_t)(at - todo));
		if (subject.n)
			buf_add_span(&text, subject);
		else
			buf_add_text(&text, "NAME");
	}
	buf_add_text(&text, todo);
	json_m_str(j, "do", buf_span(&text));
}

void finding_put(struct json *j, const struct finding *f, const char *what, ...)
{
	const struct check_row *row = &check_rows[f->check];
	enum finding_severity severity = !f->bad       ? FIND_OK
					 : f->severity ? f->severity
						       : row->severity;
	BUF struct buf text = {.p = NULL};
	va_list ap;

	va_start(ap, what);
	buf_vprintf(&text, what, ap);
	va_end(ap);
	json_open(j, '{');
	if (f->bad) {
		json_m_text(j, "costs", row->costs);
		put_todo(j, row->todo, f->subject);
	}
	json_m_text(j, "id", row->word);
	if (f->path.n)
		json_m_path(j, "path", f->path);
	if (f->quote.n)
		json_m_str(j, "quote", f->quote);
	json_m_text(j, "scope", finding_scopes[row->scope]);
	json_m_text(j, "severity", finding_severities[severity]);
	if (f->since)
		json_m_time(j, "since", f->since);
	if (f->subject.n)
		json_m_str(j, "subject", f->subject);
	json_m_str(j, "what", buf_span(&text));
	json_close(j, '}');
}

void finding_name(struct finding_names *to, struct span name)
{
	if (to->n < NAMES_SHOWN) {
		buf_add_text(&to->text, to->n ? ", " : "");
		buf_add_span(&to->text, name);
	}
	to->n++;
}

const char *finding_names_text(struct finding_names *n)
{
	if (n->n > NAMES_SHOWN)
		buf_printf(&n->text, " and %zu more", n->n - NAMES_SHOWN);
	return buf_text(&n->text);
}
