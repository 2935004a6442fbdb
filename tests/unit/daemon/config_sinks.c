/* A sink's keys: what is taken, what is refused and how, and that a copy is one. */
#include "unit.h"
#include "daemon/config_sinks.h"
#include <stdio.h>

static void addresses(void **state)
{
	static const struct {
		const char *text, *host, *port;
		int scheme; /* -1: refused */
	} rows[] = {
		{"", "", "", SINK_TO_NONE},
		{"/var/log/x", "", "", SINK_TO_PATH},
		{"unix:///dev/log", "", "", SINK_TO_UNIX},
		{"udp://h:514", "h", "514", SINK_TO_UDP},
		{"tcp://h.example:1", "h.example", "1", SINK_TO_TCP},
		{"tls://h:6514", "h", "6514", SINK_TO_TLS},
		{"tls://[::1]:7", "::1", "7", SINK_TO_TLS},
		{"tls://[fe80::1]", "", "", -1},
		{"udp://h", "", "", -1},
		{"tcp://h", "", "", -1},
		{"tls://h", "", "", -1},
		{"https://u/x", "", "", SINK_TO_URL},
		{"unix://dev/log", "", "", -1},
		{"tcp://", "", "", -1},
		{"tcp://:5", "", "", -1},
		{"tcp://h:0", "", "", -1},
		{"tcp://h:65536", "", "", -1},
		{"tcp://h:", "", "", -1},
		{"tcp://::1", "", "", -1},
		{"tcp://[::1", "", "", -1},
		{"tcp://[::1]x", "", "", -1},
		{"tcp://h/x", "", "", -1},
		{"tcp://a b", "", "", -1},
		{"ftp://h", "", "", -1},
		{"h:514", "", "", -1},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++) {
		struct sink_address a;
		int r = sink_address_parse(rows[i].text, &a);

		if ((r < 0) != (rows[i].scheme < 0) || (r == 0 && (int)a.scheme != rows[i].scheme))
			fail_msg("%s: %d, scheme %d", rows[i].text, r, a.scheme);
		if (r == 0) {
			assert_string_equal(a.host, rows[i].host);
			assert_string_equal(a.port, rows[i].port);
		}
	}
}

#define GOOD "sinks: [{name: a, type: file, address: /x}"

static void is_refused(const char *text, const char *why)
{
	CONFIG struct config *c = NULL;

	if (config_parse(&c, "f", span_of(text)) != -EINVAL || !strstr(err_why(), why))
		fail_msg("%s: wanted \"%s\", got %s", text, why, err_why());
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"sinks: [{type: file}]", "sinks[].name: missing"},
		{"sinks: [{name: a}]", "sinks[].type: missing"},
		{"sinks: [{name: a/b, type: file, address: /x}]", "name: 1 to 64 letters"},
		{"sinks: [{name: .a, type: file, address: /x}]", "name: 1 to 64 letters"},
		{GOOD ", {name: a, type: file, address: /y}]", "a is given twice"},
		{"sinks: [{name: a, type: file, address: 'tcp://h:1'}]", "wants an absolute path"},
		{"sinks: [{name: a, type: syslog}]", "wants unix:///dev/log"},
		{"sinks:\n- name: a\n  type: file\n  address: rel\n",
			"f:4:12: sinks[] a: address: it begins like no address; this type wants an "
			"absolute path"},
		{"sinks:\n- name: a\n  type: syslog\n  address: tcp://h\n",
			"f:4:12: sinks[] a: address: there is no port in it: HOST:PORT"},
		{"sinks: [{name: a, type: syslog, address: 'udp://[::1]'}]", "no port in it"},
		{"sinks: [{name: a, type: syslog, address: tls://h}]", "no port in it"},
		{"sinks: [{name: a, type: journald, address: /x}]", "wants no address"},
		{"sinks: [{name: a, type: https, address: /x}]", "wants a URL"},
		{"sinks: [{name: a, type: https, address: 'https://u:p@h/'}]", "token_file"},
		{"sinks: [{name: a, type: https, address: 'https://h', proxy: 'http://u:p@h'}]",
			"proxy: a user and password in it"},
		{"sinks: [{name: a, type: https, address: 'https://h', proxy: 'socks5://h'}]",
			"proxy: not http://"},
		{"sinks: [{name: a, type: https, address: 'https://h', headers: ['Authorization: "
		 "x']}]",
			"token_file"},
		{"sinks: [{name: a, type: https, address: 'https://h', headers: ['x']}]",
			"not \"Name: value\""},
		{"sinks: [{name: a, type: syslog, address: 'tcp://h:1', tls: {ca: /c}}]",
			"go in the clear"},
		{"sinks: [{name: a, type: syslog, address: 'tls://h:1', tls: {cert: /c}}]",
			"cert and key belong together"},
		{"sinks: [{name: a, type: syslog, address: 'tls://h:1', tls: {ca: c}}]",
			"tls.ca: not an absolute path"},
		{"sinks: [{name: a, type: syslog, address: 'tls://h:1', tls: {fingerprint: ab}}]",
			"tls.fingerprint: not sha256:"},
		{"sinks: [{name: a, type: syslog, address: 'tls://h:1', tls: {cca: /c}}]",
			"sinks[].tls.cca: unknown key, did you mean \"ca\""},
		{"sinks: [{name: a, type: syslog, address: 'tls://h:1', tls: [x]}]",
			"a list where a mapping belongs"},
		{"sinks: [{name: a, type: file, address: /x, tls.ca: /c}]", "unknown key"},
		{"sinks: [{name: a, type: file, address: /x, mode: 689}]", "mode: not octal"},
		{"sinks: [{name: a, type: file, address: /x, retry_min: 1h, retry_max: 1m}]",
			"retry_max: smaller"},
		{"sinks: [{name: a, type: file, address: /x, format: xml}]",
			"unknown, allowed auto"},
		{"gateway: {state_dir: x}", "gateway.state_dir: \"x\": not an absolute path"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++)
		is_refused(rows[i].text, rows[i].why);
}

