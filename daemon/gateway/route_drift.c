/* GET /v1/targets/{target}/drift: what differs, filtered, a page at a time. */
#include "daemon/gateway/gw.h"
#include "base/err.h"
#include "base/text.h"
#include "wire/show.h"

enum { PAGE = 1000, PAGE_MAX = 10000, HEX = 2 * SHA_LEN };

struct page {
	struct call *call;
	struct target target;
	struct target_state_rec state;
	struct against_want against;
	struct span scope[QUERY_MAX];
	size_t n_scopes;
	bool kind[3]; /* A, C, D */
	enum severity least;
	uint64_t limit;
	struct buf after, last; /* after: the path the cursor names */
	uint64_t n_items;
	bool more;
	struct show_counts counts;
	struct buf items;
	struct json j;
};

static void page_free(struct page *p)
{
	buf_free(&p->after);
	buf_free(&p->last);
	buf_free(&p->items);
}

static int read_paths(struct page *p, const struct query *q)
{
	for (size_t i = 0; i < q->n; i++) {
		struct span path = q->item[i].value;
		int r;

		if (!span_is(q->item[i].name, "path"))
			continue;
		r = view_path(&path);
		if (r < 0)
			return r;
		p->scope[p->n_scopes++] = path;
	}
	return 0;
}

static int read_kinds(struct page *p, const struct span *v)
{
	static const char letters[] = "ACD";

	p->kind[0] = p->kind[1] = p->kind[2] = !v || v->n == 0;
	for (size_t i = 0; v && i < v->n; i++) {
		const char *at = v->p[i] ? strchr(letters, v->p[i]) : NULL;

		if (!at && v->p[i] != ',')
			return err_set(-EINVAL, "kind is made of the letters A, C and D");
		if (at)
			p->kind[at - letters] = true;
	}
	return 0;
}

static int read_cursor(struct page *p, const struct span *v)
{
	if (!v)
		return 0;
	if (text_unb64(*v, &p->after) < 0 || p->after.n == 0 || p->after.p[0] != '/')
		return err_set(-EINVAL, "the cursor is not one that this address gave");
	return 0;
}

static int read_filters(struct page *p, const struct query *q)
{
	const struct span *severity = query_get(q, "severity"), *limit = query_get(q, "limit");
	int r = read_paths(p, q), s = severity ? kind_find(severity_kinds, SEV_N, *severity) : 0;

	if (s < 0)
		return err_set(-EINVAL, "severity is info, low, medium, high or critical");
	p->least = (enum severity)s;
	p->limit = PAGE;
	if (r >= 0 && limit && (r = text_u64(*limit, 1, PAGE_MAX, &p->limit)) < 0)
		err_wrap(r, "limit");
	if (r >= 0)
		r = read_kinds(p, query_get(q, "kind"));
	return r < 0 ? r : read_cursor(p, query_get(q, "cursor"));
}

static int read_other(struct page *p, struct txn *t, struct span word)
{
	int r = view_target(p->call, t, word, ROLE_VIEWER, &p->against.other);

	p->against.what = AGAINST_TARGET;
	if (r != 0)
		return r;
	if (against_same_layers(&p->target, &p->against.other))
		return 0;
	problem(p->call, 409,
		"the two targets do not stack the same image layers, so they cannot be "
		"compared; diff each against its own image");
	return VIEW_ANSWERED;
}

static int read_against(struct page *p, struct txn *t, const struct span *v)
{
	uint64_t gen;

	if (!v || span_is(*v, "baseline"))
		return 0;
	if (span_is(*v, "image")) {
		p->against.what = AGAINST_IMAGE;
		return 0;
	}
	if (!span_starts(*v, span_of("gen:")))
		return read_other(p, t, *v);
	p->against.what = AGAINST_GENERATION;
	if (text_u64(span_make(v->p + 4, v->n - 4), 0, UINT32_MAX - 1, &gen) < 0)
		return err_set(-EINVAL, "against=gen:N takes the number of a generation");
	p->against.generation = (uint32_t)gen;
	if (gen <= p->state.generation || gen == 1)
		return 0;
	problem(p->call, 404, "there is no generation %u; the newest is %u", (unsigned)gen,
		p->state.generation);
	return VIEW_ANSWERED;
}

static bool is_wanted(const struct page *p, const struct change *c)
{
	bool in = p->n_scopes == 0;

	for (size_t i = 0; i < p->n_scopes && !in; i++)
		in = path_within(c->path, p->scope[i]) || above_stands_for(c, p->scope[i]);
	return in && c->severity >= p->least &&
	       p->kind[c->kind == 'A'	? 0
		       : c->kind == 'D' ? 2
					: 1];
}

