/* What must hold within a sink's configuration and between sinks, and copies of one: a sink's thread
 * may outlive the configuration that it was started with. */
#include "daemon/config_sinks.h"
#include "base/err.h"
#include "base/text.h"
#include "daemon/config_schema.h"
#include <stdio.h>
#include <unistd.h>

enum { NAME_LONGEST = 64 };
#define SCOPE "sinks[]."

static const struct {
	const char *prefix;
	bool has_host;
	enum sink_scheme scheme;
} schemes[] = {
	{"unix://", false, SINK_TO_UNIX},
	{"udp://", true, SINK_TO_UDP},
	{"tcp://", true, SINK_TO_TCP},
	{"tls://", true, SINK_TO_TLS},
	{"https://", false, SINK_TO_URL},
	{"http://", false, SINK_TO_URL},
};

static int take_port(struct span port, char ret[6])
{
	uint64_t n;

	if (text_u64(port, 1, 65535, &n) < 0)
		return err_set(-EINVAL, "the port is not a number from 1 to 65535");
	snprintf(ret, 6, "%u", (unsigned)n);
	return 0;
}

/* HOST:PORT or [V6]:PORT */
static int take_host(struct span s, struct sink_address *ret)
{
	const uint8_t *colon = s.n ? memrchr(s.p, ':', s.n) : NULL;
	struct span host = s;

	if (s.n && s.p[0] == '[') {
		const uint8_t *end = memchr(s.p, ']', s.n);

		if (!end)
			return err_set(-EINVAL, "a bracket is not closed");
		host = span_make(s.p + 1, (size_t)(end - s.p) - 1);
		colon = end + 1 < s.p + s.n ? end + 1 : NULL;
		if (colon && *colon != ':')
			return err_set(-EINVAL, "something else than a port follows the address");
	} else if (colon) {
		host = span_make(s.p, (size_t)(colon - s.p));
		if (memchr(host.p, ':', host.n))
			return err_set(-EINVAL, "an IPv6 address belongs in brackets: [::1]:514");
	}
	if (host.n == 0 || host.n >= sizeof(ret->host) || memchr(host.p, '/', host.n))
		return err_set(-EINVAL, "there is no host in it");
	memcpy(ret->host, host.p, host.n);
	if (!colon)
		return err_set(-EINVAL, "there is no port in it: HOST:PORT");
	return take_port(span_make(colon + 1, (size_t)(s.p + s.n - colon) - 1), ret->port);
}

int sink_address_parse(const char *text, struct sink_address *ret)
{
	struct span s = span_of(text);

	*ret = (struct sink_address){.scheme = SINK_TO_NONE};
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == 0x7f)
			return err_set(-EINVAL, "a blank or a control byte in it");
	if (s.n && s.p[0] == '/') {
		ret->scheme = SINK_TO_PATH;
		ret->path = text;
		return 0;
	}
	for (size_t i = 0; i < COUNTOF(schemes); i++) {
		size_t n = strlen(schemes[i].prefix);

		if (!span_starts(s, span_of(schemes[i].prefix)))
			continue;
		ret->scheme = schemes[i].scheme;
		if (schemes[i].has_host)
			return take_host(span_make(s.p + n, s.n - n), ret);
		ret->path = text + n;
		if (ret->scheme == SINK_TO_UNIX && ret->path[0] != '/')
			return err_set(-EINVAL, "unix:// is followed by an absolute path");
		return 0;
	}
	return s.n == 0 ? 0 : err_set(-EINVAL, "it begins like no address");
}

static const struct {
	unsigned schemes;
	const char *wants;
} kinds[] = {
	[CONFIG_SINK_SYSLOG] = {1u << SINK_TO_UNIX | 1u << SINK_TO_UDP | 1u << SINK_TO_TCP |
					1u << SINK_TO_TLS,
		"unix:///dev/log, udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT"},
	[CONFIG_SINK_JOURNALD] = {1u << SINK_TO_NONE | 1u << SINK_TO_UNIX,
		"no address, or unix:// and the path of journald's socket"},
	[CONFIG_SINK_FILE] = {1u << SINK_TO_PATH, "an absolute path"},
	[CONFIG_SINK_HTTPS] = {1u << SINK_TO_URL, "a URL: https://…"},
};

