/* Prints one of every noun with every member set, a line each: its schema in openapi.yaml, a space,
 * the JSON. With --print only that, for tests/lint/openapi.py; else checks that all of it is
 * sorted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include "full.h"
#include "base/clock.h"
#include "wire/docker.h"
#include "wire/finding.h"
#include "wire/jansson.h"
#include "wire/show.h"
#include <stdio.h>

static struct full f;

static void p_event(struct json *j)
{
	uint8_t id[SHA_LEN];

	event_format(&f.event, f.prev, j->out, id);
}

static void p_record(struct json *j)
{
	struct record rec;

	record_decode(buf_span(&f.rec), &rec);
	show_record(j, &rec);
}

static void p_device(struct json *j)
{
	struct record rec;

	record_decode(buf_span(&f.dev), &rec);
	show_record(j, &rec);
}

static void p_link(struct json *j)
{
	struct record rec;

	record_decode(buf_span(&f.link), &rec);
	show_record(j, &rec);
}

static void p_change(struct json *j)
{
	show_change(j, &f.change, span_make("/h\xff", 3));
}

static void p_drift(struct json *j)
{
	show_drift_item(j, &f.change);
}

static void p_gap(struct json *j)
{
	show_gap(j, &f.gap);
}

static void p_ref(struct json *j)
{
	show_target_ref(j, &f.target);
}

static void p_target(struct json *j)
{
	BUF struct buf list = {.p = NULL};
	struct target_state_rec s = {.generation = 1,
		.n_added = 1,
		.worst = SEV_HIGH,
		.last_sweep = 1,
		.baselined = true};

	buf_bytes(&list, span_of("/a"));
	buf_bytes(&list, span_of("/b"));
	f.target.lowers = f.target.volumes = buf_span(&list);
	show_target(j, &f.target, &s, &(struct show_excluded){f.names, 2, true},
		&(struct show_names){f.names, 2}, full_verdict(&f),
		&(struct show_judged){f.prev, f.names, 2, true});
}

static void p_coverage(struct json *j)
{
	show_coverage(j, &(struct show_coverage){.baselined = true,
				 .late = true,
				 .sensor = "down",
				 .state = STATE_STOPPED,
				 .last_sweep = 1,
				 .gaps = &f.gap,
				 .n_gaps = 1,
				 .excluded = {f.names, 2, true},
				 .verdict = VERDICT_BROKEN,
				 .signature = SIGNED_VERIFIED});
}

static void p_golden(struct json *j)
{
	const struct show_golden_layer layer = {f.prev, f.prev};
	const struct show_golden_signature signature = {f.prev, span_of("release"), "good", 1};

	show_golden(j, &(struct show_golden){.image = f.prev,
			       .manifest = f.prev,
			       .root = f.prev,
			       .file = f.prev,
			       .name = span_of("app:1"),
			       .host = span_of("builder"),
			       .created = 1,
			       .imported = 2,
			       .layers = &layer,
			       .n_layers = 1,
			       .signatures = &signature,
			       .n_signatures = 1});
}

static void p_layer(struct json *j)
{
	show_layer(j, &(struct show_layer){.identity = f.prev,
			      .root = f.prev,
			      .path = span_make("/\xff", 2),
			      .digest = span_of("sha256:0"),
			      .kind = span_of("image"),
			      .records = 1,
			      .bytes = 2,
			      .created = 3,
			      .targets = f.names,
			      .n_targets = 2,
			      .verdict = full_verdict(&f)});
}

static void p_generation(struct json *j)
{
	struct show_generation g = {.no = 2,
		.uid = 3,
		.n_paths = 4,
		.time = 5,
		.expires = 6,
		.reason = span_of("why"),
		.drift_id = f.prev,
		.root = f.prev,
		.golden = f.prev};

	json_open(j, '{');
	show_generation(j, &g, NULL);
	json_close(j, '}');
}

static void print_hold(struct json *j, struct span file)
{
	BUF struct buf lists = {.p = NULL};
	struct hold h = {.name = span_of("web"),
		.reason = span_of("why"),
		.owner = span_of("me"),
		.file = file,
		.line = 3,
		.path = span_make("/\xff", 2),
		.from = 1,
		.until = 2};
	struct hold_path p = {7, 'C', SEV_HIGH, span_make("/\xff", 2)};
	struct show_hold_target t = {7, span_of("4bd1"), span_of("web"), f.drift_id};

	hold_add(&h, &p, &lists);
	show_hold(j, &(struct show_hold){.hold = &h,
			     .to = 2,
			     .counted = true,
			     .listed = true,
			     .own = true,
			     .targets = &t,
			     .n_targets = 1});
}

static void p_hold(struct json *j)
{
	print_hold(j, (struct span){.p = NULL});
}

static void p_hold_of_rule(struct json *j)
{
	print_hold(j, span_of("/etc/r.yaml"));
}

static void p_held(struct json *j)
{
	show_held(j, span_of("web"), SEV_HIGH);
}

static void p_docker(struct json *j)
{
	docker_container(j, &f.target, 10);
}

static void p_finding(struct json *j)
{
	finding_put(j,
		&(struct finding){.check = CHECK_GAP,
			.bad = true,
			.subject = span_of("web"),
			.path = span_make("/x\xff", 3),
			.quote = span_of("says"),
			.since = CLOCK_S},
		"%s", "what");
}

static const struct {
	const char *schema;
	void (*print)(struct json *j);
} nouns[] = {
	{"Event", p_event},
	{"Record", p_record},
	{"Record", p_device},
	{"Record", p_link},
	{"Change", p_change},
	{"DriftItem", p_drift},
	{"Gap", p_gap},
	{"TargetRef", p_ref},
	{"Target", p_target},
	{"Coverage", p_coverage},
	{"Layer", p_layer},
	{"Golden", p_golden},
	{"Generation", p_generation},
	{"Hold", p_hold},
	{"Hold", p_hold_of_rule},
	{"Hold", p_held},
	{"DockerContainer", p_docker},
	{"Finding", p_finding},
};

static void print(size_t i, struct buf *out)
{
	struct json j = json_on(out);

	full_make(&f);
	nouns[i].print(&j);
	full_free(&f);
}

static void test_sorted(void **state UNUSED)
{
	for (size_t i = 0; i < COUNTOF(nouns); i++) {
		BUF struct buf out = {.p = NULL};
		DECREF json_t *v = NULL;
		FREE char *sorted = NULL;

		print(i, &out);
		v = json_loadb(buf_text(&out), out.n, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(v);
		sorted = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
		assert_string_equal(buf_text(&out), sorted);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_sorted)};

	if (argc < 2 || strcmp(argv[1], "--print") != 0)
		return cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < COUNTOF(nouns); i++) {
		BUF struct buf out = {.p = NULL};

		print(i, &out);
		printf("%s %s\n", nouns[i].schema, buf_text(&out));
	}
	return 0;
}
