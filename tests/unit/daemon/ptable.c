/*
 * The process table against a world of made-up processes: pids that come round, programs that end
 * before they are read, events that are lost, lines of processes in and out of a container. Whoever
 * it names was it; whom it cannot name it says so.
 */
#include "ptable_world.h"

static void who(struct world *w, int pid, struct arena *mem, struct actor *a)
{
	uint64_t stamp = 0;

	deliver(w);
	assert_int_equal(ptable_who(w->t, pid, w->since, w->now, &stamp, mem, a), 0);
}

static void check_line(const struct world *w, const struct man *was, const struct actor *a)
{
	static const enum origin truth[] = {ORIGIN_HOST, ORIGIN_WORKLOAD, ORIGIN_EXEC, ORIGIN_HOST};

	(void)w;
	if (a->origin == ORIGIN_UNKNOWN) {
		assert_true(a->reason.n > 0);
		return;
	}
	if (a->origin == ORIGIN_RUNTIME) {
		assert_true(was->root == NO_ROOT || was->root == ROOT_OUTSIDE);
		return;
	}
	assert_int_equal(a->origin, truth[was->root]);
	if (was->root == ROOT_SESSION)
		assert_true(span_is(a->session, was->session));
	else
		assert_int_equal(a->session.n, 0);
	if (was->root == ROOT_SESSION || was->root == ROOT_WORKLOAD)
		assert_true(span_is(a->container, "box"));
}

/* A write, and what happens until it is read: the writer may end, and its pid be another's. */
static void w_write(struct world *w)
{
	ARENA struct arena mem = {0};
	int pid = pick(w, ALIVE, 4);
	struct man was = w->man[pid];
	struct actor a;

	if (!pid)
		return;
	if (!any(w, 4) && pid != w->box_init) {
		w_exit(w, pid);
		if (any(w, 2)) {
			w->man[pid].state = UNUSED_PID;
			if (any(w, 2)) {
				int next = w_fork(w, SHELL);

				if (next && any(w, 2))
					w_exec(w, next);
			}
		}
	}
	who(w, pid, &mem, &a);
	assert_int_equal(a.pid, pid);
	if (!a.start) {
		assert_true(a.reason.n > 0); /* not known, and said */
		return;
	}
	assert_true(a.start == was.start);
	w->asked++;
	w->named += a.origin != ORIGIN_UNKNOWN;
	check_line(w, &was, &a);
	if (!w->lossy && a.reason.n == 0)
		assert_true(span_is(a.exe, name_of(was.exe)));
}

static void step(struct world *w)
{
	uint64_t what = any(w, 100);
	int pid;

	w->now += (int64_t)any(w, 200000);
	if (what < 25) {
		w_fork(w, pick(w, ALIVE, 1));
	} else if (what < 45) {
		pid = pick(w, ALIVE, 4);
		if (pid && pid != w->box_init)
			w_exec(w, pid);
	} else if (what < 60) {
		pid = pick(w, ALIVE, 4);
		if (pid && pid != w->box_init)
			w_exit(w, pid);
	} else if (what < 72) {
		pid = pick(w, ZOMBIE, 4);
		w->man[pid].state = pid ? UNUSED_PID : w->man[pid].state;
	} else if (what < 75) {
		enter_box(w, w_fork(w, RUNC), ROOT_SESSION);
	} else if (what < 77) {
		enter_box(w, w_fork(w, SHELL), ROOT_OUTSIDE);
	} else if (what < 80) {
		pid = pick(w, ALIVE, 4);
		if (pid && pid != w->box_init) {
			w->man[pid].sid = pid;
			queue(w, 's', 0, pid);
		}
	} else if (what < 85) {
		deliver(w);
	} else if (what < 88) {
		deliver(w);
		w->since = w->now; /* the kernel's queue was seen empty */
	} else {
		w_write(w);
	}
}

static void whoever_is_named_was_it(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world w;
		struct session_note n = {0};

		w_open(&w, seed, true);
		for (int i = 0; i < 4000; i++) {
			step(&w);
			ptable_step(w.t, w.now);
			while (ptable_note(w.t, &n))
				assert_string_equal(n.box, "box");
		}
		assert_true(w.asked > 100 && w.named * 100 > w.asked * 60);
		w_close(&w);
	}
}

static void also_when_events_are_lost(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct world w;

		w_open(&w, 1000 + seed, true);
		for (int i = 0; i < 4000; i++) {
			step(&w);
			if (!any(&w, 150))
				lose(&w);
		}
		w_close(&w);
	}
}

