/*
 * libcurl, held on a short leash. Everything that it would take from the environment or follow on
 * its own is turned off in one place (set_once); what it says is made into one sentence.
 */
#include "daemon/gateway/courier.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/text.h"
#include "net/pin.h"
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <zlib.h>

enum { HEADERS_MAX = 48, HEADER_BYTES_MAX = 64 << 10, CONNECT_MS = 10000, GZIP_LEVEL = 3 };

struct courier {
	CURL *curl;
	struct courier_options o;
	char *scheme, *host, *port, *path, *query; /* curl_free */
	struct buf base, where; /* what the target is put behind; host for people */
	struct curl_slist connect_to;
	struct buf connect_text, packed, url;
	struct net_pin pin;
	char why[CURL_ERROR_SIZE];
	/* the exchange */
	struct courier_answer *answer;
	size_t header_bytes;
	bool too_large;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static CURLcode started;
static void start(void)
{
	started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

void courier_free(struct courier *c)
{
	if (!c)
		return;
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A resolver that hangs is not waited for when the process is to end. */
	if (c->curl && c->o.stop && atomic_load(c->o.stop))
		curl_easy_setopt(c->curl, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_cleanup(c->curl);
	curl_free(c->scheme);
	curl_free(c->host);
	curl_free(c->port);
	curl_free(c->path);
	curl_free(c->query);
	buf_free(&c->base);
	buf_free(&c->where);
	buf_free(&c->connect_text);
	buf_free(&c->packed);
	buf_free(&c->url);
	free(c);
}

static void url_free(CURLU **u)
{
	curl_url_cleanup(*u);
}

static int bad_address(const char *why)
{
	return err_set(-EINVAL, "the address: %s", why);
}

/* The address is not repeated: it may hold what should not have been put there. */
static int parse(CURLU *u, const char *address)
{
	CURLUcode r = curl_url_set(u, CURLUPART_URL, address, CURLU_DISALLOW_USER);
	char *fragment = NULL;

	if (r == CURLUE_USER_NOT_ALLOWED)
		return bad_address("a name and password belong in the token file, not here");
	if (r != CURLUE_OK)
		return bad_address(curl_url_strerror(r));
	if (curl_url_get(u, CURLUPART_FRAGMENT, &fragment, 0) == CURLUE_OK) {
		curl_free(fragment);
		return bad_address("it has a '#', which is nothing that a receiver sees");
	}
	return 0;
}

static int get(CURLU *u, CURLUPart part, unsigned flags, char **ret, bool must_have)
{
	CURLUcode r = curl_url_get(u, part, ret, flags);

	return r != CURLUE_OK && must_have ? bad_address(curl_url_strerror(r)) : 0;
}

static int take_apart(struct courier *c, const char *address)
{
	CLEANUP(url_free) CURLU *u = curl_url();
	int r;

	must(u);
	if ((r = parse(u, address)) < 0 ||
		(r = get(u, CURLUPART_SCHEME, 0, &c->scheme, true)) < 0 ||
		(r = get(u, CURLUPART_HOST, 0, &c->host, true)) < 0 ||
		(r = get(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, &c->port, true)) < 0)
		return r;
	get(u, CURLUPART_PATH, 0, &c->path, false);
	get(u, CURLUPART_QUERY, 0, &c->query, false);
	if (strcmp(c->scheme, "https") != 0 && strcmp(c->scheme, "http") != 0)
		return bad_address("it begins neither with https:// nor with http://");
	return 0;
}

/* Another name in the certificate than the address has: the URL gets the name, the connection goes
 * to the address. */
static void set_where(struct courier *c)
{
	const char *name = c->o.server_name;

	buf_printf(&c->where, "%s://%s:%s", c->scheme, c->host, c->port);
	buf_printf(&c->base, "%s://%s:%s", c->scheme, *name ? name : c->host, c->port);
	if (!*name)
		return;
	buf_printf(&c->connect_text, "::%s:%s", c->host, c->port);
	c->connect_to.data = (char *)c->connect_text.p;
	curl_easy_setopt(c->curl, CURLOPT_CONNECT_TO, &c->connect_to);
}

static size_t on_body(char *p, size_t size, size_t n, void *ctx)
{
	struct courier *c = ctx;

	if (c->answer->body.n + size * n > c->o.answer_max) {
		c->too_large = true;
		return 0;
	}
	buf_add(&c->answer->body, p, size * n);
	return c->answer->body.err ? 0 : size * n;
}

static void keep_retry_after(struct courier *c, const char *p, size_t n)
{
	static const char name[] = "retry-after:";
	size_t at = sizeof(name) - 1;

	if (n < at || strncasecmp(p, name, at) != 0)
		return;
	n -= at;
	if (n >= sizeof(c->answer->retry_after))
		n = sizeof(c->answer->retry_after) - 1;
	memcpy(c->answer->retry_after, p + at, n);
	c->answer->retry_after[n] = 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *ctx)
{
	struct courier *c = ctx;

	c->header_bytes += size * n;
	if (c->header_bytes > HEADER_BYTES_MAX) {
		c->too_large = true;
		return 0;
	}
	if (size * n > 5 && memcmp(p, "HTTP/", 5) == 0) /* another answer begins: 100, a proxy's */
		c->answer->retry_after[0] = 0;
	keep_retry_after(c, p, size * n);
	return size * n;
}

static int on_progress(void *ctx, curl_off_t down_all UNUSED, curl_off_t down UNUSED,
	curl_off_t up_all UNUSED, curl_off_t up UNUSED)
{
	const struct courier *c = ctx;

	return c->o.stop && atomic_load(c->o.stop);
}

static void set_text(CURL *h, CURLoption what, const char *text)
{
	if (*text)
		curl_easy_setopt(h, what, text);
}

static void set_protocols(struct courier *c)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS_STR, c->scheme);
	curl_easy_setopt(c->curl, CURLOPT_REDIR_PROTOCOLS_STR, c->scheme);
#else
	curl_easy_setopt(c->curl, CURLOPT_PROTOCOLS,
		strcmp(c->scheme, "https") == 0 ? CURLPROTO_HTTPS : CURLPROTO_HTTP);
#endif
}

static CURLcode on_context(CURL *curl UNUSED, void *ssl_ctx, void *ctx)
{
	struct courier *c = ctx;

	net_pin_demand(ssl_ctx, &c->pin);
	return CURLE_OK;
}

static int set_pin(struct courier *c)
{
	bool chain = *c->o.ca;
	int r = net_pin_parse(&c->pin, c->o.fingerprint, chain);

	if (r < 0)
		return r;
	curl_easy_setopt(c->curl, CURLOPT_SSL_CTX_FUNCTION, on_context);
	curl_easy_setopt(c->curl, CURLOPT_SSL_CTX_DATA, c);
	if (!chain) {
		curl_easy_setopt(c->curl, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(c->curl, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(c->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	return 0;
}

static int set_tls(struct courier *c)
{
	const struct courier_options *o = &c->o;
	CURL *h = c->curl;

	curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 2L);
	if (*o->ca) { /* these authorities and no others */
		curl_easy_setopt(h, CURLOPT_CAINFO, o->ca);
		curl_easy_setopt(h, CURLOPT_CAPATH, NULL);
	}
	set_text(h, CURLOPT_CRLFILE, o->crl);
	set_text(h, CURLOPT_SSLCERT, o->cert);
	set_text(h, CURLOPT_SSLKEY, o->key);
	curl_easy_setopt(h, CURLOPT_KEYPASSWD, ""); /* none is asked for on a terminal */
	return *o->fingerprint ? set_pin(c) : 0;
}

/* An empty text is "none", whatever the environment says; none at all would ask it. */
static int set_proxy(struct courier *c)
{
	if (*c->o.proxy && strncmp(c->o.proxy, "http://", 7) != 0)
		return err_set(-EINVAL, "the proxy's address does not begin with http://");
	curl_easy_setopt(c->curl, CURLOPT_PROXY, c->o.proxy);
	curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "");
	curl_easy_setopt(c->curl, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	return 0;
}

static void set_once(struct courier *c)
{
	CURL *h = c->curl;

	set_protocols(c);
	curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)(c->o.timeout / CLOCK_MS));
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->why);
	curl_easy_setopt(h, CURLOPT_USERAGENT, c->o.agent);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, c);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, c);
	curl_easy_setopt(h, CURLOPT_POST, 1L);
}

