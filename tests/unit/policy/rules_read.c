/* What a rule file says, and what is refused and where. */
#include "tests/unit/base/unit.h"
#include "base/fd.h"
#include "policy/rules.h"
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define RULE "rules: [{name: a, paths: /x, "
#define WINDOW(name)                                                                               \
	"{name: " #name ", paths: /x, reason: r, hold: {days: mon, at: \"02:00\", for: 2h}}"
static const struct {
	const char *text, *why;
} refused[] = {
	{"- a", "f:1:1: a file of rules is a mapping with the key rules"},
	{"rule: []", "f:1:1: unknown key, a file of rules has: rules"},
	{"rules: []\nrules: []", "f:2:1: rules: is there twice, a file of rules has: rules"},
	{"rules: x", "f:1:8: rules: a list belongs here"},
	{"rules: [x]", "f:1:9: a rule is a mapping: name, paths, and what it gives"},
	{"rules:\n  - paths: /x\n    severity: low", "f:2:5: the rule has no name"},
	{"rules: [{name: a, severity: low}]",
		"f:1:9: the rule matches everything: say so with paths: \"/**\", or say what"},
	{RULE "}]", "f:1:9: the rule says nothing: severity, raise, expect, hold, watch, exclude, "
		    "growing or withhold"},
	{RULE "severity: bad}]",
		"f:1:40: severity: bad is not one of: info, low, medium, high, critical"},
	{RULE "severity: low, severity: low}]", "f:1:45: severity: is there twice"},
	{RULE "raise: 9}]", "f:1:37: raise: a number from -4 to 4 belongs here"},
	{RULE "raise: []}]", "f:1:37: raise: a number from -4 to 4 belongs here"},
	{RULE "growing: 1}]", "f:1:39: growing: true or false belongs here"},
	{RULE "growing: {by: exec}}]", "f:1:40: unknown key by, growing has: origin"},
	{RULE "growing: {origin: nobody}}]",
		"f:1:48: origin: nobody is not one of: unknown, workload, exec, runtime, host"},
	{RULE "exclude: 1}]", "f:1:39: exclude: true or false belongs here"},
	{RULE "exclude: \"true\"}]", "f:1:39: exclude: true or false belongs here"},
	{RULE "watch: []}]", "f:1:37: watch: an empty list matches nothing"},
	{RULE "watch: smell}]",
		"f:1:37: watch: smell is not one of: all, data, rights, meta, content, mode, owner, caps, xattr, type, link, "
		"mtime, flags, mount, layer"},
	{RULE "expect: true}]",
		"f:1:38: expect: {reason: …, owner: …, expires: …}, or false, belongs here"},
	{RULE "expect: {owner: me}}]",
		"f:1:9: expect: without a reason nobody knows later whether it still holds"},
	{RULE "expect: {reason: r, expires: 5d}}]",
		"f:1:59: expires: a day (2027-01-31) or a time (RFC 3339) belongs here"},
	{RULE "expect: {reason: r, expires: 2027-13-01}}]",
		"f:1:59: expires: a day (2027-01-31) or a time (RFC 3339) belongs here"},
	{RULE "expect: {reasons: r}, reason: r}]",
		"f:1:39: unknown key reasons, expect has: reason, owner, expires"},
	{RULE "hold: true, reason: r}]",
		"f:1:36: hold: {from: …, until: …}, {days: …, at: …, for: …}, or false, belongs here"},
	{RULE "hold: {from: 2027-01-01, until: 2027-01-02}}]",
		"f:1:9: hold: without a reason nobody knows what the window is for"},
	{RULE "reason: r, hold: {from: 2027-01-01}}]",
		"f:1:47: hold: needs from and until, or days, at and for: a window that nobody closes "
		"ends by itself"},
	{RULE "reason: r, hold: {from: 2027-01-02, until: 2027-01-01}}]",
		"f:1:47: hold: it ends before it begins"},
	{RULE "reason: r, hold: {from: 2027-01-02, until: 2027-01-02}}]",
		"f:1:47: hold: it ends before it begins"},
	{RULE "reason: r, hold: {from: 1h, until: 2027-01-02}}]",
		"f:1:54: from: a day (2027-01-31) or a time (RFC 3339) belongs here"},
	{RULE "reason: r, hold: {from: 2027-01-01, until: 2027-01-02, zone: utc}}]",
		"f:1:47: hold: from and until go with no other time"},
	{RULE "reason: r, hold: {days: mon, for: 2h}}]",
		"f:1:47: hold: needs from and until, or days, at and for: a window that nobody closes "
		"ends by itself"},
	{RULE "reason: r, hold: {days: monday, at: \"02:00\", for: 2h}}]",
		"f:1:54: days: mon, tue, wed, thu, fri, sat, sun, or daily, belongs here"},
	{RULE "reason: r, hold: {days: mon, at: \"24:00\", for: 2h}}]",
		"f:1:63: at: a time of the day, \"02:00\", belongs here"},
	{RULE "reason: r, hold: {days: mon, at: 2, for: 2h}}]",
		"f:1:63: at: a time of the day, \"02:00\", belongs here"},
	{RULE "reason: r, hold: {days: mon, at: \"02:00\", for: 0s}}]",
		"f:1:77: for: a duration such as 90m or 2h belongs here"},
	{RULE "reason: r, hold: {days: daily, at: \"02:00\", for: 24h}}]",
		"f:1:47: hold: for: the window of mon would still be open, or end, when the next "
		"begins; it may last 23h at most"},
	{RULE "reason: r, hold: {days: mon, at: \"02:00\", for: 2h, zone: here}}]",
		"f:1:87: zone: here is not one of: local, utc"},
	{"rules: [" WINDOW(a) ", " WINDOW(b) ", " WINDOW(a) "]",
		"f:1:157: hold: the name a is taken by the window of f:1"},
	{RULE "match: {}, severity: low}]",
		"f:1:37: match: empty; leave it out when everything is meant"},
	{RULE "match: {target: []}, severity: low}]",
		"f:1:46: target: an empty list matches nothing"},
	{RULE "match: {target: \"[a\"}, severity: low}]",
		"f:1:46: target: [a: a bracket that is not closed"},
	{RULE "match: {labels: [a]}, severity: low}]",
		"f:1:46: labels: a mapping of 1 to 64 labels to globs belongs here"},
	{RULE "match: {origin: me}, severity: low}]",
		"f:1:46: origin: me is not one of: unknown, workload, exec, runtime, host"},
	{RULE "match: {kinds: [A, B]}, severity: low}]", "f:1:49: kinds: B is not one of: A, C, D"},
	{RULE "match: {setuid: yes}, severity: low}]",
		"f:1:46: setuid: true or false belongs here"},
	{RULE "match: {origin: exec}, watch: mode}]",
		"f:1:37: watch, exclude, growing and withhold hold before there is a change: they go by "
		"target and paths alone, so origin, exe, kinds, aspects, setuid, executable and package need a "
		"rule of their own"},
	{"rules: [{name: a, paths: x, severity: low}]",
		"f:1:26: paths: a path begins with / or with **"},
	{"rules: [{name: a, paths: /x/, severity: low}]",
		"f:1:26: paths: ends with a slash: no path does"},
	{"rules: [{name: a, paths: [/y, \"/x[\"], severity: low}]",
		"f:1:31: paths: /x[: a bracket that is not closed"},
	{"rules: [{name: a, paths: [[/y]], severity: low}]", "f:1:27: paths: a text belongs here"},
	{"rules: [{name: \"\", paths: /y, severity: low}]", "f:1:16: name: empty"},
	{"rules: [{name: \"a\\0b\", paths: /y, severity: low}]", "f:1:16: name: a NUL byte"},
	{"rules: [{name: [], paths: /y, severity: low}]", "f:1:16: name: a text belongs here"},
	{"rules: [{name: &a b, paths: /y, severity: low}]",
		"f:1:16: anchors (&name) are not allowed"},
	{"rules: [\xff]", "f:1:9: not UTF-8"},
};

