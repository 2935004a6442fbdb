/* Which rules fit, which of them decides, and what is never reached. */
#include "tests/unit/base/unit.h"
#include "base/clock.h"
#include "base/glob.h"
#include "policy/rules.h"
#include <stdio.h>

static struct rules *parse(const char *text)
{
	struct rules *r = NULL;

	if (rules_parse(&r, "f", span_of(text), NULL) < 0)
		fail_msg("%s", err_why());
	return r;
}

static struct target web(struct buf *labels)
{
	struct target t = {.kind = TARGET_CONTAINER,
		.id = LIT("abcdef"),
		.name = LIT("web-1"),
		.runtime = LIT("docker"),
		.image = LIT("registry.example/team/nginx:1"),
		.pod_namespace = LIT("prod")};

	buf_bytes(labels, LIT("team"));
	buf_bytes(labels, LIT("web/front"));
	t.labels = buf_span(labels);
	return t;
}

static void targets_are_preselected(void **state UNUSED)
{
	static const struct {
		const char *match;
		bool fits;
	} rows[] = {
		{"target: web-1", true},
		{"target: web-*", true},
		{"target: abcdef", true},
		{"target: db", false},
		{"target: [db, \"w*\"]", true},
		{"image: \"*nginx*\"", true},
		{"image: \"*\"", true},
		{"image: nginx", false},
		{"runtime: podman", false},
		{"runtime: [podman, docker]", true},
		{"namespace: prod", true},
		{"namespace: dev", false},
		{"labels: {team: \"web*\"}", true},
		{"labels: {team: \"web*\", tier: x}", false},
		{"labels: {team: ops}", false},
		{"target: web-1, image: other", false},
	};
	BUF struct buf labels = {0};
	struct target t = web(&labels);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		char text[256];
		RULES_FOR struct rules_for *f = NULL;
		RULES struct rules *r = NULL;

		snprintf(text, sizeof(text), "rules: [{name: a, match: {%s}, severity: low}]",
			rows[i].match);
		r = parse(text);
		f = rules_for(r, &t);
		if (rules_for_n(f) != rows[i].fits)
			fail_msg("%s", rows[i].match);
	}
}

static const char order[] =
	"rules:\n"
	"- {name: all, paths: \"/**\", severity: low, raise: 1}\n"
	"- {name: etc, paths: \"/etc/**\", severity: medium}\n"
	"- {name: passwd, paths: /etc/passwd, severity: high}\n"
	"- {name: passwds, paths: \"**/passwd\", match: {origin: exec}, severity: critical}\n"
	"- {name: logs, paths: \"/var/log/**\", growing: true, reason: r}\n"
	"- {name: vim, match: {exe: \"**/vim\"}, paths: \"/etc/*\", expect: {reason: r}}\n"
	"- {name: new, match: {kinds: A, setuid: true}, paths: \"/**\", severity: critical}\n"
	"- {name: cache, paths: \"/var/cache/**\", exclude: true}\n"
	"- {name: but, paths: \"/var/cache/keep/**\", exclude: false}\n"
	"- {name: modes, paths: /opt/x, watch: [mode, owner]}\n"
	"- {name: old, paths: /opt/y, expect: {reason: r, expires: 2020-01-01}}\n";

static const char *name_of(const struct rule *r)
{
	return r ? (const char *)r->name.p : "-";
}