/* Keys that this type or profile would not heed. */
static void misfits(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{"sinks:\n- name: a\n  type: file\n  address: /x\n  token_file: /t\n",
			"f:5:3: sinks[] a: token_file: it needs type https"},
		{"sinks: [{name: a, type: file, address: /x, tls: {ca: /c}}]",
			"f:1:50: sinks[] a: tls.ca: it needs an address tls:// or https://"},
		{"sinks: [{name: a, type: journald, tls: {ca: /c}}]", "tls.ca: it needs"},
		{"sinks: [{name: a, type: https, address: 'http://h', tls: {ca: /c}}]",
			"go in the clear"},
		{"sinks: [{name: a, type: syslog, address: 'tcp://h:1', profile: loki}]",
			"profile: it needs type https"},
		{"sinks: [{name: a, type: syslog, address: 'tcp://h:1', gzip: true}]",
			"gzip: it needs"},
		{"sinks: [{name: a, type: syslog, address: 'tcp://h:1', headers: ['a: b']}]",
			"headers: it needs type https"},
		{"sinks: [{name: a, type: syslog, address: 'tcp://h:1', proxy: 'http://h'}]",
			"proxy: it needs type https"},
		{"sinks: [{name: a, type: syslog, address: 'tcp://h:1', mode: 600}]",
			"mode: it needs type file"},
		{"sinks: [{name: a, type: syslog, address: 'tcp://h:1', format: cef, enterprise: 1}]",
			"enterprise: it needs format rfc5424"},
		{"sinks: [{name: a, type: file, address: /x, facility: 3}]", "facility: it needs"},
		{"sinks: [{name: a, type: file, address: /x, timeout: 3s}]", "timeout: it needs"},
		{"sinks: [{name: a, type: https, address: 'https://h', index: x}]",
			"index: it needs type https and profile splunk-hec"},
		{"sinks: [{name: a, type: https, address: 'https://h', profile: otlp, tenant: x}]",
			"tenant: it needs type https and profile loki"},
		{"sinks: [{name: a, type: https, address: 'https://h', labels: [a=b]}]",
			"labels: it needs"},
		{"sinks: [{name: a, type: https, address: 'https://h', profile: loki, ack: true}]",
			"ack: it needs"},
		{"sinks: [{name: a, type: https, address: 'https://h', auth: basic}]",
			"auth: it needs type https and a token_file"},
	};

	(void)state;
	for (size_t i = 0; i < COUNTOF(rows); i++)
		is_refused(rows[i].text, rows[i].why);
}