struct told {
	size_t errors, warnings;
	struct buf text;
};

static void hear(void *ctx, const struct rules_finding *f)
{
	struct told *t = ctx;

	*(f->error ? &t->errors : &t->warnings) += 1;
	buf_printf(&t->text, "%s:%u:%u: %s\n", f->file, f->line, f->col, f->text);
}

static void every_mistake_has_its_place(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(refused); i++) {
		RULES struct rules *r = NULL;

		assert_int_equal(rules_parse(&r, "f", span_of(refused[i].text), NULL), -EINVAL);
		assert_null(r);
		assert_string_equal(err_why(), refused[i].why);
	}
}

static void all_mistakes_are_told(void **state UNUSED)
{
	struct told t = {.errors = 0};
	const struct rules_hear by = {.fn = hear, .ctx = &t};
	RULES struct rules *r = NULL;

	assert_int_equal(
		rules_parse(&r, "f",
			span_of("rules:\n- {name: a, paths: /x, severity: no}\n"
				"- {name: b, paths: y, raise: 1}\n- {name: c, color: red}\n"),
			&by),
		-EINVAL);
	assert_int_equal(t.errors, 5);
	assert_non_null(strstr(buf_text(&t.text), "f:2:34: severity"));
	assert_non_null(strstr(buf_text(&t.text), "f:3:20: paths"));
	assert_non_null(strstr(buf_text(&t.text), "f:4:13: unknown key color"));
	buf_free(&t.text);
}