static void the_last_one_decides(void **state UNUSED)
{
	static const struct record plain = {.type = FILE_REG, .mode = 0644},
				   suid = {.type = FILE_REG, .mode = 04755};
	static const struct {
		struct rule_facts x;
		const char *severity, *raise, *expect;
	} rows[] = {
		{{.path = ROW("/a"), .kind = 'C', .now = &plain}, "all", "all", "-"},
		{{.path = ROW("/"), .kind = 'C'}, "all", "all", "-"},
		{{.path = ROW("/etc"), .kind = 'C'}, "all", "all", "-"},
		{{.path = ROW("/etc/a/b"), .kind = 'C', .now = &plain}, "etc", "all", "-"},
		{{.path = ROW("/etc/passwd"), .kind = 'C', .now = &plain}, "passwd", "all", "-"},
		{{.path = ROW("/etc/passwd"), .kind = 'C', .origin = ORIGIN_EXEC}, "passwds", "all",
			"-"},
		{{.path = ROW("/passwd"), .kind = 'C', .origin = ORIGIN_EXEC}, "passwds", "all",
			"-"},
		{{.path = ROW("/etc/x"), .kind = 'C', .exe = ROW("/usr/bin/vim")}, "etc", "all",
			"vim"},
		{{.path = ROW("/etc/x"), .kind = 'C', .exe = ROW("/usr/bin/vi")}, "etc", "all",
			"-"},
		{{.path = ROW("/etc/x"), .kind = 'A', .now = &suid}, "new", "all", "-"},
		{{.path = ROW("/etc/x"), .kind = 'C', .now = &suid}, "etc", "all", "-"},
		{{.path = ROW("/opt/y"), .kind = 'C', .when = INT64_C(2000000000000000000)}, "all",
			"all", "-"},
		{{.path = ROW("/opt/y"), .kind = 'C', .when = 1}, "all", "all", "old"},
	};
	BUF struct buf labels = {0};
	struct target t = web(&labels);
	RULES struct rules *r = parse(order);
	RULES_FOR struct rules_for *f = rules_for(r, &t);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct rules_of_change by;

		rules_change(f, &rows[i].x, &by);
		assert_string_equal(name_of(by.severity), rows[i].severity);
		assert_string_equal(name_of(by.raise), rows[i].raise);
		assert_string_equal(name_of(by.expect), rows[i].expect);
	}
}

/* What packages say: where nobody knows, no rule that asks for it fits. */
static void packages_are_a_fact(void **state UNUSED)
{
	static const char text[] =
		"rules:\n"
		"- {name: none, paths: \"/**\", match: {package: unowned}, raise: 1}\n"
		"- {name: odd, paths: \"/**\", match: {package: [modified, deleted]}, severity: high}\n";
	static const struct {
		uint32_t package;
		const char *severity, *raise;
	} rows[] = {
		{0, "-", "-"},
		{1u << PACKAGE_UNOWNED, "-", "none"},
		{1u << PACKAGE_MODIFIED, "odd", "-"},
		{1u << PACKAGE_DELETED, "odd", "-"},
		{1u << PACKAGE_INSTALLED, "-", "-"},
	};
	BUF struct buf labels = {0}, when = {0};
	struct target t = web(&labels);
	RULES struct rules *r = parse(text);
	RULES_FOR struct rules_for *f = rules_for(r, &t);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct rule_facts x = {
			.path = span_of("/a"), .kind = 'C', .package = rows[i].package};
		struct rules_of_change by;

		rules_change(f, &x, &by);
		assert_string_equal(name_of(by.severity), rows[i].severity);
		assert_string_equal(name_of(by.raise), rows[i].raise);
	}
	rule_when(&r->rule[1], &when);
	assert_string_equal(buf_text(&when), "package modified or deleted");
}

static const char held[] =
	"rules:\n"
	"- {name: early, paths: \"/**\", reason: r, hold: {from: 2027-01-01, until: 2027-01-03}}\n"
	"- {name: late, paths: \"/etc/**\", match: {origin: exec}, reason: r,\n"
	"   hold: {from: 2027-01-02, until: 2027-01-04}}\n"
	"- {name: never, paths: /etc/shadow, hold: false}\n";

static void windows_decide_while_they_are_open(void **state UNUSED)
{
	static const int64_t day = 86400 * CLOCK_S;
	static const struct {
		const char *path;
		int when; /* day of January */
		enum origin origin;
		const char *by;
	} rows[] = {
		{"/a", 0, ORIGIN_EXEC, "-"},
		{"/a", 1, ORIGIN_EXEC, "early"},
		{"/etc/a", 1, ORIGIN_EXEC, "early"},
		{"/etc/a", 2, ORIGIN_EXEC, "late"},
		{"/etc/a", 2, ORIGIN_HOST, "early"},
		{"/etc/a", 3, ORIGIN_EXEC, "late"},
		{"/etc/a", 3, ORIGIN_HOST, "-"},
		{"/etc/a", 4, ORIGIN_EXEC, "-"},
		{"/etc/shadow", 2, ORIGIN_EXEC, "never"},
	};
	BUF struct buf labels = {0};
	struct target t = web(&labels);
	RULES struct rules *r = parse(held);
	RULES_FOR struct rules_for *f = rules_for(r, &t);

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct rule_facts x = {.path = span_of(rows[i].path),
			.kind = 'C',
			.origin = rows[i].origin,
			.when = INT64_C(1798675200000000000) + rows[i].when * day};
		struct rules_of_change by;

		rules_change(f, &x, &by);
		if (strcmp(name_of(by.hold), rows[i].by) != 0)
			fail_msg("row %zu: %s", i, name_of(by.hold));
	}
}