/* Names become names of files. */
static bool name_ok(struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			    c == '_' || c == '-' || (c == '.' && i > 0)))
			return false;
	}
	return s.n > 0 && s.n <= NAME_LONGEST;
}

static const char *fingerprint_fault(const char *text)
{
	struct span s = span_of(text);
	uint8_t raw[32];

	if (s.n == 0)
		return NULL;
	if (!span_starts(s, span_of("sha256:")) ||
		text_unhex(span_make(s.p + 7, s.n - 7), raw, sizeof(raw)) < 0)
		return "tls.fingerprint: not sha256: and 64 hex digits";
	return NULL;
}

/* Users and passwords in a URL would be shown wherever the configuration is. */
static bool has_login(const char *url)
{
	const char *host = strstr(url, "://");

	return host && memchr(host + 3, '@', strcspn(host + 3, "/?#")) != NULL;
}

static const char *headers_fault(const struct config_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *h = list->v[i], *colon = strchr(h, ':');

		if (!colon || colon == h || strpbrk(h, "\r\n") ||
			memchr(h, ' ', (size_t)(colon - h)))
			return "headers: not \"Name: value\"";
		if (strncasecmp(h, "authorization:", 14) == 0 ||
			strncasecmp(h, "proxy-authorization:", 20) == 0)
			return "headers: a secret belongs in token_file";
	}
	return NULL;
}

static const struct {
	const char *key;
	size_t at;
} files[] = {{"tls.ca", offsetof(struct config_sink, tls.ca)},
	{"tls.cert", offsetof(struct config_sink, tls.cert)},
	{"tls.key", offsetof(struct config_sink, tls.key)},
	{"tls.crl", offsetof(struct config_sink, tls.crl)},
	{"token_file", offsetof(struct config_sink, token_file)}};

static const char *file_of(const struct config_sink *s, size_t i)
{
	return *(const char *const *)((const char *)s + files[i].at);
}

static const char *paths_fault(const struct config_sink *s)
{
	for (size_t i = 0; i < COUNTOF(files); i++) {
		const char *path = file_of(s, i);

		if (!path[0] || path[0] == '/')
			continue;
		err_set(-EINVAL, "%s: not an absolute path", files[i].key);
		return err_why();
	}
	return NULL;
}

void config_sinks_absent(const struct config *c, struct buf *out)
{
	for (size_t i = 0; i < c->n_sinks * COUNTOF(files); i++) {
		const struct config_sink *s = &c->sinks[i / COUNTOF(files)];
		const char *path = file_of(s, i % COUNTOF(files));

		if (path[0] && access(path, F_OK) < 0 && errno == ENOENT)
			buf_printf(out, "sinks[] %s: %s: there is no such file yet: %s\n", s->name,
				files[i % COUNTOF(files)].key, path);
	}
}

static const char *sink_fault(const struct config_sink *s)
{
	const char *fault;

	if (!name_ok(span_of(s->name)))
		return "name: 1 to 64 letters, digits, '.', '_' or '-', and no '.' in front";
	if ((fault = paths_fault(s)) || (fault = fingerprint_fault(s->tls.fingerprint)) ||
		(fault = headers_fault(&s->headers)))
		return fault;
	if (has_login(s->address))
		return "address: a user and password belong in token_file (auth: basic)";
	if (has_login(s->proxy))
		return "proxy: a user and password in it would be shown wherever the configuration "
		       "is, and a proxy that asks for them is not supported";
	if (s->proxy[0] && strncmp(s->proxy, "http://", 7) != 0)
		return "proxy: not http://HOST:PORT";
	if (!s->tls.cert[0] != !s->tls.key[0])
		return "tls: cert and key belong together";
	if (s->retry_max < s->retry_min)
		return "retry_max: smaller than retry_min";
	if (s->mode % 10 > 7 || s->mode / 10 % 10 > 7)
		return "mode: not octal";
	return NULL;
}