static void values(void **state UNUSED)
{
	static const char text[] =
		"rules:\n"
		"  - name: n\n"
		"    match: {target: [a, b], image: \"i*\", runtime: docker, namespace: prod,\n"
		"      labels: {k: v}, origin: [exec, host], exe: \"**/vim\", kinds: [A, D],\n"
		"      aspects: mode, setuid: true, executable: false}\n"
		"    paths: [/etc/passwd, \"**/x\"]\n"
		"    severity: high\n"
		"    raise: -2\n"
		"    expect: {reason: why, owner: me, expires: 2027-01-31}\n"
		"  - {name: p, paths: /y, watch: [rights, content], exclude: false, growing: true,\n"
		"     withhold: true, reason: because}\n";
	RULES struct rules *r = NULL;
	const struct rule *a, *b;

	assert_int_equal(rules_parse(&r, "f", span_of(text), NULL), 0);
	assert_int_equal(r->n, 2);
	a = &r->rule[0];
	b = &r->rule[1];
	assert_int_equal(a->line, 2);
	assert_int_equal(a->target.n, 2);
	assert_span(a->paths.v[1], LIT("**/x"));
	assert_int_equal(a->origins, 1u << ORIGIN_EXEC | 1u << ORIGIN_HOST);
	assert_int_equal(a->kinds, 5);
	assert_int_equal(a->aspects, 1u << ASPECT_MODE);
	assert_int_equal(a->setuid, 1);
	assert_int_equal(a->executable, 0);
	assert_int_equal(a->severity, SEV_HIGH);
	assert_int_equal(a->raise, -2);
	assert_true(a->expect && a->expires == INT64_C(1801353600000000000));
	assert_span(a->reason, LIT("why"));
	assert_int_equal(a->gives, 1u << RULE_SEVERITY | 1u << RULE_RAISE | 1u << RULE_EXPECT);
	assert_int_equal(b->no, 1);
	assert_true(b->watch & 1u << ASPECT_CAPS && b->watch & 1u << ASPECT_CONTENT);
	assert_false(b->watch & 1u << ASPECT_MTIME);
	assert_true(b->growing && b->withhold && !b->exclude && b->setuid == -1);
	assert_int_equal(rules_next_expiry(r, 0), a->expires);
	assert_int_equal(rules_next_expiry(r, a->expires), 0);
}

static void windows(void **state UNUSED)
{
	static const char text[] =
		"rules:\n"
		"  - {name: once, paths: /x, hold: {from: 2027-01-31, until: 2027-01-31T01:00:00Z,\n"
		"     reason: why, owner: me}}\n"
		"  - {name: again, paths: /x, reason: r,\n"
		"     hold: {days: [mon, sun], at: \"23:59\", for: 90m, zone: utc}}\n"
		"  - {name: never, paths: /x, hold: false}\n";
	RULES struct rules *r = NULL;

	assert_int_equal(rules_parse(&r, "f", span_of(text), NULL), 0);
	assert_true(r->rule[0].hold && r->rule[0].gives == 1u << RULE_HOLD);
	assert_true(r->rule[0].window.from == INT64_C(1801353600000000000));
	assert_true(r->rule[0].window.until == INT64_C(1801357200000000000));
	assert_span(r->rule[0].reason, LIT("why"));
	assert_int_equal(r->rule[1].window.days, 65);
	assert_int_equal(r->rule[1].window.at, 86340);
	assert_true(r->rule[1].window.utc && r->rule[1].window.lasts == INT64_C(5400000000000));
	assert_true(!r->rule[2].hold && r->rule[2].gives == 1u << RULE_HOLD);
	assert_ptr_equal(rules_holding(r, LIT("again")), &r->rule[1]);
	assert_null(rules_holding(r, LIT("never")));
}