static void add_state(void *ctx, enum rule_prop prop, const struct rule *r, enum rule_state state)
{
	static const char *const names[] = {"decides", "loses", "unfit", "expired", "closed"};
	BUF struct buf value = {0};

	rule_value(r, prop, &value);
	buf_printf(ctx, "%s %s;", name_of(r), names[state]);
	assert_true(value.n > 0);
}

static void windows_are_explained(void **state UNUSED)
{
	BUF struct buf labels = {0}, said = {0};
	struct target t = web(&labels);
	RULES struct rules *r = parse(held);
	RULES_FOR struct rules_for *f = rules_for(r, &t);
	struct rule_facts x = {.path = LIT("/etc/a"), .origin = ORIGIN_EXEC};

	x.when = INT64_C(1798761600000000000); /* the first of January, at its beginning */
	rules_explain(f, &x, add_state, &said);
	assert_string_equal(buf_text(&said), "late closed;early decides;");
	buf_reset(&said);
	x.when += INT64_C(259200000000000); /* the fourth */
	rules_explain(f, &x, add_state, &said);
	assert_string_equal(buf_text(&said), "late expired;early expired;");
}

static void hear_one(void *ctx, const struct rules_finding *f)
{
	buf_printf(ctx, "%u: %s\n", f->line, f->text);
}

/* A window that is open at other times is no reason never to be reached; false is, and so is the same. */
static void windows_are_linted(void **state UNUSED)
{
	BUF struct buf said = {0};
	const struct rules_hear by = {.fn = hear_one, .ctx = &said};
	RULES struct rules *r = parse(
		"rules:\n"
		"- {name: a, paths: /x, reason: r, hold: {days: mon, at: \"02:00\", for: 2h}}\n"
		"- {name: b, paths: /x, reason: r, hold: {days: tue, at: \"02:00\", for: 2h}}\n"
		"- {name: c, paths: /y, reason: r, hold: {days: mon, at: \"02:00\", for: 2h}}\n"
		"- {name: d, paths: /y, reason: r, hold: {days: mon, at: \"02:00\", for: 2h}}\n"
		"- {name: e, paths: /z, reason: r, hold: {days: mon, at: \"02:00\", for: 2h}}\n"
		"- {name: f, paths: /z, hold: false}\n"
		"- {name: g, paths: /w, reason: r, hold: {from: 2020-01-01, until: 2020-01-02}}\n");

	assert_int_equal(rules_lint(r, INT64_C(1798675200000000000), &by), 3);
	assert_non_null(strstr(buf_text(&said), "4: c is never reached: d (f:5)"));
	assert_non_null(strstr(buf_text(&said), "6: e is never reached: f (f:7)"));
	assert_non_null(strstr(buf_text(&said), "8: g has expired: its window is over"));
}

static void what_is_said_of_a_path(void **state UNUSED)
{
	BUF struct buf labels = {0};
	struct target t = web(&labels), host = {.kind = TARGET_HOST, .upper = LIT("/var")};
	RULES struct rules *r = parse(order);
	RULES_FOR struct rules_for *f = rules_for(r, &t);
	RULES_FOR struct rules_for *h = rules_for(r, &host);
	struct rules_of_path p;
	struct span list[4];

	rules_path(f, LIT("/var/log/x.log"), &p);
	assert_true(rules_of_path_says(&p, RULE_GROWING));
	rules_path(f, LIT("/var/log"), &p);
	assert_false(rules_of_path_says(&p, RULE_GROWING));
	rules_path(f, LIT("/opt/x"), &p);
	assert_true(rules_blind(&p) & 1u << ASPECT_CONTENT);
	assert_false(
		rules_blind(&p) & (1u << ASPECT_MODE | 1u << ASPECT_LAYER | 1u << ASPECT_TYPE));
	assert_string_equal(name_of(rules_excluder(f, LIT("/var/cache/a/b"))), "cache");
	assert_null(rules_excluder(f, LIT("/var/cache")));
	assert_null(rules_excluder(NULL, LIT("/var/cache")));
	/* What is below an excluded directory is with it, whatever else is said of it. */
	assert_string_equal(name_of(rules_excluder(f, LIT("/var/cache/keep/x"))), "cache");
	/* A tree of the host: its paths are the host's. */
	rules_path(h, LIT("/log/x"), &p);
	assert_true(rules_of_path_says(&p, RULE_GROWING));
	assert_string_equal(name_of(rules_excluder(h, LIT("/cache/x"))), "cache");
	assert_int_equal(rules_excluded(f, list, 4), 1);
	assert_span(list[0], LIT("/var/cache/**"));
	rules_path(NULL, LIT("/x"), &p);
	assert_false(rules_of_path_says(&p, RULE_EXCLUDE));
}

