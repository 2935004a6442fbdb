/* Names are made whole first, as engines do: "web" is docker.io/library/web:latest. */
#include "trust/cosign_policy.h"
#include "base/err.h"
#include "base/text.h"
#include "trust/cosign_find.h"
#include <fcntl.h>
#include <jansson.h>

static void json_unref(json_t **j)
{
	json_decref(*j);
}

void cosign_demand_free(struct cosign_demand *d)
{
	for (size_t i = 0; i < d->n; i++) {
		cosign_keys_free(d->all[i].keys);
		buf_free(&d->all[i].to);
		buf_free(&d->all[i].from);
	}
	d->n = 0;
	buf_free(&d->scope);
}

/* ---- names ---- */

static size_t find_last(struct span s, uint8_t c)
{
	size_t n = s.n;

	while (n && s.p[n - 1] != c)
		n--;
	return n ? n - 1 : s.n;
}

static size_t find_first(struct span s, uint8_t c)
{
	const uint8_t *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

/* A reference's parts; `tag` and `digest` may be empty. */
struct name {
	struct buf repo; /* whole */
	struct span tag, digest;
};

static void name_free(struct name *n)
{
	buf_free(&n->repo);
}

static bool is_host(struct span first)
{
	return find_first(first, '.') < first.n || find_first(first, ':') < first.n ||
	       span_is(first, "localhost");
}

/* An id is no name: nobody's repository. */
static bool is_id(struct span s)
{
	uint8_t sha[SHA_LEN];

	return span_starts(s, span_of("sha256:")) || text_unhex(s, sha, SHA_LEN) == 0;
}

static void split(struct span s, struct name *ret)
{
	size_t at = find_first(s, '@'), colon, slash;

	*ret = (struct name){.tag = {0}};
	if (!s.n || is_id(s))
		return;
	if (at < s.n)
		ret->digest = span_make(s.p + at + 1, s.n - at - 1);
	s.n = at;
	colon = find_last(s, ':');
	slash = find_last(s, '/');
	if (colon < s.n && (slash == s.n || colon > slash)) {
		ret->tag = span_make(s.p + colon + 1, s.n - colon - 1);
		s.n = colon;
	}
	slash = find_first(s, '/');
	if (slash == s.n)
		buf_add_text(&ret->repo, "docker.io/library/");
	else if (!is_host(span_make(s.p, slash)))
		buf_add_text(&ret->repo, "docker.io/");
	buf_add_span(&ret->repo, s);
	if (!ret->tag.n && !ret->digest.n)
		ret->tag = span_of("latest");
}

bool cosign_same_repository(struct span a, struct span b)
{
	CLEANUP(name_free) struct name x, y = {.tag = {0}};

	split(a, &x);
	split(b, &y);
	return x.repo.n && span_eq(buf_span(&x.repo), buf_span(&y.repo));
}

static bool same(const struct name *a, const struct name *b)
{
	return a->repo.n && span_eq(buf_span(&a->repo), buf_span(&b->repo)) &&
	       span_eq(a->tag, b->tag) && span_eq(a->digest, b->digest);
}

/* ---- identities ---- */

/* The repository that should have been signed: `prefix`, whole words of it, is another there. */
static void remap(const struct cosign_requirement *r, struct buf *repo)
{
	struct span from = buf_span(&r->from), all = buf_span(repo);
	BUF struct buf other = {.p = NULL};

	if (!from.n || !path_within(all, from))
		return;
	buf_add_span(&other, buf_span(&r->to));
	buf_add_span(&other, span_make(all.p + from.n, all.n - from.n));
	buf_reset(repo);
	buf_add_span(repo, buf_span(&other));
}

bool cosign_identity_fits(
	const struct cosign_requirement *r, struct span name, struct span reference)
{
	CLEANUP(name_free) struct name is, want = {.tag = {0}};
	bool any_tag = r->identity == COSIGN_REPOSITORY || r->identity == COSIGN_EXACT_REPOSITORY;

	split(reference, &is);
	split(r->identity == COSIGN_REFERENCE || r->identity == COSIGN_EXACT_REPOSITORY
			? buf_span(&r->to)
			: name,
		&want);
	if (r->identity == COSIGN_REMAP)
		remap(r, &want.repo);
	/* The digest itself is what was signed. */
	if (want.digest.n && (r->identity == COSIGN_REPO_OR_EXACT || r->identity == COSIGN_REMAP))
		any_tag = true;
	return any_tag ? want.repo.n && span_eq(buf_span(&is.repo), buf_span(&want.repo))
		       : same(&is, &want);
}

/* ---- keys ---- */

static void add_path(struct cosign_keys *k, const json_t *v, struct buf *odd)
{
	const char *path = json_string_value(v);

	if (!path || path[0] != '/')
		buf_add_text(odd, "policy.json: a keyPath is no absolute path\n");
	else if (cosign_keys_file(k, AT_FDCWD, path, path) < 0)
		buf_printf(odd, "policy.json: %s\n", err_why());
}

static void add_data(struct cosign_keys *k, const json_t *v, struct buf *odd)
{
	BUF struct buf pem = {.p = NULL};

	if (!json_is_string(v) ||
		text_unb64(span_make(json_string_value(v), json_string_length(v)), &pem) < 0)
		buf_add_text(odd, "policy.json: a keyData is not base64\n");
	else if (cosign_keys_add(k, "policy.json", buf_span(&pem)) < 0)
		buf_printf(odd, "%s\n", err_why());
}

typedef void (*add_one)(struct cosign_keys *k, const json_t *v, struct buf *odd);

static void add_each(struct cosign_keys *k, const json_t *list, add_one add, struct buf *odd)
{
	size_t i;
	const json_t *v;

	json_array_foreach(list, i, v)
		add(k, v, odd);
}

static const char *type_of(const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));

	return type ? type : "";
}