/* ---- files ---- */

static const char *dir(void)
{
	static char path[] = "/tmp/boltseal-rules.XXXXXX";

	static bool made; /* its name may end in an X by chance */

	if (!made)
		assert_non_null(mkdtemp(path));
	made = true;
	return path;
}

static void put(const char *name, struct span text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir(), name);
	assert_int_equal(fd_write_file(path, text, 0644), 0);
}

static void drop(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir(), name);
	assert_int_equal(unlink(path), 0);
}

static void assert_fails(const char *name, const char *why)
{
	const char *paths[] = {dir()};
	RULES struct rules *r = NULL;
	char want[256];

	assert_int_equal(rules_load(&r, paths, 1, NULL), -EINVAL);
	snprintf(want, sizeof(want), "%s/%s:%s", dir(), name, why);
	assert_string_equal(err_why(), want);
	drop(name);
}

static void files_come_in_order_of_name(void **state UNUSED)
{
	const char *paths[] = {dir()};
	RULES struct rules *r = NULL, *again = NULL;

	put("20-b.yaml", span_of("rules: [{name: b, paths: /x, severity: low}]"));
	put("10-a.yml", span_of("rules: [{name: a, paths: /x, severity: high}]"));
	put("30-empty.yaml", span_of("# nothing\n"));
	put("40-not", span_of("rules: ["));
	put(".hidden.yaml", span_of("rules: ["));
	assert_int_equal(rules_load(&r, paths, 1, NULL), 0);
	assert_int_equal(r->n, 2);
	assert_int_equal(r->n_files, 3);
	assert_span(r->rule[0].name, LIT("a"));
	assert_span(r->rule[1].name, LIT("b"));
	put("20-b.yaml", span_of("rules: [{name: b, paths: /x, severity: info}]"));
	assert_int_equal(rules_load(&again, paths, 1, NULL), 0);
	assert_int_equal(rules_digest(r), 0);
	assert_int_equal(rules_digest(again), 0);
	assert_memory_not_equal(r->digest, again->digest, SHA_LEN);
	drop("40-not");
	drop(".hidden.yaml");
}

static void hostile_files(void **state UNUSED)
{
	char path[128];
	BUF struct buf big = {0};

	snprintf(path, sizeof(path), "%s/a.yaml", dir());
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_fails("a.yaml", "1:1: not a regular file");
	assert_int_equal(symlink("/dev/zero", path), 0);
	assert_fails("a.yaml", "1:1: not a regular file");
	assert_int_equal(symlink("/nowhere", path), 0);
	assert_fails("a.yaml", "1:1: No such file or directory");
	buf_add_text(&big, "rules:\n");
	while (big.n <= 1 << 20)
		buf_add_text(&big, "- {name: a, paths: /x, severity: low}\n");
	put("a.yaml", buf_span(&big));
	assert_fails("a.yaml", "1:1: larger than 1 MiB");
}

/* 100,000 of them, in files that are small enough each. */
static void too_many(void **state UNUSED)
{
	const char *paths[] = {dir()};
	BUF struct buf text = {0};
	RULES struct rules *r = NULL;
	char name[32];

	buf_add_text(&text, "rules:\n");
	for (int i = 0; i < 10000; i++)
		buf_add_text(&text, "- {name: a, paths: /x, severity: low}\n");
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "m%d.yaml", i);
		put(name, buf_span(&text));
	}
	assert_int_equal(rules_load(&r, paths, 1, NULL), -EINVAL);
	assert_non_null(strstr(err_why(), "more than 20000 rules"));
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "m%d.yaml", i);
		drop(name);
	}
}

