#include "daemon/sensor/importing.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "daemon/log.h"
#include "golden/file.h"
#include "trust/keyring.h"
#include <sys/stat.h>
#include <unistd.h>

struct import {
	struct job job;
	struct examiner *ex;
	struct import_wish wish;
	char *keys_dir;
	struct item_golden_end *end; /* on its way to the ledger */
	struct buf file;
	struct golden_mem mem;
	struct golden golden;
	struct keyring *keys;
};

static void import_free(struct import *im)
{
	fd_close(&im->wish.fd);
	if (im->end)
		item_free(&im->end->item);
	golden_mem_free(&im->mem);
	buf_free(&im->file);
	if (im->keys)
		keyring_fini(im->keys);
	free(im->keys);
	free(im->keys_dir);
	free(im);
}

static void import_drop(struct job *j)
{
	import_free(container_of(j, struct import, job));
}

/* Whoever handed it in may still write to it: what counts is the copy. */
static int copy(struct import *im)
{
	struct stat st;

	if (fstat(im->wish.fd, &st) < 0)
		return err_sys("what the gateway handed in");
	if (!S_ISREG(st.st_mode))
		return err_set(-EBADMSG, "what the gateway handed in is no file");
	if (st.st_size < 0 || (uint64_t)st.st_size > IMPORT_MAX)
		return err_set(-EFBIG, "baseline file: larger than %llu MiB",
			(unsigned long long)(IMPORT_MAX >> 20));
	if (lseek(im->wish.fd, 0, SEEK_SET) < 0)
		return err_sys("what the gateway handed in");
	return fd_read_all(im->wish.fd, (size_t)st.st_size, &im->file);
}

/* ---- signatures ---- */

/* 0: its state is known. Negative: the file is refused. */
static int judge_one(struct import *im, struct gold_signature *s, const struct signature *sig)
{
	const struct public_key *key = keyring_find(im->keys, sig->key);
	int r = key ? sign_check(key->key, SIGN_BASELINE, im->golden.digest, sig) : 0;

	if (r < 0) /* somebody has altered it, or copied it here from another file */
		return err_wrap(r, "key %s", key->name);
	r = keyring_check(im->keys, SIGN_BASELINE, im->golden.digest, sig, &key);
	s->state = r == 0 ? GOLD_GOOD : r == KEYRING_UNKNOWN ? GOLD_UNKNOWN : GOLD_REFUSED;
	if (key)
		s->name = arena_dup(&im->end->mem, span_of(key->name));
	if (s->state == GOLD_REFUSED && !im->end->why.n)
		buf_add_text(&im->end->why, err_why());
	return 0;
}

static int judge_all(struct import *im)
{
	struct gold *g = im->end->gold;
	struct rd at = rd_of(im->golden.signatures);
	struct span block;
	int r = 0;

	while (r == 0 && golden_signature(&at, &block) && g->n_signatures < GOLD_SIGNATURES_MAX) {
		struct gold_signature *s = &g->signature[g->n_signatures++];
		struct rd in = rd_of(block);
		struct signature sig;

		r = signature_decode(&in, &sig);
		if (r == 0 && !rd_end(&in))
			r = err_set(
				-EBADMSG, "baseline file: a signature is longer than it should be");
		if (r < 0)
			break;
		memcpy(s->key, sig.key, SHA_LEN);
		s->time = sig.time;
		s->block = arena_dup(&im->end->mem, block);
		r = judge_one(im, s, &sig);
	}
	return r;
}

static int check_signatures(struct import *im)
{
	int r = keyring_read(im->keys, im->keys_dir);

	if (r == 0)
		r = judge_all(im);
	if (r < 0 || gold_is_signed(im->end->gold)) {
		buf_reset(&im->end->why);
		return r;
	}
	if (im->end->why.n) /* the only keys that signed it count no more */
		return err_set(-EKEYREJECTED, "%.400s", buf_text(&im->end->why));
	if (!im->wish.require_signed)
		return 0;
	im->end->told_as = SEV_MEDIUM;
	return err_set(-EKEYREJECTED,
		im->golden.n_signatures
			? "no key that is trusted here has signed it, and trust.require_signed wants that: "
			  "put the key's public half into %s"
			: "it is not signed, and trust.require_signed wants that: `boltseal baseline sign` "
			  "does, with a key whose public half is in %s",
		im->keys_dir);
}

/* ---- what it has on top of the image ---- */

/* Keys that may sign an accept, each counted once. */
static unsigned count_accepting(const struct import *im)
{
	const struct gold *g = im->end->gold;
	unsigned n = 0;

	for (size_t i = 0; i < g->n_signatures; i++) {
		const struct public_key *key = keyring_find(im->keys, g->signature[i].key);
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again |= sha_same(g->signature[k].key, g->signature[i].key);
		n += g->signature[i].state == GOLD_GOOD && key && !again &&
		     (key->roles & 1u << SIGN_ACCEPT);
	}
	return n;
}

static void add_reasons(const struct golden *f, struct buf *out)
{
	for (size_t i = 0; i < f->n_generations; i++)
		if (f->generations[i].reason.n) {
			buf_add_text(out, out->n ? "; " : "");
			buf_add_span(out, f->generations[i].reason);
		}
}