/* ---- one by one ---- */

static void a_pid_given_again_at_that_moment_is_nobody(void **state)
{
	ARENA struct arena mem = {0};
	struct world w;
	struct actor a;
	int pid;

	(void)state;
	w_open(&w, 5, true);
	deliver(&w);
	pid = w_fork(&w, SHELL);
	deliver(&w);
	w.since = w.now;
	w_exit(&w, pid); /* having written */
	w.man[pid].state = UNUSED_PID;
	for (int i = 4; i < PIDS; i++)
		if (i != pid && w.man[i].state == UNUSED_PID)
			w.man[i].state = ZOMBIE; /* so that the next is the same */
	assert_int_equal(w_fork(&w, SHELL), pid);
	who(&w, pid, &mem, &a);
	assert_int_equal(a.origin, ORIGIN_UNKNOWN);
	assert_int_equal(a.start, 0);
	assert_true(a.reason.n > 0);
	/* What comes later is the later one's. */
	w.since = w.now;
	who(&w, pid, &mem, &a);
	assert_true(a.start == w.man[pid].start);
	w_close(&w);
}

static void ok_actor(const struct ran_note *n, struct actor *ret)
{
	assert_int_equal(actor_decode(buf_span(&n->actor), ret), 0);
}

static void a_session_outlives_setsid_and_its_parents(void **state)
{
	ARENA struct arena mem = {0};
	struct session_note n = {0};
	struct world w;
	struct actor a;
	int leader, child, orphan;
	char id[40];

	(void)state;
	w_open(&w, 7, true);
	leader = w_fork(&w, RUNC);
	enter_box(&w, leader, ROOT_SESSION);
	deliver(&w);
	memcpy(id, w.man[leader].session, sizeof(id));
	child = w_fork(&w, leader);
	orphan = w_fork(&w, child);
	w.man[orphan].sid = orphan;
	queue(&w, 's', 0, orphan);
	w_exit(&w, child);
	w.man[child].state = UNUSED_PID;
	w_exit(&w, leader);
	w.man[leader].state = UNUSED_PID;
	w_exec(&w, orphan);
	assert_int_equal(w.man[orphan].ppid, w.box_init);
	who(&w, orphan, &mem, &a);
	assert_int_equal(a.origin, ORIGIN_EXEC);
	assert_true(span_is(a.session, id));
	assert_true(a.n_up >= 3);
	assert_int_equal(a.up[0].pid, child);
	assert_int_equal(a.up[1].pid, leader);
	assert_true(span_is(a.up[2].exe, "/usr/bin/runc"));
	assert_int_equal(a.n_up, 3);
	/* Opened; quiet when nothing more came; closed with its last process. */
	assert_true(ptable_note(w.t, &n) && !n.closed);
	assert_string_equal(n.id, id);
	assert_false(ptable_note(w.t, &n));
	w.now += 61 * CLOCK_S;
	ptable_step(w.t, w.now);
	assert_true(ptable_note(w.t, &n) && n.quiet && n.closed);
	w_exit(&w, orphan);
	deliver(&w);
	ptable_step(w.t, w.now);
	assert_false(ptable_note(w.t, &n)); /* what it wrote may still be under way */
	w.now += 2 * CLOCK_S;
	ptable_step(w.t, w.now);
	assert_true(ptable_note(w.t, &n) && !n.quiet && n.closed);
	assert_false(ptable_note(w.t, &n));
	w_close(&w);
}

/* One note a path, the latest; none of the host's. */
static void what_is_run_in_a_container_is_noted(void **state)
{
	struct ran_note n = {.when = 0};
	struct session_note s = {0};
	struct actor a;
	struct world w;
	int leader, child;

	(void)state;
	w_open(&w, 17, true);
	deliver(&w);
	while (ptable_ran(w.t, w.now, &n))
		;
	w_exec(&w, w_fork(&w, SHELL));
	deliver(&w);
	assert_false(ptable_ran(w.t, w.now, &n));
	leader = w_fork(&w, RUNC);
	enter_box(&w, leader, ROOT_SESSION);
	child = w_fork(&w, leader);
	deliver(&w);
	assert_true(ptable_ran(w.t, w.now, &n));
	assert_string_equal(n.box, "box");
	ok_actor(&n, &a);
	assert_int_equal(a.pid, leader);
	assert_false(ptable_ran(w.t, w.now, &n));
	w_exec(&w, child);
	deliver(&w);
	w_exit(&w, child); /* it has ended when somebody asks */
	deliver(&w);
	assert_true(ptable_ran(w.t, w.now, &n));
	ok_actor(&n, &a);
	assert_int_equal(a.pid, child);
	assert_true(span_eq(a.exe, buf_span(&n.path)));
	assert_int_equal(a.origin, ORIGIN_EXEC);
	assert_false(ptable_ran(w.t, w.now, &n));
	while (ptable_note(w.t, &s))
		;
	w_close(&w);
}