static void add_keys(struct cosign_keys *k, const json_t *req, struct buf *odd)
{
	const json_t *path = json_object_get(req, "keyPath"),
		     *data = json_object_get(req, "keyData");

	if (strcmp(type_of(req), "sigstoreSigned") != 0)
		return;
	if (path)
		add_path(k, path, odd);
	if (data)
		add_data(k, data, odd);
	add_each(k, json_object_get(req, "keyPaths"), add_path, odd);
	add_each(k, json_object_get(req, "keyDatas"), add_data, odd);
}

static json_t *load(struct span json)
{
	json_error_t why;
	json_t *root = json_loadb((const char *)json.p, json.n, JSON_REJECT_DUPLICATES, &why);

	if (root && json_is_array(json_object_get(root, "default")))
		return root;
	err_set(-EBADMSG, "policy.json: line %d: %s", root ? 1 : why.line,
		root ? "it has no list of the name \"default\"" : why.text);
	json_decref(root);
	return NULL;
}

int cosign_policy_keys(struct span json, struct cosign_keys *k, struct buf *odd)
{
	CLEANUP(json_unref) json_t *root = load(json);
	json_t *docker = json_object_get(json_object_get(root, "transports"), "docker");
	const char *scope;
	json_t *v;
	size_t i;

	if (!root)
		return -EBADMSG;
	json_array_foreach(json_object_get(root, "default"), i, v)
		add_keys(k, v, odd);
	json_object_foreach(docker, scope, v) {
		const json_t *req;

		json_array_foreach(v, i, req)
			add_keys(k, req, odd);
	}
	return 0;
}

/* ---- scopes ---- */

static const json_t *scope_at(const json_t *docker, struct span scope, struct cosign_demand *ret)
{
	BUF struct buf key = {.p = NULL};
	const json_t *v;

	buf_add_span(&key, scope);
	v = json_object_get(docker, buf_text(&key));
	if (v)
		buf_add_span(&ret->scope, scope);
	return v;
}

/* "*.example.com" holds what is below it, and not example.com. */
static const json_t *wildcard_of(const json_t *docker, struct span host, struct cosign_demand *ret)
{
	const json_t *v = NULL;

	host.n = find_first(host, ':');
	for (size_t dot; !v && (dot = find_first(host, '.')) < host.n;) {
		BUF struct buf scope = {.p = NULL};

		host = span_make(host.p + dot + 1, host.n - dot - 1);
		buf_add_text(&scope, "*.");
		buf_add_span(&scope, host);
		v = scope_at(docker, buf_span(&scope), ret);
	}
	return v;
}