/* They become part of the baseline of every container of the image, so they are held to what an accept is. */
static int check_accepts(struct import *im)
{
	const struct golden *f = &im->golden;
	BUF struct buf why = {0};
	unsigned n = count_accepting(im);

	if (!f->n_accepts)
		return 0;
	add_reasons(f, &why);
	if (!why.n)
		return err_set(-EBADMSG, "no reason is given for the changes that it accepts");
	if (f->accepts.n > GOLD_ACCEPTS_MAX)
		return err_set(
			-EFBIG, "more than %d MiB of accepted changes", GOLD_ACCEPTS_MAX >> 20);
	if (n < im->wish.accept_signatures)
		return err_set(-EKEYREJECTED,
			"it accepts changes on top of the image, and this host wants accepts signed by %u keys "
			"(trust.accept_signatures): %u that may do so have signed the file",
			im->wish.accept_signatures, n);
	im->end->gold->accept_list = f->accepts;
	im->end->gold->accept_why = arena_dup(&im->end->mem, buf_span(&why));
	return 0;
}

/* ---- the file ---- */

static int describe(struct import *im)
{
	const struct golden *f = &im->golden;
	struct gold *g = im->end->gold;

	if (!f->has_image || !f->n_layers) {
		im->end->told_as = SEV_N;
		return err_set(-EBADMSG,
			"the file is not of an image: what it is of has no digest to be found by");
	}
	if (f->n_layers > GOLD_LAYERS_MAX) {
		im->end->told_as = SEV_N;
		return err_set(-E2BIG, "an image with more than %d layers", GOLD_LAYERS_MAX);
	}
	memcpy(g->image, f->image, SHA_LEN);
	memcpy(g->root, f->root, SHA_LEN);
	memcpy(g->file, f->digest, SHA_LEN);
	g->has_manifest = f->has_manifest;
	memcpy(g->manifest, f->manifest, SHA_LEN);
	g->name = arena_dup(&im->end->mem, f->name);
	g->host = arena_dup(&im->end->mem, f->host);
	g->created = f->created;
	g->accepts = f->n_accepts;
	g->accept_list = arena_dup(&im->end->mem, g->accept_list);
	g->n_layers = f->n_layers;
	im->end->bytes = calloc(f->n_layers, sizeof(*im->end->bytes));
	must(im->end->bytes);
	for (size_t i = 0; i < f->n_layers; i++) {
		memcpy(g->layer[i].diff_id, f->layers[i].diff_id, SHA_LEN);
		memcpy(g->layer[i].canon, f->layers[i].canon, SHA_LEN);
		im->end->bytes[i] = f->layers[i].n_bytes;
	}
	return 0;
}

static void say_what(struct import *im)
{
	if (!im->golden.has_image)
		return;
	buf_add_text(&im->end->what, "image sha256:");
	text_hex(&im->end->what, span_make(im->golden.image, SHA_LEN));
}

static int read_file(struct import *im)
{
	int r = copy(im);

	if (r == 0)
		r = golden_read(buf_span(&im->file), &im->mem, &im->golden);
	if (r < 0)
		return r;
	say_what(im);
	r = check_signatures(im);
	if (r == 0)
		r = check_accepts(im);
	return r < 0 ? r : describe(im);
}

/* ---- to the ledger ---- */

static void push_rows(void *ctx, struct item_golden_rows *rows)
{
	struct import *im = ctx;

	examiner_push(im->ex, &rows->item);
}

/* An image may have the same layer twice: its rows are written once. */
static bool was_before(const struct gold *g, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (sha_same(g->layer[k].diff_id, g->layer[i].diff_id) &&
			sha_same(g->layer[k].canon, g->layer[i].canon))
			return true;
	return false;
}

static int write_layers(struct import *im)
{
	struct gold *g = im->end->gold;
	struct item_golden_begin *b = calloc(1, sizeof(*b));
	uint8_t identity[SHA_LEN];
	int r = 0;

	must(b);
	b->item.kind = ITEM_GOLDEN_BEGIN;
	b->gold = calloc(1, sizeof(*b->gold));
	must(b->gold);
	b->gold->n_layers = g->n_layers;
	memcpy(b->gold->layer, g->layer, sizeof(g->layer));
	examiner_push(im->ex, &b->item);
	for (size_t i = 0; r == 0 && i < g->n_layers; i++) {
		gold_identity(g->layer[i].diff_id, g->layer[i].canon, identity);
		if (!was_before(g, i))
			r = importing_rows(im->golden.layers[i].records, identity, push_rows, im);
	}
	return r;
}

static void import_run(struct job *j, struct worker *w)
{
	struct import *im = container_of(j, struct import, job);
	struct item_golden_end *end = im->end;
	int r = read_file(im);
	bool begun = r == 0;

	(void)w;
	if (begun)
		r = write_layers(im);
	if (r < 0) {
		log_warn("a baseline file was refused: %s", err_why());
		end->failed = true;
		buf_reset(&end->why);
		buf_add_text(&end->why, err_why());
	}
	if (r < 0 && !begun)
		free(take(end->gold));
	examiner_push(im->ex, &take(im->end)->item);
	import_free(im);
}

bool importing_begin(struct examiner *ex, struct import_wish *wish)
{
	struct import *im;

	if (atomic_exchange(wish->busy, true))
		return false;
	im = calloc(1, sizeof(*im));
	must(im);
	im->job.run = import_run;
	im->job.drop = import_drop;
	im->ex = ex;
	im->wish = *wish;
	wish->fd = -1;
	im->keys_dir = strdup(wish->keys_dir);
	im->keys = calloc(1, sizeof(*im->keys));
	im->end = calloc(1, sizeof(*im->end));
	must(im->keys_dir && im->keys && im->end);
	im->end->item.kind = ITEM_GOLDEN_END;
	im->end->gold = calloc(1, sizeof(*im->end->gold));
	must(im->end->gold);
	im->end->replace = wish->replace;
	im->end->told_as = SEV_HIGH;
	im->end->uid = wish->uid;
	im->end->asker = wish->asker;
	im->end->ask_id = wish->ask_id;
	im->end->busy = wish->busy;
	jobs_add(ex->jobs, JOB_BASELINE, &im->job);
	return true;
}