static void printed_and_copied(void **state)
{
	static const char text[] =
		"sinks:\n- name: a\n  type: syslog\n  address: tls://h:6514\n  format: cef\n"
		"  tls: {ca: /ca, server_name: n}\n  min_severity: high\n"
		"- {name: b, type: https, address: 'https://x', labels: [a=b], profile: loki}\n";
	CONFIG struct config *c = NULL, *again = NULL;
	BUF struct buf out = {0}, twice = {0};
	ARENA struct arena mem = {0};
	struct config_sink copy;

	(void)state;
	if (config_parse(&c, "f", span_of(text)) < 0)
		fail_msg("%s", err_why());
	assert_int_equal(c->n_sinks, 2);
	assert_string_equal(c->sinks[0].tls.ca, "/ca");
	assert_string_equal(c->sinks[0].tls.key, "");
	assert_int_equal(c->sinks[0].min_severity, SEV_HIGH);
	assert_int_equal(c->sinks[1].profile, CONFIG_SINK_LOKI);
	config_print(c, &out);
	if (config_parse(&again, "f", buf_span(&out)) < 0)
		fail_msg("%s in\n%s", err_why(), buf_text(&out));
	config_print(again, &twice);
	assert_string_equal(buf_text(&out), buf_text(&twice));
	for (size_t i = 0; i < 2; i++) {
		assert_true(config_sink_same(&c->sinks[i], &again->sinks[i]));
		config_sink_copy(&mem, &c->sinks[i], &copy);
		assert_true(config_sink_same(&c->sinks[i], &copy));
		assert_ptr_not_equal(copy.name, c->sinks[i].name);
	}
	assert_false(config_sink_same(&c->sinks[0], &c->sinks[1]));
}

/* No fault: they may come later. */
static void absent_files(void **state)
{
	static const char text[] =
		"sinks:\n- {name: a, type: https, address: 'https://x', token_file: /nowhere/t,\n"
		"   tls: {ca: /nowhere/ca, crl: /dev/null}}\n";
	CONFIG struct config *c = NULL;
	BUF struct buf out = {0};

	(void)state;
	if (config_parse(&c, "f", span_of(text)) < 0)
		fail_msg("%s", err_why());
	config_sinks_absent(c, &out);
	assert_string_equal(buf_text(&out),
		"sinks[] a: tls.ca: there is no such file yet: /nowhere/ca\n"
		"sinks[] a: token_file: there is no such file yet: /nowhere/t\n");
}

/* What may leave this host: every word of a secret is gone, all else can be read again. */
static void printed_bare(void **state)
{
	static const char text[] =
		"withhold: [/srv/s3cr3t]\nsinks:\n- {name: a, type: https, token_file: /t,\n"
		"   address: 'https://h:1/s3cr3t?k=s3cr3t', headers: ['X-Key: s3cr3t', 'Y: s3cr3t'],\n"
		"   proxy: 'http://p:3128/s3cr3t'}\n- {name: b, type: syslog, address: 'tcp://h:1'}\n";
	CONFIG struct config *c = NULL;
	BUF struct buf out = {0};

	(void)state;
	if (config_parse(&c, "f", span_of(text)) < 0)
		fail_msg("%s", err_why());
	config_print_bare(c, &out);
	assert_null(strstr(buf_text(&out), "s3cr3t"));
	assert_non_null(strstr(buf_text(&out), "address: \"https://h:1/(left out)\""));
	assert_non_null(strstr(buf_text(&out), "\"X-Key: (left out)\", \"Y: (left out)\""));
	assert_non_null(strstr(buf_text(&out), "proxy: \"http://p:3128/(left out)\""));
	assert_non_null(strstr(buf_text(&out), "token_file: \"/t\""));
	assert_non_null(strstr(buf_text(&out), "withhold: [\"(left out)\"]"));
	assert_non_null(strstr(buf_text(&out), "address: \"tcp://h:1\""));
	assert_string_equal(c->sinks[0].headers.v[0], "X-Key: s3cr3t"); /* what is in force stays */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(refusals),
		cmocka_unit_test(misfits), cmocka_unit_test(printed_and_copied),
		cmocka_unit_test(absent_files), cmocka_unit_test(printed_bare)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
