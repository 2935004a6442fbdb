/* Which keys of a sink are for which kind of it. One that nobody would read is a mistake of whoever
 * wrote it, who thinks that something is so which is not. A value that is the default anyway says
 * nothing, so the configuration as it is printed can be read again. */
#include "daemon/config_schema.h"
#include "daemon/config_sinks.h"
#include "wire/format.h"

#define SCOPE "sinks[]."
#define TO(type) (1u << CONFIG_SINK_##type)
#define ANY_TYPE (TO(SYSLOG) | TO(JOURNALD) | TO(FILE) | TO(HTTPS))

static bool is_rfc5424(const struct config_sink *s, const struct sink_address *a)
{
	if (s->format)
		return s->format - 1 == FORMAT_RFC5424;
	return s->type == CONFIG_SINK_SYSLOG && a->scheme != SINK_TO_UNIX;
}

static bool has_facility(const struct config_sink *s, const struct sink_address *a)
{
	return s->type == CONFIG_SINK_SYSLOG || s->type == CONFIG_SINK_JOURNALD || is_rfc5424(s, a);
}

static bool is_encrypted(const struct config_sink *s, const struct sink_address *a)
{
	return a->scheme == SINK_TO_TLS ||
	       (a->scheme == SINK_TO_URL && strncmp(s->address, "https://", 8) == 0);
}

static bool has_token(const struct config_sink *s, const struct sink_address *a UNUSED)
{
	return s->token_file[0];
}

static const struct fit {
	const char *key;   /* or a section */
	unsigned types;	   /* bits */
	unsigned profiles; /* bits, of https; 0: any */
	bool (*also)(const struct config_sink *s, const struct sink_address *a);
	const char *wants;
} fits[] = {
	{"tls", ANY_TYPE, 0, is_encrypted,
		"an address tls:// or https://; to this one events go in the clear"},
	{"timeout", TO(SYSLOG) | TO(JOURNALD) | TO(HTTPS), 0, NULL,
		"type syslog, journald or https"},
	{"facility", ANY_TYPE, 0, has_facility, "type syslog or journald, or format rfc5424"},
	{"enterprise", ANY_TYPE, 0, is_rfc5424, "format rfc5424"},
	{"mode", TO(FILE), 0, NULL, "type file"},
	{"profile", TO(HTTPS), 0, NULL, "type https"},
	{"token_file", TO(HTTPS), 0, NULL, "type https"},
	{"auth", TO(HTTPS), 0, has_token, "type https and a token_file"},
	{"index", TO(HTTPS), TO(SPLUNK) | TO(ELASTIC), NULL,
		"type https and profile splunk-hec or elastic-bulk"},
	{"tenant", TO(HTTPS), TO(LOKI), NULL, "type https and profile loki"},
	{"labels", TO(HTTPS), TO(LOKI) | TO(OTLP), NULL, "type https and profile loki or otlp"},
	{"headers", TO(HTTPS), 0, NULL, "type https"},
	{"proxy", TO(HTTPS), 0, NULL, "type https"},
	{"gzip", TO(HTTPS), 0, NULL, "type https"},
	{"ack", TO(HTTPS), TO(SPLUNK), NULL, "type https and profile splunk-hec"},
};

static const struct fit *fit_of(const char *key)
{
	size_t n = strcspn(key, ".");

	for (size_t i = 0; i < COUNTOF(fits); i++) {
		if (span_eq(span_make(key, n), span_of(fits[i].key)))
			return &fits[i];
	}
	return NULL;
}

static bool is_fit(const struct fit *f, const struct config_sink *s, const struct sink_address *a)
{
	return !f ||
	       ((f->types & 1u << s->type) && (!f->profiles || f->profiles & 1u << s->profile) &&
		       (!f->also || f->also(s, a)));
}

/* The key as it stands in the file; `key` may have a dot. */
static const struct node *key_at(const struct node *sink, const char *key)
{
	const struct node *n = sink;

	while (n && *key) {
		size_t k = strcspn(key, ".");
		char name[32];

		must(k < sizeof(name));
		memcpy(name, key, k);
		name[k] = 0;
		n = node_get(n, name);
		key += k + (key[k] == '.');
	}
	return n && n->key ? n->key : sink;
}

int config_check_fit(const struct config_source *src, const struct node *at,
	const struct config_sink *s, const struct sink_address *a)
{
	struct config_sink plain = {.name = NULL};
	size_t n;
	const struct config_option *o = config_options(&n);

	config_set_defaults(src->mem, SCOPE, &plain);
	for (; n--; o++) {
		const char *key = o->name + sizeof(SCOPE) - 1;

		if (!option_in_scope(o, SCOPE) || is_fit(fit_of(key), s, a) ||
			config_option_same(o, s, &plain))
			continue;
		return config_refuse(src, key_at(at, key), "sinks[] %s: %s: it needs %s", s->name,
			key, fit_of(key)->wants);
	}
	return 0;
}
