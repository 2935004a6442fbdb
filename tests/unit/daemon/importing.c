/* Baseline files from outside: what is taken has the same digest in the store, what is not is refused with its reason. */
#include "../store/place.h"
#include "daemon/log.h"
#include "daemon/sensor/importing.h"
#include "golden/list.h"
#include "golden/stored.h"
#include "store/snapshot.h"
#include "trust/keyring.h"
#include <stdio.h>
#include <sys/mman.h>

static const uint8_t identity[SHA_LEN] = "identity";

/* ---- rows ---- */

struct to_store {
	struct txn *t;
	uint32_t no;
	size_t n;
	uint32_t dir;
};

static void put_rows(void *ctx, struct item_golden_rows *rows)
{
	struct to_store *to = ctx;

	assert_memory_equal(rows->identity, identity, SHA_LEN);
	for (size_t i = 0; i < rows->n_rows; i++) {
		const struct golden_row *row = &rows->row[i];
		struct record rec;

		ok(record_decode(span_make(rows->mem.p + row->rec.off, row->rec.len), &rec));
		assert_true(row->dir >= to->dir); /* in key order: pages stay full */
		to->dir = row->dir;
		ok(snap_put(to->t, to->no, row->dir,
			span_make(rows->mem.p + row->name.off, row->name.len), &rec, row->sub_dir));
		to->n++;
	}
	item_free(&rows->item);
}

static void add(struct golden_list *l, const char *path, enum file_type type)
{
	struct record rec = {.type = type, .mode = 0644, .uid = 7, .mtime = 1700000000000000000};

	if (type == FILE_REG) {
		rec.size = strlen(path);
		rec.has_sha = true;
		sha_once(S(path), rec.sha);
	}
	if (type == FILE_LINK)
		rec.link = S("there");
	ok(golden_list_record(l, S(path), &rec));
}

/* What comes out of the store has the digest that the file has. */
static void round_trip(struct place *p, struct golden_list *l, size_t rows)
{
	BUF struct buf list = {0};
	struct to_store to = {.t = writing(p)};
	CANON struct canon *c = NULL;
	uint8_t want[SHA_LEN], have[SHA_LEN], root[SHA_LEN];
	struct span path;
	struct record rec;
	uint64_t n;
	struct rd at;

	ok(golden_list_end(l, &list));
	ok(canon_new(&c));
	at = rd_of(buf_span(&list));
	while (golden_next(&at, &path, &rec))
		ok(canon_add(c, path, &rec));
	ok(canon_end(c, want));
	ok(snap_create(to.t, identity, S("x"), S("x"), S("golden"), &to.no));
	ok(importing_rows(buf_span(&list), identity, put_rows, &to));
	ok(snap_verify(to.t, to.no, root, &n));
	assert_int_equal(n, to.n);
	if (rows)
		assert_int_equal(to.n, rows);
	ok(stored_canon(to.t, to.no, have));
	assert_memory_equal(want, have, SHA_LEN);
	txn_abort(to.t);
}

static void the_digest_stays(void **state)
{
	GOLDEN_LIST struct golden_list l = {.n = 0};

	add(&l, "", FILE_DIR);
	add(&l, "etc", FILE_DIR);
	add(&l, "etc/passwd", FILE_REG);
	add(&l, "etc-x", FILE_REG); /* '-' is lower than '/': siblings and paths have two orders */
	add(&l, "etc.d", FILE_DIR);
	add(&l, "etc.d/a", FILE_LINK);
	add(&l, "opt", FILE_DIR);
	add(&l, "opt/a", FILE_REG);
	round_trip(*state, &l, 8);
}

static void random_trees(void **state)
{
	srandom(7);
	for (int n = 0; n < 40; n++) {
		GOLDEN_LIST struct golden_list l = {.n = 0};
		char path[64];

		for (int i = 0; i < 21; i++) { /* names with bytes on both sides of '/' */
			snprintf(path, sizeof(path), "d%c/%c%c", "-.0"[i % 3], "ab"[i / 3 % 2],
				"!/z"[i / 6 % 3] == '/' ? 'q' : "!/z"[i / 6 % 3]);
			if (i < 3)
				path[2] = 0;
			if (i < 3 || random() % 3)
				add(&l, path,
					i < 3	       ? FILE_DIR
					: random() % 4 ? FILE_REG
						       : FILE_LINK);
		}
		round_trip(*state, &l, 0);
	}
}