static void no_null(struct courier_options *o)
{
	const char **all[] = {&o->proxy, &o->ca, &o->crl, &o->cert, &o->key, &o->server_name,
		&o->fingerprint, &o->agent};

	for (size_t i = 0; i < COUNTOF(all); i++)
		if (!*all[i])
			*all[i] = "";
}

int courier_new(struct courier **ret, const struct courier_options *o)
{
	CLEANUP(courier_free_p) struct courier *c = calloc(1, sizeof(*c));
	int r;

	must(c);
	pthread_once(&once, start);
	if (started != CURLE_OK)
		return err_set(-EIO, "libcurl: %s", curl_easy_strerror(started));
	c->o = *o;
	no_null(&c->o);
	r = take_apart(c, o->address);
	if (r < 0)
		return r;
	c->curl = curl_easy_init();
	if (!c->curl)
		return err_set(-ENOMEM, "libcurl has no memory");
	if ((r = set_tls(c)) < 0 || (r = set_proxy(c)) < 0)
		return r;
	set_where(c);
	set_once(c);
	*ret = take(c);
	return 0;
}

static int pack(struct buf *out, struct span in)
{
	z_stream z = {.next_in = (Bytef *)(uintptr_t)in.p, .avail_in = (uInt)in.n};
	uLong bound;
	int r;

	buf_reset(out);
	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return err_set(-ENOMEM, "no memory to compress with");
	bound = deflateBound(&z, in.n);
	if (buf_reserve(out, bound)) {
		deflateEnd(&z);
		return buf_err(out);
	}
	z.next_out = out->p;
	z.avail_out = (uInt)bound;
	r = deflate(&z, Z_FINISH);
	out->n = bound - z.avail_out;
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : err_set(-EIO, "compressing a request failed");
}