/* Its processes may still be there, or their ends not told: once, and no more after that. */
static void a_removed_container_has_no_session(void **state)
{
	struct session_note n = {0};
	struct world w;
	int alive, ended;

	(void)state;
	w_open(&w, 13, true);
	alive = w_fork(&w, RUNC);
	enter_box(&w, alive, ROOT_SESSION);
	ended = w_fork(&w, RUNC);
	enter_box(&w, ended, ROOT_SESSION);
	deliver(&w);
	assert_true(ptable_note(w.t, &n) && !n.closed);
	assert_true(ptable_note(w.t, &n) && !n.closed);
	w_exit(&w, ended);
	deliver(&w);
	ptable_step(w.t, w.now);
	ptable_gone(w.t, span_of("another"), w.now);
	assert_false(ptable_note(w.t, &n));
	ptable_gone(w.t, span_of("box"), w.now);
	for (int i = 0; i < 2; i++)
		assert_true(ptable_note(w.t, &n) && n.closed && !n.quiet);
	w_exit(&w, alive);
	deliver(&w);
	w.now += 100 * CLOCK_S;
	ptable_step(w.t, w.now);
	assert_false(ptable_note(w.t, &n));
	w_close(&w);
}

/* The kernel gives a namespace's number again: who was in the one before is not in this container. */
static void a_container_has_no_session_from_before_it(void **state)
{
	struct session_note n = {0};
	struct world w;
	struct whose_row row = {span_of("new"), BOX_NS, 0, 0, 0};
	int before, within, init;

	(void)state;
	w_open(&w, 11, true);
	deliver(&w);
	ptable_rows(w.t, NULL, 0); /* that of an engine which is not watched */
	before = w_fork(&w, RUNC);
	enter_box(&w, before, ROOT_SESSION);
	deliver(&w);
	w_exit(&w, before);
	deliver(&w);
	w.now += CLOCK_S;
	init = w_fork(&w, RUNC);
	w.man[init].init = true;
	enter_box(&w, init, ROOT_WORKLOAD);
	within = w_fork(&w, RUNC);
	enter_box(&w, within, ROOT_SESSION);
	deliver(&w);
	w_exit(&w, within); /* before the container was looked at */
	deliver(&w);
	row.pid = (uint32_t)init;
	ptable_rows(w.t, &row, 1);
	assert_true(ptable_note(w.t, &n));
	assert_string_equal(n.box, "new");
	assert_string_equal(n.id, w.man[within].session);
	assert_false(ptable_note(w.t, &n));
	session_note_free(&n);
	w_close(&w);
}

static void a_writer_that_has_ended_is_known_for_a_while(void **state)
{
	ARENA struct arena mem = {0};
	struct ptable_stats s;
	struct world w;
	struct actor a;
	int pid;

	(void)state;
	w_open(&w, 9, true);
	pid = w_fork(&w, w.box_init);
	w_exec(&w, pid);
	deliver(&w);
	w_exit(&w, pid);
	w.man[pid].state = UNUSED_PID;
	who(&w, pid, &mem, &a);
	assert_int_equal(a.origin, ORIGIN_WORKLOAD);
	assert_int_equal(a.reason.n, 0);
	assert_true(a.exe.n && a.cmdline.n && a.has_uid && a.start);
	w.now += PTABLE_KEEP + 2 * CLOCK_S;
	ptable_step(w.t, w.now);
	ptable_stats(w.t, &s);
	assert_int_equal(s.ended, 0);
	who(&w, pid, &mem, &a);
	assert_int_equal(a.origin, ORIGIN_UNKNOWN);
	w_close(&w);
}