static void many_make_slices(void **state)
{
	GOLDEN_LIST struct golden_list l = {.n = 0};
	char path[32];

	for (int i = 0; i < 2507; i++) {
		snprintf(path, sizeof(path), i < 7 ? "d%d" : "d%d/f%04d", i % 7, i);
		add(&l, path, i < 7 ? FILE_DIR : FILE_REG);
	}
	round_trip(*state, &l, 2500 + 7 + 1);
}

static void refuse(const char *a, const char *b, const char *words)
{
	GOLDEN_LIST struct golden_list l = {.n = 0};
	BUF struct buf list = {0};
	struct to_store to = {.no = 0};

	add(&l, a, FILE_REG);
	if (b)
		add(&l, b, FILE_REG);
	ok(golden_list_end(&l, &list));
	fails(importing_rows(buf_span(&list), identity, put_rows, &to), -EBADMSG);
	says(words);
}

static void no_tree(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[256] = 0;
	refuse("a", "a/b", "no directory");
	refuse("a/b", NULL, "not in it");
	refuse("a//b", NULL, "not in it");
	refuse("/b", NULL, "no name");
	refuse("..", NULL, "no name");
	refuse(".", NULL, "no name");
	refuse(name, NULL, "no name");
	refuse("", NULL, "root");
}

/* ---- files ---- */

struct rig {
	char keys[200];
	struct trust_key *key;
	struct buf file, bare; /* signed, and not */
	struct examiner ex;
	atomic_bool busy;
};

static void sign_with(const struct trust_key *key, struct buf *file)
{
	GOLDEN_MEM struct golden_mem mem = {0};
	BUF struct buf block = {0};
	struct signature s;
	struct golden g;

	ok(golden_read(buf_span(file), &mem, &g));
	ok(sign_digest(key, SIGN_BASELINE, g.digest, 1700000000000000000, S("built"), &s));
	signature_encode(&s, &block);
	ok(golden_sign(&g, buf_span(&block), file));
}

static void make_file(struct buf *out, bool image)
{
	GOLDEN_LIST struct golden_list l = {.n = 0};
	BUF struct buf list = {0};
	struct golden_layer layer[2] = {{.n_records = 0}};
	struct golden g = {.name = S("app:1"),
		.has_image = image,
		.created = 1700000000000000000,
		.layers = layer,
		.n_layers = 2};

	memset(g.image, 'i', SHA_LEN);
	memset(layer[0].diff_id, 'd', SHA_LEN);
	memset(layer[1].diff_id, 'd', SHA_LEN); /* the same twice, as empty layers are */
	add(&l, "etc", FILE_DIR);
	add(&l, "etc/passwd", FILE_REG);
	ok(golden_list_end(&l, &list));
	layer[0].records = layer[1].records = buf_span(&list);
	ok(golden_write(&g, false, out));
}

static void trust(struct rig *r, const struct trust_key *key, int64_t revoked)
{
	struct public_key pub = {.key = (struct trust_key *)key, .revoked = revoked};
	BUF struct buf text = {0};
	char path[300];

	for (int d = 0; d < SIGN_DOMAIN_N; d++)
		pub.roles |= 1u << d;
	snprintf(pub.name, sizeof(pub.name), "release");
	ok(public_key_format(&pub, &text));
	snprintf(path, sizeof(path), "%s/release.pub", r->keys);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fwrite(text.p, 1, text.n, f);
	fclose(f);
}

static int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	snprintf(r->keys, sizeof(r->keys), "%s/boltseal-keys-XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(r->keys));
	ok(trust_key_make(&r->key));
	trust(r, r->key, 0);
	make_file(&r->bare, true);
	buf_add_span(&r->file, buf_span(&r->bare));
	sign_with(r->key, &r->file);
	ok(queue_new(&r->ex.items, 100));
	ok(jobs_new(&r->ex.jobs));
	*state = r;
	return 0;
}

static int rig_teardown(void **state)
{
	struct rig *r = *state;
	char path[300];

	snprintf(path, sizeof(path), "%s/release.pub", r->keys);
	unlink(path);
	rmdir(r->keys);
	trust_key_free(r->key);
	buf_free(&r->file);
	buf_free(&r->bare);
	jobs_free(r->ex.jobs);
	queue_free(r->ex.items);
	free(r);
	return 0;
}

/* What the ledger gets at the end; the rows before it are dropped. */
static struct item_golden_end *import(struct rig *r, struct span file, bool require_signed)
{
	struct import_wish wish = {.fd = memfd_create("test", MFD_CLOEXEC),
		.require_signed = require_signed,
		.keys_dir = r->keys,
		.asker = -1,
		.busy = &r->busy};
	struct job *j;
	void *i;