/* A list of libcurl's kind that owns nothing. */
struct headers {
	struct curl_slist node[HEADERS_MAX];
	size_t n;
	char type[128];
};
static void add(struct headers *l, const char *line)
{
	if (!line || l->n == HEADERS_MAX)
		return;
	l->node[l->n] = (struct curl_slist){.data = (char *)(uintptr_t)line, .next = NULL};
	if (l->n > 0)
		l->node[l->n - 1].next = &l->node[l->n];
	l->n++;
}

static void make_headers(
	struct headers *l, const struct courier *c, const struct courier_request *q)
{
	l->n = 0;
	snprintf(l->type, sizeof(l->type), "Content-Type: %s", q->type);
	add(l, l->type);
	add(l, "Expect:"); /* a pause before every larger body otherwise */
	if (q->gzip)
		add(l, "Content-Encoding: gzip");
	add(l, q->secret);
	for (size_t i = 0; q->headers && q->headers[i]; i++)
		add(l, q->headers[i]);
	for (size_t i = 0; c->o.headers && c->o.headers[i]; i++)
		add(l, c->o.headers[i]);
}

static int failed(const struct courier *c, CURLcode code)
{
	BUF struct buf shown = {.p = NULL};
	const char *why = *c->why ? c->why : curl_easy_strerror(code);

	if (c->too_large)
		return err_set(-EPROTO, "%s: its answer is too large", courier_where(c));
	if (code == CURLE_ABORTED_BY_CALLBACK)
		return err_set(
			-ECANCELED, "%s: given up, since the sink is to stop", courier_where(c));
	if (code == CURLE_OPERATION_TIMEDOUT)
		return err_set(-ETIMEDOUT, "%s: no whole answer in time", courier_where(c));
	if (code == CURLE_GOT_NOTHING)
		return err_set(-EPROTO, "%s: it hung up without an answer", courier_where(c));
	text_quote(&shown, span_of(why), true);
	return err_set(-EIO, "%s: %s", courier_where(c), buf_text(&shown));
}

static int perform(
	struct courier *c, struct headers *l, struct span body, struct courier_answer *ret)
{
	CURLcode code;
	long status = 0;

	c->answer = ret;
	c->header_bytes = 0;
	c->too_large = false;
	c->why[0] = 0;
	ret->status = 0;
	ret->retry_after[0] = 0;
	buf_reset(&ret->body);
	curl_easy_setopt(c->curl, CURLOPT_URL, buf_text(&c->url));
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, l->node);
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.n);
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, body.p);
	code = curl_easy_perform(c->curl);
	curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, NULL);
	if (code != CURLE_OK)
		return failed(c, code);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	ret->status = status > 0 && status < 1000 ? (unsigned)status : 0;
	return buf_err(&ret->body);
}

int courier_post(struct courier *c, const struct courier_request *q, struct courier_answer *ret)
{
	struct headers l;
	struct span body = q->body;
	int r;

	if (q->gzip) {
		r = pack(&c->packed, q->body);
		if (r < 0)
			return r;
		body = buf_span(&c->packed);
	}
	buf_reset(&c->url);
	buf_add_span(&c->url, buf_span(&c->base));
	buf_add_span(&c->url, q->target);
	if (buf_err(&c->url) < 0)
		return buf_err(&c->url);
	make_headers(&l, c, q);
	return perform(c, &l, body, ret);
}

struct span courier_path(const struct courier *c)
{
	return span_of(c->path);
}

struct span courier_query(const struct courier *c)
{
	return span_of(c->query);
}

const char *courier_where(const struct courier *c)
{
	return buf_text(&c->where);
}