static void add(void *ctx, enum rule_prop prop, const struct rule *r, enum rule_state state)
{
	static const char marks[] = "*-?x";

	buf_printf(ctx, "%s%c%s ", rule_prop_kinds[prop].name, marks[state], name_of(r));
}

static void losers_are_told(void **state UNUSED)
{
	BUF struct buf labels = {0}, out = {0};
	struct target t = web(&labels);
	RULES struct rules *r = parse(order);
	RULES_FOR struct rules_for *f = rules_for(r, &t);
	struct rule_facts x = {.path = LIT("/etc/passwd"), .when = INT64_C(2000000000000000000)};

	rules_explain(f, &x, add, &out);
	assert_text(&out, "severity?new severity?passwds severity*passwd severity-etc severity-all "
			  "raise*all expect?vim ");
	x.kind = 'C';
	x.origin = ORIGIN_EXEC;
	rules_explain(f, &x, add, &out);
	assert_text(&out, "severity?new severity*passwds severity-passwd severity-etc severity-all "
			  "raise*all expect?vim ");
	x.path = LIT("/opt/y");
	rules_explain(f, &x, add, &out);
	assert_text(&out, "severity?new severity*all raise*all expectxold ");
	rule_when(&r->rule[6], &out);
	assert_text(&out, "kind A, setuid");
	rule_value(&r->rule[9], RULE_WATCH, &out);
	assert_text(&out, "mode, owner");
}

/* The index leaves nothing out: every rule alone says of every path what its glob says. */
static void the_index_agrees_with_the_globs(void **state UNUSED)
{
	static const char *const parts[] = {"a", "b", "*", "**", "a*", "?", "[ab]", "\\\\a"};
	uint64_t seed = 7;
	struct target t = {.kind = TARGET_CONTAINER};

	for (int i = 0; i < 3000; i++) {
		BUF struct buf glob = {0}, text = {0}, path = {0};
		RULES struct rules *r = NULL;
		RULES_FOR struct rules_for *f = NULL;
		struct rules_of_change by;
		struct rule_facts x = {.kind = 'C'};
		bool leading = any_below(&seed, 4) == 0;

		if (leading)
			buf_add_text(&glob, "**");
		for (uint64_t n = 1 + any_below(&seed, 4); n--;)
			buf_printf(&glob, "/%s", parts[any_below(&seed, COUNTOF(parts))]);
		buf_printf(
			&text, "rules: [{name: a, paths: \"%s\", severity: low}]", buf_text(&glob));
		r = parse(buf_text(&text));
		f = rules_for(r, &t);
		for (int k = 0; k < 20; k++) {
			buf_reset(&path);
			for (uint64_t n = 1 + any_below(&seed, 4); n--;)
				buf_printf(&path, "/%s", parts[any_below(&seed, 2)]);
			x.path = buf_span(&path);
			rules_change(f, &x, &by);
			if (!by.severity != !glob_match(r->rule[0].paths.v[0], x.path))
				fail_msg("%s and %s", buf_text(&glob), buf_text(&path));
		}
	}
}

static void hear_both(void *ctx, const struct rules_finding *f)
{
	buf_printf(ctx, "%u %s\n", f->line, f->error ? "error" : "warning");
}

/* One mistake does not hide what else is worth a look. */
static void a_mistake_hides_no_warning(void **state UNUSED)
{
	BUF struct buf out = {0};
	const struct rules_hear by = {hear_both, &out, INT64_C(1700000000000000000)};
	struct rules *r = NULL;

	assert_true(
		rules_parse(&r, "f",
			span_of("rules:\n"
				"- {name: a, paths: /x, severty: low}\n"
				"- {paths: /x, severity: low}\n"
				"- {paths: /y, severity: low}\n"
				"- {name: a, paths: /x, severity: low}\n"
				"- {name: b, paths: /y, expect: {reason: r, expires: 2000-01-01}}"),
			&by) < 0);
	assert_null(r);
	assert_string_equal(
		buf_text(&out), "2 error\n2 error\n3 error\n4 error\n5 warning\n6 warning\n");
}

