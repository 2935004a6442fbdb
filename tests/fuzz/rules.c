/* Any bytes are a set of rules or mistakes with their places; what is taken can be asked. */
#include "base/err.h"
#include "policy/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(void *ctx, const struct rules_finding *f)
{
	must(f->file && f->text && f->text[0] && f->line && f->col);
	*(size_t *)ctx += f->error;
}

static void take_word(void *ctx, enum rule_prop prop, const struct rule *r, enum rule_state state)
{
	BUF struct buf out = {0};

	must(state <= RULE_CLOSED);
	rule_value(r, prop, &out);
	rule_when(r, &out);
	*(size_t *)ctx += out.n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const paths[] = {"/", "/etc/passwd", "/var/log/a/b.log", "/x\xff"};
	static const struct record rec = {.type = FILE_REG, .mode = 04755};
	struct target t = {.kind = TARGET_CONTAINER,
		.id = span_of("ab"),
		.name = span_of("web"),
		.image = span_of("r/nginx:1"),
		.runtime = span_of("docker")};
	size_t errors = 0, sum = 0;
	const struct rules_hear by = {.fn = hear, .ctx = &errors};
	RULES struct rules *r = NULL;
	RULES_FOR struct rules_for *f = NULL;

	if (rules_parse(&r, "f", span_make(data, size), &by) < 0) {
		must(!r && errors && strncmp(err_why(), "f:", 2) == 0);
		return 0;
	}
	must(!errors);
	if (r->n < 200)
		rules_lint(r, 0, &by);
	f = rules_for(r, &t);
	for (size_t i = 0; i < COUNTOF(paths); i++) {
		struct rule_facts x = {.path = span_of(paths[i]), .kind = 'A', .now = &rec};
		struct rules_of_path said;
		struct rules_of_change by_change;

		rules_path(f, x.path, &said);
		must(!(rules_blind(&said) & 1u << ASPECT_LAYER));
		rules_change(f, &x, &by_change);
		rules_explain(f, &x, take_word, &sum);
		(void)rules_excluder(f, x.path);
	}
	return 0;
}