/* Told where it stands, and with what this type takes: a wrong one may be right elsewhere. */
static int check_address(const struct config_source *src, const struct node *n,
	const struct config_sink *s, struct sink_address *ret)
{
	const struct node *at = node_get(n, "address");
	int r = sink_address_parse(s->address, ret);

	at = at ? at : n;
	if (r < 0) /* its bytes could be any */
		return config_refuse(src, at, "sinks[] %s: address: %s; this type wants %s",
			s->name, err_why(), kinds[s->type].wants);
	if (!(kinds[s->type].schemes & 1u << ret->scheme))
		return config_refuse(src, at, "sinks[] %s: address: \"%s\", but this type wants %s",
			s->name, s->address, kinds[s->type].wants);
	return 0;
}

int config_check_sinks(
	const struct config *c, const struct config_source *src, const struct node *root)
{
	const struct node *list = node_get(root, "sinks"), *n = list ? list->child : NULL;

	if (c->gateway_state_dir[0] && c->gateway_state_dir[0] != '/')
		return config_refuse(src, node_get(root, "gateway"),
			"gateway.state_dir: \"%s\": not an absolute path", c->gateway_state_dir);
	for (size_t i = 0; n && i < c->n_sinks; i++, n = n->next) {
		const struct config_sink *s = &c->sinks[i];
		const char *fault = sink_fault(s);
		struct sink_address a;

		if (fault)
			return config_refuse(src, n, "sinks[] %.64s: %s", s->name, fault);
		if (check_address(src, n, s, &a) < 0)
			return -EINVAL;
		if (config_check_fit(src, n, s, &a) < 0)
			return -EINVAL;
		for (size_t j = 0; j < i; j++)
			if (strcmp(c->sinks[j].name, s->name) == 0)
				return config_refuse(
					src, n, "sinks[].name: %s is given twice", s->name);
	}
	return 0;
}

static void copy_text(struct arena *mem, const char *from, const char **to)
{
	*to = (const char *)arena_dup(mem, span_of(from)).p;
}

static void copy_list(struct arena *mem, const struct config_list *from, struct config_list *to)
{
	to->n = from->n;
	to->v = arena_alloc(mem, (from->n + 1) * sizeof(*to->v));
	for (size_t i = 0; i < from->n; i++)
		copy_text(mem, from->v[i], &to->v[i]);
}

void config_sink_copy(struct arena *mem, const struct config_sink *from, struct config_sink *to)
{
	size_t n;
	const struct config_option *o = config_options(&n);

	*to = *from;
	for (; n--; o++) {
		const char *at = (const char *)from + o->at;
		char *into = (char *)to + o->at;

		if (!option_in_scope(o, SCOPE))
			continue;
		if (o->kind == CONFIG_TEXT || o->kind == CONFIG_PATH)
			copy_text(mem, *(const char *const *)at, (const char **)into);
		else if (o->kind >= CONFIG_TEXTS)
			copy_list(mem, (const struct config_list *)at, (struct config_list *)into);
	}
}

static bool same_lists(const struct config_list *a, const struct config_list *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return a->n == b->n;
}

bool config_option_same(const struct config_option *o, const void *a, const void *b)
{
	const char *x = (const char *)a + o->at, *y = (const char *)b + o->at;

	if (o->kind == CONFIG_TEXT || o->kind == CONFIG_PATH)
		return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
	if (o->kind >= CONFIG_TEXTS)
		return same_lists((const struct config_list *)x, (const struct config_list *)y);
	return memcmp(x, y, o->size) == 0;
}

bool config_sink_same(const struct config_sink *a, const struct config_sink *b)
{
	size_t n;
	const struct config_option *o = config_options(&n);
	bool same = true;

	for (; same && n--; o++)
		same = !option_in_scope(o, SCOPE) || config_option_same(o, a, b);
	return same;
}
