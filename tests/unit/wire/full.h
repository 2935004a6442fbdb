/* full.h - one of every noun with every member set, for tests that look at all of them. */
#pragma once

#include "wire/beat.h"
#include "wire/checkpoint.h"
#include "wire/event.h"
#include "wire/held.h"
#include "model/verdict.h"
#include "wire/noun.h"
#include <string.h>

struct full {
	struct buf xattrs, rec, old, dev, link, actor, labels, ruling, package;
	struct change change;
	struct gap gap;
	struct target target;
	struct event event;
	struct session session;
	struct actor leader;
	uint8_t drift_id[SHA_LEN], prev[SHA_LEN];
	struct span names[2];
	struct buf heartbeat, held, flood, checkpoint;
	struct fold fold;
	struct verdict verdict;
};

static inline const struct verdict *full_verdict(struct full *f)
{
	/* As verdict_odd_add() writes it; nobody frees these. */
	static const uint8_t odd[] = {'C', 3, 2, 'a', 0xff};

	f->verdict = (struct verdict){.state = VERDICT_BROKEN,
		.how = VERDICT_HOW_TAR_SPLIT,
		.when = 2,
		.since = 1,
		.entries = 3,
		.files = 4,
		.bytes = 5,
		.n_odd = 6,
		.digest = span_of("sha256:00"),
		.manifest = span_of("sha256:01"),
		.why = span_of("why"),
		.odds = span_make(odd, sizeof(odd)),
		.by = {.state = SIGNED_VERIFIED,
			.demanded = true,
			.manifest = span_of("sha256:02"),
			.key = span_of("release.pub"),
			.reference = span_of("r.example/app"),
			.why = span_of("why"),
			.unmet = span_of("unmet")}};
	return &f->verdict;
}