/* Ended before its exec was read: who it was and where it came from stays known. */
static void a_program_that_was_too_quick_says_so(void **state)
{
	ARENA struct arena mem = {0};
	struct world w;
	struct actor a;
	int pid;

	(void)state;
	w_open(&w, 11, true);
	deliver(&w);
	pid = w_fork(&w, w.box_init);
	w_exec(&w, pid);
	w_exit(&w, pid);
	who(&w, pid, &mem, &a);
	assert_int_equal(a.origin, ORIGIN_WORKLOAD);
	assert_int_equal(a.exe.n, 0);
	assert_true(a.reason.n > 0);
	ptable_opened(w.t, pid, span_of("/bin/quick"), w.now);
	ptable_opened(w.t, pid, span_of("/lib64/ld-linux-x86-64.so.2"), w.now);
	who(&w, pid, &mem, &a);
	assert_true(span_is(a.exe, "/bin/quick"));
	assert_true(span_is(a.comm, "quick"));
	w_close(&w);
}

/* It wrote, and ran another program before anybody looked. */
static void two_programs_in_one_moment_are_told(void **state)
{
	ARENA struct arena mem = {0};
	struct world w;
	struct actor a;
	int pid;

	(void)state;
	w_open(&w, 17, true);
	pid = w_fork(&w, w.box_init);
	w_exec(&w, pid);
	deliver(&w);
	w.since = w.now;
	who(&w, pid, &mem, &a);
	assert_int_equal(a.reason.n, 0);
	w_exec(&w, pid);
	who(&w, pid, &mem, &a);
	assert_true(a.reason.n > 0);
	assert_true(span_is(a.exe, name_of(w.man[pid].exe)));
	w.since = w.now;
	who(&w, pid, &mem, &a);
	assert_int_equal(a.reason.n, 0);
	w_close(&w);
}

/* What it runs after it took mounts of its own may be anything, and so may what that starts. */
static void who_has_mounts_of_its_own_is_told(void **state)
{
	ARENA struct arena mem = {0};
	struct world w;
	struct actor a;
	int pid, child, other;

	(void)state;
	w_open(&w, 19, true);
	pid = w_fork(&w, w.box_init);
	w_exec(&w, pid);
	w.man[pid].aside = true;
	w_exec(&w, pid);
	child = w_fork(&w, pid);
	w_exec(&w, child);
	other = w_fork(&w, w.box_init);
	who(&w, pid, &mem, &a);
	assert_true(a.aside && a.origin == ORIGIN_WORKLOAD && a.reason.n);
	who(&w, child, &mem, &a);
	assert_true(a.aside);
	who(&w, other, &mem, &a);
	assert_false(a.aside);
	w_close(&w);
}

static void the_same_answer_is_not_given_twice(void **state)
{
	ARENA struct arena mem = {0};
	struct world w;
	struct actor a;
	uint64_t stamp = 0;

	(void)state;
	w_open(&w, 13, true);
	deliver(&w);
	assert_int_equal(ptable_who(w.t, w.box_init, 0, w.now, &stamp, &mem, &a), 0);
	assert_int_equal(ptable_who(w.t, w.box_init, 0, w.now, &stamp, &mem, &a), PTABLE_SAME);
	ptable_id(w.t, w.box_init, PTABLE_UID, 77);
	assert_int_equal(ptable_who(w.t, w.box_init, 0, w.now, &stamp, &mem, &a), 0);
	assert_int_equal(a.uid, 77);
	assert_int_equal(ptable_who(w.t, 9999, 0, w.now, &stamp, &mem, &a), 0);
	assert_int_equal(a.origin, ORIGIN_UNKNOWN); /* the sensor itself */
	w_close(&w);
}

/* A chain of processes that fork and end, and more of them than there is room for. */
static void nothing_grows_for_ever(void **state)
{
	ARENA struct arena mem = {0};
	struct ptable_options o = {.read = read_man,
		.own_ns = OWN,
		.tick = TICK,
		.fed = true,
		.alive_max = 50,
		.ended_max = 100};
	struct ptable_stats s;
	struct world w = {0};
	struct actor a;
	uint64_t stamp = 0;

	(void)state;
	o.ctx = &w;
	ptable_new(&w.t, &o);
	for (int pid = 100; pid < 200000; pid++) {
		ptable_fork(w.t, pid - 1, pid, pid * 1000);
		ptable_exit(w.t, pid - 1, pid * 1000 + 1);
	}
	ptable_stats(w.t, &s);
	assert_int_equal(s.alive, 1);
	assert_int_equal(s.ended, 100);
	assert_int_equal(ptable_who(w.t, 199999, 0, 200000000, &stamp, &mem, &a), 0);
	assert_true(a.n_up <= ACTOR_UP_MAX);
	for (int pid = 300000; pid < 300100; pid++)
		ptable_fork(w.t, 199999, pid, 300000000);
	ptable_stats(w.t, &s);
	assert_int_equal(s.alive, 50);
	ptable_free(w.t);
}