static int on_change(void *ctx, const struct change *c)
{
	struct page *p = ctx;

	if (!is_wanted(p, c))
		return 0;
	p->counts.added += c->kind == 'A';
	p->counts.changed += c->kind == 'C';
	p->counts.deleted += c->kind == 'D';
	if (p->after.n > 0 && span_cmp(c->path, buf_span(&p->after)) <= 0)
		return 0;
	if (p->n_items == p->limit) {
		p->more = true;
		return 0;
	}
	p->n_items++;
	show_drift_item(&p->j, c);
	buf_reset(&p->last);
	buf_add_span(&p->last, c->path);
	return 0;
}

static void show_cursor(struct page *p, struct json *j)
{
	BUF struct buf text = {.p = NULL};

	json_key(j, "cursor");
	if (!p->more) {
		json_nil(j);
		return;
	}
	text_b64(&text, buf_span(&p->last));
	json_str(j, buf_span(&text));
}

static void show_against(struct page *p, struct json *j)
{
	const struct span *v = query_get(&p->call->query, "against");

	json_m_str(j, "against", v ? *v : span_of("baseline"));
}

/* Those of the paths asked for that are nowhere: "clean" is not said of them. */
static int show_nowhere(struct page *p, struct txn *t, struct json *j)
{
	bool nowhere = false, any = false;

	for (size_t i = 0; i < p->n_scopes; i++) {
		int r = above_is_nowhere(t, &p->target, &p->state, p->scope[i], &nowhere);

		if (r < 0)
			return r;
		if (!nowhere)
			continue;
		if (!any) {
			json_key(j, "nowhere");
			json_open(j, '[');
		}
		any = true;
		json_open(j, '{');
		json_m_path(j, "path", p->scope[i]);
		json_close(j, '}');
	}
	if (any)
		json_close(j, ']');
	return 0;
}

static int answer(struct page *p, struct txn *t)
{
	struct json j = call_json(p->call);
	struct journal_head head;
	int r = journal_head(t, &head);

	if (r < 0)
		return r;
	json_open(&j, '{');
	show_against(p, &j);
	json_m_uint(&j, "as_of", head.last);
	show_counts(&j, &p->counts);
	json_key(&j, "coverage");
	r = view_coverage(p->call, t, &p->target, &p->state, &j);
	show_cursor(p, &j);
	json_m_hex(&j, "drift_id", span_make(p->state.drift_id, SHA_LEN));
	json_m_uint(&j, "generation", p->state.generation);
	json_key(&j, "items");
	json_raw(&j, buf_span(&p->items));
	if (r >= 0)
		r = show_nowhere(p, t, &j);
	json_key(&j, "target");
	show_target_ref(&j, &p->target);
	json_close(&j, '}');
	return r;
}

static int walk(struct page *p, struct txn *t)
{
	struct span one = p->n_scopes == 1 ? p->scope[0] : span_of("");
	struct change above;
	int r = one.n ? above_find(t, p->target.no, one, &above) : STORE_ABSENT;

	if (r < 0)
		return r;
	if (r == 0) /* it has no drift of its own then */
		one = arena_dup(&p->call->mem, above.path);
	p->j = json_on(&p->items);
	json_open(&p->j, '[');
	if (p->against.what == AGAINST_BASELINE)
		r = drift_each(t, p->target.no, one, on_change, p);
	else
		r = against_each(t, &p->target, &p->against, on_change, p);
	json_close(&p->j, ']');
	if (r == -E2BIG) {
		problem(p->call, 422, "%s", err_why());
		return VIEW_ANSWERED;
	}
	return r < 0 ? r : answer(p, t);
}

/* True when the peer has this very drift: If-None-Match names its tag. */
static bool is_known(struct page *p)
{
	BUF struct buf tag = {.p = NULL};
	const char *have = call_request_header(p->call, "If-None-Match");

	if (p->against.what != AGAINST_BASELINE)
		return false;
	buf_u8(&tag, '"');
	text_hex(&tag, span_make(p->state.drift_id, SHA_LEN));
	buf_u8(&tag, '"');
	call_header(p->call, "ETag", (const char *)arena_dup(&p->call->mem, buf_span(&tag)).p);
	return have && strstr(have, buf_text(&tag));
}

int route_drift(struct call *c)
{
	CLEANUP(page_free) struct page p = {.call = c};
	TXN struct txn *t = NULL;
	int r;

	if (query_get(&c->query, "at"))
		return problem(c, 501,
			"the drift at an earlier time comes with a later release; the journal has "
			"each change: GET /v1/events");
	r = read_filters(&p, &c->query);
	if (r == 0)
		r = view_begin(c, &t);
	if (r == 0)
		r = view_target(c, t, c->match.arg[0], ROLE_VIEWER, &p.target);
	if (r == 0)
		r = targets_state_get(t, p.target.no, &p.state);
	if (r == 0)
		r = read_against(&p, t, query_get(&c->query, "against"));
	if (r != 0)
		return r < 0 ? r : 0;
	if (is_known(&p)) {
		c->status = 304;
		return 0;
	}
	return walk(&p, t);
}