	assert_int_equal(write(wish.fd, file.p, file.n), file.n);
	assert_true(importing_begin(&r->ex, &wish));
	assert_false(importing_begin(&r->ex, &wish)); /* one at a time */
	j = jobs_take(r->ex.jobs);
	j->run(j, NULL);
	do
		ok(queue_pop(r->ex.items, 0, &i));
	while (((struct item *)i)->kind != ITEM_GOLDEN_END && (item_free(i), true));
	return container_of((struct item *)i, struct item_golden_end, item);
}

static void is_over(struct rig *r, struct item_golden_end *e)
{
	assert_true(atomic_load(&r->busy));
	item_free(&e->item);
	assert_false(atomic_load(&r->busy));
}

static void expect_refused(
	struct rig *r, struct span file, bool require, enum severity told, const char *words)
{
	struct item_golden_end *e = import(r, file, require);

	assert_true(e->failed);
	if (!strstr(buf_text(&e->why), words))
		fail_msg("\"%s\" does not say \"%s\"", buf_text(&e->why), words);
	assert_int_equal(e->told_as, told);
	is_over(r, e);
}

static void expect_taken(struct rig *r, struct span file, const char *signers)
{
	struct item_golden_end *e = import(r, file, false);
	BUF struct buf who = {0};

	if (e->failed)
		fail_msg("refused: %s", buf_text(&e->why));
	gold_signers(e->gold, &who);
	assert_string_equal(buf_text(&who), signers);
	assert_int_equal(e->gold->n_layers, 2);
	assert_int_equal(e->gold->image[5], 'i');
	is_text(e->gold->name, "app:1");
	is_over(r, e);
}

static void taken(void **state)
{
	struct rig *r = *state;

	expect_taken(r, buf_span(&r->file), "release");
	expect_taken(r, buf_span(&r->bare), "");
}

static void every_flipped_bit(void **state)
{
	struct rig *r = *state;

	for (size_t i = 0; i < r->file.n; i++) {
		struct item_golden_end *e;

		r->file.p[i] ^= (uint8_t)(1u << (i % 8));
		e = import(r, buf_span(&r->file), true);
		if (!e->failed)
			fail_msg("a flipped bit in byte %zu of %zu was taken", i, r->file.n);
		/* Of the signature's key alone: nobody trusted has signed it, then. */
		assert_true(e->told_as == SEV_HIGH || i >= r->bare.n);
		is_over(r, e);
		r->file.p[i] ^= (uint8_t)(1u << (i % 8));
	}
}

static void every_cut(void **state)
{
	struct rig *r = *state;

	for (size_t n = 0; n < r->file.n; n++)
		if (n != r->bare.n)
			expect_refused(
				r, span_make(r->file.p, n), false, SEV_HIGH, "baseline file");
	buf_u8(&r->file, 0);
	expect_refused(r, buf_span(&r->file), false, SEV_HIGH, "behind its end");
}

static void another_files_signature(void **state)
{
	struct rig *r = *state;
	BUF struct buf other = {0};

	make_file(&other, false);
	buf_add(&other, r->file.p + r->bare.n, r->file.n - r->bare.n);
	expect_refused(r, buf_span(&other), false, SEV_HIGH, "key release");
}

static void policy(void **state)
{
	struct rig *r = *state;
	CLEANUP(trust_key_free_p) struct trust_key *stranger = NULL;
	BUF struct buf foreign = {0}, tree = {0};

	ok(trust_key_make(&stranger));
	buf_add_span(&foreign, buf_span(&r->bare));
	sign_with(stranger, &foreign);
	expect_taken(r, buf_span(&foreign), "");
	expect_refused(r, buf_span(&foreign), true, SEV_MEDIUM, "no key that is trusted here");
	expect_refused(r, buf_span(&r->bare), true, SEV_MEDIUM, "it is not signed");
	sign_with(r->key, &foreign);
	expect_taken(r, buf_span(&foreign), "release");
	make_file(&tree, false);
	expect_refused(r, buf_span(&tree), false, SEV_N, "not of an image");
	trust(r, r->key, 1);
	expect_refused(r, buf_span(&r->file), false, SEV_HIGH, "revoked");
}

int main(void)
{
	log_init("test", LOG_LEVEL_ERR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_digest_stays, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(random_trees, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(many_make_slices, place_setup, place_teardown),
		cmocka_unit_test(no_tree),
		cmocka_unit_test_setup_teardown(taken, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(every_flipped_bit, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(every_cut, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(another_files_signature, rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(policy, rig_setup, rig_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