static const json_t *narrowest(
	const json_t *root, const struct name *name, struct cosign_demand *ret)
{
	const json_t *docker = json_object_get(json_object_get(root, "transports"), "docker");
	struct span repo = buf_span(&name->repo);
	BUF struct buf exact = {.p = NULL};
	const json_t *v = NULL;

	if (repo.n) {
		buf_add_span(&exact, repo);
		buf_add_text(&exact, name->digest.n ? "@" : ":");
		buf_add_span(&exact, name->digest.n ? name->digest : name->tag);
		v = scope_at(docker, buf_span(&exact), ret);
		while (!v && (v = scope_at(docker, repo, ret)) == NULL &&
			find_last(repo, '/') < repo.n)
			repo.n = find_last(repo, '/');
		if (!v)
			v = wildcard_of(docker, repo, ret);
		if (!v && (v = json_object_get(docker, "")))
			buf_add_text(&ret->scope, "every registry");
	}
	if (!v && (v = json_object_get(root, "default")))
		buf_add_text(&ret->scope, "default");
	return v;
}

/* ---- what it wants ---- */

static void identity_of(const json_t *req, struct cosign_requirement *ret)
{
#define X_NAME(id, name) [COSIGN_##id] = name,
	static const char *const names[COSIGN_IDENTITY_N] = {COSIGN_IDENTITIES(X_NAME)};
#undef X_NAME
	static const struct {
		const char *to, *from;
	} parts[COSIGN_IDENTITY_N] = {[COSIGN_REFERENCE] = {"dockerReference", NULL},
		[COSIGN_EXACT_REPOSITORY] = {"dockerRepository", NULL},
		[COSIGN_REMAP] = {"signedPrefix", "prefix"}};
	const json_t *how = json_object_get(req, "signedIdentity");
	const char *type = type_of(how);
	int i = 0;

	while (how && i < COSIGN_IDENTITY_N && strcmp(names[i], type) != 0)
		i++;
	if (i == COSIGN_IDENTITY_N) {
		cosign_keys_free(take(ret->keys));
		ret->never = true;
		ret->why = "its signedIdentity is of no type that is known";
		return;
	}
	ret->identity = (enum cosign_identity)i;
	if (parts[i].to)
		buf_add_span(
			&ret->to, span_of(json_string_value(json_object_get(how, parts[i].to))));
	if (parts[i].from)
		buf_add_span(&ret->from,
			span_of(json_string_value(json_object_get(how, parts[i].from))));
}

static const char *why_not_judged(const json_t *req, const char *type)
{
	if (strcmp(type, "signedBy") == 0)
		return "an OpenPGP signature is wanted, and these are not judged here";
	if (strcmp(type, "sigstoreSigned") != 0)
		return "what is wanted is not known here, and not judged";
	return json_object_get(req, "fulcio") || json_object_get(req, "pki")
		       ? "a signature without a key is wanted, and these are not judged here"
		       : NULL;
}

static void requirement(const json_t *req, struct cosign_demand *d, struct buf *odd)
{
	struct cosign_requirement *r = &d->all[d->n];
	const char *type = type_of(req);

	if (strcmp(type, "insecureAcceptAnything") == 0)
		return;
	*r = (struct cosign_requirement){.never = strcmp(type, "reject") == 0};
	d->n++;
	r->why = r->never ? "no image of this name may be used" : why_not_judged(req, type);
	if (r->why)
		return;
	cosign_keys_new(&r->keys);
	add_keys(r->keys, req, odd);
	if (cosign_keys_count(r->keys)) {
		identity_of(req, r);
		return;
	}
	cosign_keys_free(take(r->keys));
	r->never = true;
	r->why = "a signature is wanted by a key that cannot be used";
}

int cosign_demand_of(struct span json, struct span name, struct cosign_demand *ret, struct buf *odd)
{
	CLEANUP(json_unref) json_t *root = load(json);
	CLEANUP(name_free) struct name whole = {.tag = {0}};
	const json_t *list;

	*ret = (struct cosign_demand){.n = 0};
	if (!root)
		return -EBADMSG;
	split(name, &whole);
	list = narrowest(root, &whole, ret);
	if (json_array_size(list) > COSIGN_REQUIREMENTS_MAX)
		return err_set(-EBADMSG, "policy.json: more than %d requirements of one scope",
			COSIGN_REQUIREMENTS_MAX);
	for (size_t i = 0; i < json_array_size(list); i++)
		requirement(json_array_get(list, i), ret, odd);
	return 0;
}