static void what_leaves_all_out(void **state UNUSED)
{
	static const struct {
		const char *rules;
		bool of_web, of_tree;
	} rows[] = {
		{"{name: a, paths: \"/**\", exclude: true}", true, true},
		{"{name: a, paths: \"**\", exclude: true}", true, true},
		{"{name: a, paths: \"/*\", exclude: true}", true, false},
		{"{name: a, match: {target: \"*\"}, exclude: true}", true, true},
		{"{name: a, match: {target: web-1}, exclude: true}", true, false},
		{"{name: a, paths: \"/srv/**\", exclude: true}", false, true},
		{"{name: a, paths: \"/srv/data\", exclude: true}", false, true},
		{"{name: a, paths: \"/srv/data/x\", exclude: true}", false, false},
		{"{name: a, paths: \"/**\", exclude: true}, {name: b, paths: /etc, exclude: false}",
			false, false},
		{"{name: a, paths: \"/**\", severity: low}", false, false},
	};
	BUF struct buf labels = {0};
	struct target t = web(&labels), tree = t;

	tree.kind = TARGET_HOST;
	tree.name = tree.id = LIT("tree");
	tree.upper = LIT("/srv/data");
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		char text[256];
		RULES_FOR struct rules_for *f = NULL, *h = NULL;
		RULES struct rules *r = NULL;
		struct span globs[2];

		snprintf(text, sizeof(text), "rules: [%s]", rows[i].rules);
		r = parse(text);
		f = rules_for(r, &t);
		h = rules_for(r, &tree);
		if (rules_excludes_all(f) != rows[i].of_web ||
			rules_excludes_all(h) != rows[i].of_tree)
			fail_msg("%s", rows[i].rules);
		if (rows[i].of_web)
			assert_int_equal(rules_excluded(f, globs, 2), 1);
	}
	assert_false(rules_excludes_all(NULL));
}

/* ---- lint ---- */

static void hear(void *ctx, const struct rules_finding *f)
{
	assert_false(f->error);
	buf_printf(ctx, "%u: %s\n", f->line, f->text);
}

static void lint_finds_what_is_not_meant(void **state UNUSED)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"rules:\n- {name: a, paths: /x, severity: low}\n- {name: b, paths: /x, severity: high}",
			"2: a is never reached: b (f:3) matches all of it and comes later\n"},
		{"rules:\n- {name: a, paths: /etc/x, severity: low}\n- {name: b, paths: \"/etc/**\", severity: high}",
			"2: a is never reached: b (f:3) matches all of it and comes later\n"},
		{"rules:\n- {name: a, paths: \"/etc/a/*\", severity: low}\n- {name: b, paths: \"/etc/**\", severity: high}",
			"2: a is never reached: b (f:3) matches all of it and comes later\n"},
		{"rules:\n- {name: a, paths: \"/etc/**\", severity: low}\n- {name: b, paths: /etc/x, severity: high}",
			""},
		{"rules:\n- {name: a, paths: /x, severity: low, raise: 1}\n- {name: b, paths: /x, severity: high}",
			""},
		{"rules:\n- {name: a, paths: /x, severity: low}\n- {name: b, paths: /x, match: {origin: exec}, severity: high}",
			""},
		{"rules:\n- {name: a, paths: /x, match: {origin: exec}, severity: low}\n- {name: b, paths: /x, match: {origin: [exec, host]}, severity: high}",
			"2: a is never reached: b (f:3) matches all of it and comes later\n"},
		{"rules:\n- {name: a, paths: /x, match: {target: web}, severity: low}\n- {name: b, paths: /x, match: {target: \"*\"}, severity: high}",
			"2: a is never reached: b (f:3) matches all of it and comes later\n"},
		{"rules:\n- {name: a, paths: /x, match: {labels: {k: v}}, severity: low}\n- {name: b, paths: /x, match: {labels: {k: v, l: w}}, severity: high}",
			""},
		{"rules:\n- {name: a, paths: /x, severity: low}\n- {name: a, paths: /y, severity: high}",
			"3: the name a is taken already, by f:2\n"},
		{"rules:\n- {name: a, paths: /x, expect: {reason: r, expires: 2000-01-01}}",
			"2: a has expired: what it expected is told again\n"},
		{"rules:\n- {name: a, paths: [/x, \"/**\"], exclude: true}",
			"2: a excludes whole targets: nothing of them is watched\n"},
		{"rules:\n- {name: a, paths: \"/*\", exclude: true}",
			"2: a excludes whole targets: nothing of them is watched\n"},
		{"rules:\n- {name: a, match: {target: web}, exclude: true}",
			"2: a excludes whole targets: nothing of them is watched\n"},
		{"rules:\n- {name: a, paths: \"/**\", exclude: false}", ""},
		{"rules:\n- {name: a, paths: [\"/[a-z]*/x\", \"/srv/**\"], exclude: true}", ""},
	};

	for (size_t i = 0; i < COUNTOF(rows); i++) {
		BUF struct buf out = {0};
		const struct rules_hear by = {.fn = hear, .ctx = &out};
		RULES struct rules *r = parse(rows[i].text);
		size_t n = rules_lint(r, INT64_C(1700000000000000000), &by);

		assert_string_equal(buf_text(&out), rows[i].says);
		assert_int_equal(n, rows[i].says[0] != 0);
	}
}