static void shipped_rules_are_right(void **state UNUSED)
{
	static const char *const paths[] = {"conf/rules.d"};
	struct told t = {.errors = 0};
	const struct rules_hear by = {.fn = hear, .ctx = &t};
	RULES struct rules *r = NULL;

	if (rules_load(&r, paths, 1, &by) < 0 || rules_lint(r, 0, &by))
		fail_msg("%s", buf_text(&t.text));
	assert_true(r->n > 15);
	for (size_t i = 0; i < r->n; i++)
		if (!r->rule[i].reason.n)
			fail_msg("%s says not why", (const char *)r->rule[i].name.p);
	buf_free(&t.text);
}

static const char *name_of(const struct rule *r)
{
	return r ? (const char *)r->name.p : "-";
}

/* boltseald does not watch while it is upgraded: what dpkg writes then is found, and is nobody's. */
static void an_upgrade_of_ours_is_no_alarm(void **state UNUSED)
{
	static const char *const paths[] = {"conf/rules.d"};
	static const struct record plain = {.type = FILE_REG, .mode = 0644},
				   program = {.type = FILE_REG, .mode = 0755},
				   suid = {.type = FILE_REG, .mode = 04755};
	static const struct {
		const char *path;
		const struct record *now;
		enum origin origin;
		enum severity severity; /* of the rule that gives it */
		const char *expect;
	} rows[] = {
		{"/var/lib/dpkg/updates/0012", &plain, ORIGIN_UNKNOWN, SEV_HIGH,
			"package-in-between"},
		{"/var/lib/dpkg/updates/tmp.i", &plain, ORIGIN_UNKNOWN, SEV_HIGH,
			"package-in-between"},
		{"/var/lib/dpkg/lock", &plain, ORIGIN_UNKNOWN, SEV_HIGH, "package-in-between"},
		{"/var/lib/dpkg/updates/x", &plain, ORIGIN_UNKNOWN, SEV_HIGH, "-"},
		{"/var/lib/dpkg/updates/0012", &program, ORIGIN_UNKNOWN, SEV_HIGH, "-"},
		{"/var/lib/dpkg/updates/0012", &suid, ORIGIN_UNKNOWN, SEV_CRITICAL, "setuid"},
		{"/var/lib/dpkg/status", &plain, ORIGIN_UNKNOWN, SEV_MEDIUM, "-"},
		{"/var/lib/dpkg/status", &plain, ORIGIN_HOST, SEV_HIGH, "-"},
		{"/var/lib/dpkg/status", NULL, ORIGIN_UNKNOWN, SEV_HIGH, "-"},
		{"/var/lib/dpkg/info/x.postinst", &program, ORIGIN_UNKNOWN, SEV_HIGH, "-"},
	};
	struct target host = {.kind = TARGET_HOST, .name = LIT("host"), .runtime = LIT("host")};
	RULES_FOR struct rules_for *f = NULL;
	RULES struct rules *r = NULL;

	assert_int_equal(rules_load(&r, paths, 1, NULL), 0);
	f = rules_for(r, &host);
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct rule_facts x = {.path = span_of(rows[i].path),
			.kind = rows[i].now ? 'C' : 'D',
			.aspects = 1u << ASPECT_CONTENT,
			.now = rows[i].now,
			.origin = rows[i].origin};
		struct rules_of_change by;

		rules_change(f, &x, &by);
		if (!by.severity || by.severity->severity != rows[i].severity ||
			strcmp(name_of(by.expect), rows[i].expect) != 0)
			fail_msg("row %zu: %s, %s", i, name_of(by.severity), name_of(by.expect));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_mistake_has_its_place),
		cmocka_unit_test(all_mistakes_are_told),
		cmocka_unit_test(values),
		cmocka_unit_test(windows),
		cmocka_unit_test(files_come_in_order_of_name),
		cmocka_unit_test(hostile_files),
		cmocka_unit_test(too_many),
		cmocka_unit_test(shipped_rules_are_right),
		cmocka_unit_test(an_upgrade_of_ours_is_no_alarm),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);

	drop("10-a.yml");
	drop("20-b.yaml");
	drop("30-empty.yaml");
	rmdir(dir());
	return r;
}