static inline void full_records(struct full *f)
{
	static const uint8_t caps[] = {
		1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
	struct record rec = {.type = FILE_REG,
		.mode = 04755,
		.uid = 1,
		.gid = 2,
		.size = 5,
		.mtime = INT64_C(1700000000123456789),
		.flags = FLAG_IMMUTABLE | FLAG_SYNC,
		.has_sha = true};

	memset(rec.sha, 0xab, SHA_LEN);
	xattr_add(&f->xattrs, span_of("security.capability"), span_make(caps, sizeof(caps)));
	xattr_add(&f->xattrs, span_of("user.empty"), span_of(""));
	xattr_add(&f->xattrs, span_of("user.text"), span_of("plain"));
	xattr_add(&f->xattrs, span_of("user.zero"), span_make("\0\xff", 2));
	rec.xattrs = buf_span(&f->xattrs);
	record_encode(&rec, &f->rec);
	rec.xattrs = span_of("");
	rec.mode = 0644;
	record_encode(&rec, &f->old);
	record_encode(
		&(struct record){.type = FILE_CHR, .rdev_major = 5, .rdev_minor = 1}, &f->dev);
	record_encode(
		&(struct record){.type = FILE_LINK, .link = span_make("/t\xff", 3)}, &f->link);
}

static inline void full_target(struct full *f)
{
	struct target bare = {.labels = span_of("")};
	struct buf *l = &f->labels;

	buf_bytes(l, span_of("b.label"));
	buf_bytes(l, span_of("2"));
	buf_bytes(l, span_of("a.label"));
	buf_bytes(l, span_of("1 \" \n"));
	bare.no = 7;
	bare.kind = TARGET_CONTAINER;
	bare.state = STATE_RUNNING;
	bare.level = LEVEL_L1;
	bare.id = span_of("4bd1b0c3a6ce0d3f4bd1b0c3a6ce0d3f4bd1b0c3a6ce0d3f4bd1b0c3a6ce0d3f");
	bare.name = span_of("web");
	bare.runtime = span_of("docker");
	bare.image = span_of("nginx:1.25");
	bare.image_digest = span_of("sha256:00");
	bare.pod_name = span_of("web-0");
	bare.pod_namespace = span_of("prod");
	bare.pod_uid = span_of("u-1");
	bare.labels = buf_span(l);
	bare.fs_type = span_of("overlay");
	bare.upper = span_of("/var/lib/docker/overlay2/x/diff");
	bare.found = 1;
	bare.stopped = 2;
	bare.removed = 3;
	bare.pid = 42;
	f->target = bare;
}

static inline void full_change(struct full *f)
{
	struct actor who = {.pid = 10,
		.start = 20,
		.has_uid = true,
		.uid = 1000,
		.gid = 1001,
		.login_uid = 1002,
		.exe = span_of("/bin/sh"),
		.cmdline = span_make("sh\0-c\0x\0", 8),
		.comm = span_of("sh"),
		.container = span_of("4bd1"),
		.origin = ORIGIN_EXEC,
		.login_session = 3,
		.exe_host = span_make("/up/\xff", 5),
		.cwd = span_of("/root"),
		.tty = span_of("pts/0"),
		.session = span_of("9-19"),
		.drifted = true,
		.has_sha = true,
		.up = {{9, 19, span_of("sh"), span_make("/b\xff", 3)},
			{0, 0, span_of("runc"), {0}}},
		.n_up = 2,
		.reason = span_of("why")};

	f->leader = who;
	f->session = (struct session){.id = span_of("9-19"),
		.opened = 1,
		.closed = 2,
		.leader = &f->leader,
		.n_paths = 3,
		.paths = f->names,
		.n_listed = 2};

	actor_encode(&who, &f->actor);
	ruling_encode(&(struct ruling){.name = span_of("rule"),
			      .file = span_of("/etc/r.yaml"),
			      .reason = span_of("why"),
			      .owner = span_of("me"),
			      .line = 3,
			      .expected = true},
		&f->ruling);
	package_encode(
		&(struct package_note){span_of("dpkg"), span_of("base-files"), span_of("1.2-3"),
			span_of("amd64"), true, PACKAGE_MD5, span_of("0123456789abcdef"),
			span_of("fedcba9876543210"), PACKAGE_MISMATCH},
		&f->package);
	f->change = (struct change){.kind = 'C',
		.path = span_make("/etc/\xffx", 7),
		.aspects = 1u << ASPECT_CONTENT | 1u << ASPECT_MODE,
		.severity = SEV_HIGH,
		.first = 1,
		.last = 2,
		.seq = 3,
		.unsettled = true,
		.from = span_of("/old"),
		.mount = span_of("tmpfs"),
		.old = buf_span(&f->old),
		.now = buf_span(&f->rec),
		.actor = buf_span(&f->actor),
		.ruling = buf_span(&f->ruling),
		.package = buf_span(&f->package)};
	f->gap = (struct gap){.id = 9,
		.target = 7,
		.path = span_of("/var"),
		.cause = GAP_OVERFLOW,
		.from = 1,
		.opened = 2,
		.closed = 3,
		.count = 4,
		.detail = span_of("a sentence")};
}

static inline void full_heartbeat(struct full *f)
{
	struct json j = json_on(&f->heartbeat);
	struct beat_target t = {span_of("4bd1"), span_of("web"), f->drift_id, 2};
	struct beat_sink s = {span_of("siem"), 4, 1};
	struct beat b = {.version = "0.1.0",
		.interval = INT64_C(60000000000),
		.full = true,
		.targets = &t,
		.n_listed = 1,
		.n_targets = 1,
		.digest = f->drift_id,
		.gaps = 1,
		.holds = 1,
		.sinks = &s,
		.n_sinks = 1};

	show_beat(&j, &b);
}

static inline void full_checkpoint(struct full *f)
{
	struct json j = json_on(&f->checkpoint);
	struct checkpoint c = {.host = span_of("h1"),
		.from = 1,
		.to = 4,
		.last = 1,
		.n_targets = 1,
		.signature = span_of("AAAA")};

	show_checkpoint(&j, &c);
}

static inline void full_held(struct full *f)
{
	struct json j = json_on(&f->held);

	show_held(&j, span_of("web"), SEV_HIGH);
}

static inline void full_flood(struct full *f)
{
	struct json j = json_on(&f->flood);
	struct flood flood = {.state = FLOOD_CONTINUES,
		.n = {1, 2, 3, 4},
		.total = 11,
		.since = 1,
		.from = 2,
		.to = 3,
		.worst = SEV_HIGH,
		.sample = {{7, span_make("/x\xff", 3), span_of("web")},
			{8, span_of("/y"), span_of("db")}},
		.n_samples = 2};

	show_flood(&j, &flood, true);
	f->fold = (struct fold){.n = {[FLOOD_C] = 497}, .from = 1, .to = 2};
}

static inline void full_make(struct full *f)
{
	memset(f, 0, sizeof(*f));
	full_records(f);
	full_target(f);
	full_change(f);
	memset(f->drift_id, 0x11, SHA_LEN);
	full_heartbeat(f);
	full_held(f);
	full_checkpoint(f);
	full_flood(f);
	f->names[0] = span_of("web");
	f->names[1] = span_of("db");
	f->event = (struct event){.seq = 5,
		.time = INT64_C(1700000000000000001),
		.type = EVENT_CHANGE,
		.severity = SEV_HIGH,
		.host = span_of("h1"),
		.target = &f->target,
		.change = &f->change,
		.host_path = span_of("/var/lib/x"),
		.gap = &f->gap,
		.session = &f->session,
		.drift_id = f->drift_id,
		.generation = 2,
		.root = f->drift_id,
		.reason = span_of("why"),
		.has_uid = true,
		.uid = 1000,
		.detail = span_of("a sentence"),
		.layer = span_of("/layer"),
		.names = f->names,
		.n_names = 2,
		.run = span_of(
			"{\"cmdline\":[\"apk\",\"add\",\"x\"],\"counts\":{\"A\":1,\"C\":0,\"D\":0},"
			"\"ended\":true,\"first\":\"2026-11-23T22:14:05.000000000Z\",\"id\":4,"
			"\"last\":\"2026-11-23T22:14:05.000000000Z\",\"manager\":\"apk\","
			"\"n_paths\":1,\"packages\":{\"edited\":0,\"note\":\"why\",\"odd\":1,\"other\":2,"
			"\"same\":3,\"seqs\":[5]},\"paths\":[\"/usr/bin/x\"],\"pid\":7,"
			"\"session\":\"9-19\",\"start\":8,\"worst\":{\"path\":\"/usr/bin/\xef\xbf\xbd\","
			"\"path_b64\":\"L3Vzci9iaW4v/w==\",\"severity\":\"low\"}}"),
		.run_id = 4,
		.heartbeat = buf_span(&f->heartbeat),
		.hold = buf_span(&f->held),
		.checkpoint = buf_span(&f->checkpoint),
		.flood = buf_span(&f->flood),
		.fold = &f->fold};
}

static inline void full_free(struct full *f)
{
	struct buf *all[] = {&f->xattrs, &f->rec, &f->old, &f->dev, &f->link, &f->actor, &f->labels,
		&f->heartbeat, &f->held, &f->ruling, &f->package, &f->flood, &f->checkpoint};

	for (size_t i = 0; i < COUNTOF(all); i++)
		buf_free(all[i]);
}