/* Without events: as /proc tells it, and read again each time it may have changed. */
static void without_events_proc_is_asked(void **state)
{
	ARENA struct arena mem = {0};
	struct world w;
	struct actor a;
	uint64_t stamp = 0;
	int pid, orphan;

	(void)state;
	w_open(&w, 15, false);
	pid = w_fork(&w, w.box_init);
	w_exec(&w, pid);
	assert_int_equal(ptable_who(w.t, pid, 0, w.now, &stamp, &mem, &a), 0);
	assert_int_equal(a.origin, ORIGIN_WORKLOAD);
	assert_true(span_is(a.exe, name_of(w.man[pid].exe)));
	w_exec(&w, pid);
	w.now += CLOCK_S;
	assert_int_equal(ptable_who(w.t, pid, 0, w.now, &stamp, &mem, &a), 0);
	assert_true(span_is(a.exe, name_of(w.man[pid].exe)));
	/* A daemon below the init with a session of its own: whose, nobody can tell. */
	orphan = w_fork(&w, w.box_init);
	w.man[orphan].sid = orphan;
	stamp = 0;
	assert_int_equal(ptable_who(w.t, orphan, 0, w.now, &stamp, &mem, &a), 0);
	assert_int_equal(a.origin, ORIGIN_UNKNOWN);
	assert_true(span_is(a.container, "box") && a.reason.n);
	/* Another process under the same pid. */
	w.man[pid].state = UNUSED_PID;
	w.man[pid] =
		(struct man){.state = ALIVE, .start = 77777, .ppid = SHELL, .sid = 3, .exe = 5};
	w.now += CLOCK_S;
	assert_int_equal(ptable_who(w.t, pid, 0, w.now, &stamp, &mem, &a), 0);
	assert_int_equal(a.origin, ORIGIN_HOST);
	assert_int_equal(a.start, 77777);
	w_close(&w);
}

/* docker cp: dockerd runs itself once more, with the container's root as its own. */
static void a_runtime_that_copies_is_no_session(void **state)
{
	ARENA struct arena mem = {0};
	struct session_note n = {0};
	struct world w;
	struct actor a;
	uint64_t stamp = 0;
	int pid;

	(void)state;
	for (int again = 0; again < 2; again++) {
		w_open(&w, 16, false);
		pid = w_fork(&w, RUNC);
		w.man[pid].boxed = true;
		w.man[pid].copies = again;
		stamp = 0;
		assert_int_equal(ptable_who(w.t, pid, 0, w.now, &stamp, &mem, &a), 0);
		assert_int_equal(a.origin, again ? ORIGIN_RUNTIME : ORIGIN_EXEC);
		assert_int_equal(a.container.n > 0, !again);
		assert_int_equal(a.session.n > 0, !again);
		assert_true(!again || span_eq(a.exe_host, a.exe));
		assert_int_equal(ptable_note(w.t, &n), !again);
		session_note_free(&n);
		/* What it becomes is the container's. */
		w.man[pid].copies = false;
		w_exec(&w, pid);
		w.now += CLOCK_S;
		assert_int_equal(ptable_who(w.t, pid, 0, w.now, &stamp, &mem, &a), 0);
		assert_int_equal(a.origin, ORIGIN_EXEC);
		while (ptable_note(w.t, &n))
			;
		w_close(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whoever_is_named_was_it),
		cmocka_unit_test(also_when_events_are_lost),
		cmocka_unit_test(a_pid_given_again_at_that_moment_is_nobody),
		cmocka_unit_test(a_session_outlives_setsid_and_its_parents),
		cmocka_unit_test(a_removed_container_has_no_session),
		cmocka_unit_test(what_is_run_in_a_container_is_noted),
		cmocka_unit_test(a_container_has_no_session_from_before_it),
		cmocka_unit_test(a_writer_that_has_ended_is_known_for_a_while),
		cmocka_unit_test(a_program_that_was_too_quick_says_so),
		cmocka_unit_test(two_programs_in_one_moment_are_told),
		cmocka_unit_test(who_has_mounts_of_its_own_is_told),
		cmocka_unit_test(the_same_answer_is_not_given_twice),
		cmocka_unit_test(nothing_grows_for_ever),
		cmocka_unit_test(without_events_proc_is_asked),
		cmocka_unit_test(a_runtime_that_copies_is_no_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