static void what_was_armed_can_stay(void **state UNUSED)
{
	static const char one
		[] = "rules: [{name: a, paths: /x, exclude: true}]",
	     two[] = "rules: [{name: b, paths: /x, exclude: true}, {name: c, paths: /y, severity: low}]",
	     three[] = "rules: [{name: a, paths: /x, exclude: false}]";
	struct target t = {.kind = TARGET_CONTAINER};
	RULES struct rules *a = parse(one), *b = parse(two), *c = parse(three);
	RULES_FOR struct rules_for *fa = rules_for(a, &t);
	RULES_FOR struct rules_for *fb = rules_for(b, &t);
	RULES_FOR struct rules_for *fc = rules_for(c, &t);

	assert_true(rules_for_same_excludes(fa, fb));
	assert_false(rules_for_same_excludes(fa, fc));
	assert_false(rules_for_same_excludes(fa, NULL));
	assert_true(rules_for_same_excludes(NULL, NULL));
	assert_true(rules_for_same(fa, fa));
	assert_false(rules_for_same(fa, fb));
}

/* 1,000 rules cost a path a few microseconds, since it meets few of them: the figure is printed. */
static void a_thousand_rules_are_cheap(void **state UNUSED)
{
	enum { LOOKS = 20000 };
	BUF struct buf text = {0};
	struct target t = {.kind = TARGET_CONTAINER};
	RULES struct rules *r = NULL;
	RULES_FOR struct rules_for *f = NULL;
	struct rule_facts x = {.path = LIT("/srv/app7/data/deep/down/file.txt"), .kind = 'C'};
	struct rules_of_change by;
	struct rules_of_path p;
	int64_t began;

	buf_add_text(&text, "rules:\n");
	for (int i = 0; i < 1000; i++)
		buf_printf(&text,
			"- {name: r%d, paths: [\"/srv/app%d/**\", /etc/f%d, \"**/n%d\"], %s}\n", i,
			i, i, i, i % 2 ? "severity: high" : "watch: all");
	r = parse(buf_text(&text));
	f = rules_for(r, &t);
	began = clock_thread();
	for (int i = 0; i < LOOKS; i++) {
		rules_change(f, &x, &by);
		rules_path(f, x.path, &p);
	}
	began = (clock_thread() - began) / LOOKS;
	printf("# 1000 rules, 3000 globs: %lld ns a path\n", (long long)began);
	assert_string_equal(name_of(by.severity), "r7");
	assert_true(began < 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_preselected),
		cmocka_unit_test(the_last_one_decides),
		cmocka_unit_test(packages_are_a_fact),
		cmocka_unit_test(windows_decide_while_they_are_open),
		cmocka_unit_test(windows_are_explained),
		cmocka_unit_test(windows_are_linted),
		cmocka_unit_test(what_is_said_of_a_path),
		cmocka_unit_test(losers_are_told),
		cmocka_unit_test(the_index_agrees_with_the_globs),
		cmocka_unit_test(what_leaves_all_out),
		cmocka_unit_test(a_mistake_hides_no_warning),
		cmocka_unit_test(lint_finds_what_is_not_meant),
		cmocka_unit_test(what_was_armed_can_stay),
		cmocka_unit_test(a_thousand_rules_are_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
