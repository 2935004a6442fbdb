#include "pkg/sbom.h"
#include "base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const char *const sbom_format_names[SBOM_FORMATS] = {"cyclonedx", "spdx"};
static const char *const states[SBOM_STATES] = {
	"as-shipped", "modified", "added", "deleted", "unchecked"};

/* ---- purl ---- */

static const struct manager {
	const char *name, *type,
		*fallback; /* whose packages they are, where the image does not say */
} managers[] = {{"dpkg", "deb", "debian"}, {"apk", "apk", "alpine"}, {"rpm", "rpm", ""}};

static void add_qualifier(struct buf *out, bool *any, const char *key, struct span value)
{
	if (!value.n)
		return;
	buf_printf(out, "%c%s=", *any ? '&' : '?', key);
	*any = true;
	text_url_encode(out, value);
}

/* "1:2-3" -> "1", "2-3": rpm's epoch is a qualifier. */
static void split_epoch(struct span *version, struct span *ret_epoch)
{
	const uint8_t *colon = version->n ? memchr(version->p, ':', version->n) : NULL;
	size_t n = colon ? (size_t)(colon - version->p) : 0;

	*ret_epoch = span_make(version->p, n);
	if (colon)
		*version = span_make(colon + 1, version->n - n - 1);
}

void sbom_purl(const struct sbom_subject *s, const struct sbom_package *p, struct buf *out)
{
	BUF struct buf distro = {0};
	struct span version = p->version, epoch = {0}, vendor = s->os_id;
	const struct manager *m = NULL;
	bool any = false;

	for (size_t i = 0; i < COUNTOF(managers); i++)
		if (span_is(p->manager, managers[i].name))
			m = &managers[i];
	if (m && strcmp(m->type, "rpm") == 0)
		split_epoch(&version, &epoch);
	if (!vendor.n && m)
		vendor = span_of(m->fallback);
	buf_printf(out, "pkg:%s/", m ? m->type : "generic");
	if (vendor.n) {
		text_url_encode(out, vendor);
		buf_u8(out, '/');
	}
	text_url_encode(out, p->name);
	if (version.n) {
		buf_u8(out, '@');
		text_url_encode(out, version);
	}
	add_qualifier(out, &any, "arch", p->arch);
	buf_add_span(&distro, s->os_id);
	if (s->os_id.n && s->os_version.n)
		buf_u8(&distro, '-');
	buf_add_span(&distro, s->os_id.n ? s->os_version : span_of(""));
	add_qualifier(out, &any, "distro", buf_span(&distro));
	add_qualifier(out, &any, "epoch", epoch);
	add_qualifier(out, &any, "upstream", span_eq(p->source, p->name) ? span_of("") : p->source);
}

/* ---- what both have ---- */

static void add_uuid(const uint8_t u[16], struct buf *out)
{
	for (size_t i = 0; i < 16; i++) {
		uint8_t c = i == 6 ? (u[i] & 0x0f) | 0x40 : i == 8 ? (u[i] & 0x3f) | 0x80 : u[i];

		buf_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", c);
	}
}

/* SPDX wants whole seconds. */
static void add_time(struct json *j, const char *key, int64_t wall)
{
	time_t s = (time_t)(wall / 1000000000);
	char text[32];
	struct tm tm;

	must(gmtime_r(&s, &tm) && strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm));
	json_m_text(j, key, text);
}

static void name_of(const struct sbom *b, struct buf *out)
{
	buf_add_span(out, b->s.name.n ? b->s.name : span_of("container"));
}

static void property(struct json *j, const char *name, struct span value)
{
	if (!value.n)
		return;
	json_open(j, '{');
	json_m_text(j, "name", name);
	json_m_str(j, "value", value);
	json_close(j, '}');
}

/* ---- CycloneDX ---- */

static void cdx_hash(struct json *j, const uint8_t *sha)
{
	if (!sha)
		return;
	json_key(j, "hashes");
	json_open(j, '[');
	json_open(j, '{');
	json_m_text(j, "alg", "SHA-256");
	json_m_hex(j, "content", span_make(sha, SHA_LEN));
	json_close(j, '}');
	json_close(j, ']');
}

static void cdx_subject(struct sbom *b)
{
	struct json *j = &b->j;
	const struct sbom_subject *s = &b->s;

	json_key(j, "component");
	json_open(j, '{');
	json_m_text(j, "bom-ref", "subject");
	json_m_text(j, "type", "container");
	json_m_str(j, "name", s->image.n ? s->image : s->name);
	if (s->digest.n)
		json_m_str(j, "version", s->digest);
	json_key(j, "properties");
	json_open(j, '[');
	property(j, "boltseal:subject", span_of(s->live ? "container" : "image"));
	property(j, "boltseal:target", s->live ? s->name : span_of(""));
	property(j, "boltseal:os", s->os_name);
	property(j, "boltseal:not-read", s->note);
	json_close(j, ']');
	json_close(j, '}');
}

static void cdx_begin(struct sbom *b)
{
	struct json *j = &b->j;
	BUF struct buf serial = {0};

	buf_add_text(&serial, "urn:uuid:");
	add_uuid(b->s.uuid, &serial);
	json_open(j, '{');
	json_m_text(j, "$schema", "http://cyclonedx.org/schema/bom-1.6.schema.json");
	json_m_text(j, "bomFormat", "CycloneDX");
	json_m_text(j, "specVersion", "1.6");
	json_m_str(j, "serialNumber", buf_span(&serial));
	json_m_int(j, "version", 1);
	json_key(j, "metadata");
	json_open(j, '{');
	add_time(j, "timestamp", b->s.time);
	json_key(j, "tools");
	json_open(j, '{');
	json_key(j, "components");
	json_open(j, '[');
	json_open(j, '{');
	json_m_text(j, "type", "application");
	json_m_text(j, "name", "boltseal");
	json_m_text(j, "version", b->s.tool_version);
	json_close(j, '}');
	json_close(j, ']');
	json_close(j, '}');
	cdx_subject(b);
	json_close(j, '}');
	json_key(j, "components");
	json_open(j, '[');
}

static void cdx_package_end(struct sbom *b)
{
	if (!b->in_package)
		return;
	if (b->has_files) {
		json_close(&b->j, ']');
		json_close(&b->j, '}');
	}
	json_close(&b->j, '}');
	b->in_package = b->has_files = false;
}

static void cdx_package(struct sbom *b, const struct sbom_package *p)
{
	struct json *j = &b->j;
	BUF struct buf purl = {0};
	char ref[40];

	snprintf(ref, sizeof(ref), "package-%" PRIu64, b->n_packages);
	sbom_purl(&b->s, p, &purl);
	json_open(j, '{');
	json_m_text(j, "bom-ref", ref);
	json_m_text(j, "type", "library");
	json_m_str(j, "name", p->name);
	json_m_str(j, "version", p->version);
	json_m_str(j, "purl", buf_span(&purl));
	if (p->vendor.n)
		json_m_str(j, "publisher", p->vendor);
	if (p->licence.n) {
		json_key(j, "licenses");
		json_open(j, '[');
		json_open(j, '{');
		json_key(j, "license");
		json_open(j, '{');
		json_m_str(j, "name", p->licence);
		json_close(j, '}');
		json_close(j, '}');
		json_close(j, ']');
	}
	json_key(j, "properties");
	json_open(j, '[');
	property(j, "boltseal:manager", p->manager);
	property(j, "boltseal:arch", p->arch);
	property(j, "boltseal:source", p->source);
	json_close(j, ']');
	b->in_package = true;
}

/* Where it was found, and what was found there. */
static void cdx_file_of(struct sbom *b, const struct sbom_file *f)
{
	struct json *j = &b->j;
	BUF struct buf words = {0};

	if (!b->has_files) {
		json_key(j, "evidence");
		json_open(j, '{');
		json_key(j, "occurrences");
		json_open(j, '[');
		b->has_files = true;
	}
	buf_add_text(&words, states[f->state]);
	if (f->config)
		buf_add_text(&words, " configuration");
	if (f->sha) {
		buf_add_text(&words, " sha256:");
		text_hex(&words, span_make(f->sha, SHA_LEN));
	}
	json_open(j, '{');
	json_m_str(j, "location", f->path);
	json_m_str(j, "additionalContext", buf_span(&words));
	json_close(j, '}');
}

static void cdx_drift(struct sbom *b, const struct sbom_file *f)
{
	struct json *j = &b->j;
	char ref[40];

	snprintf(ref, sizeof(ref), "file-%" PRIu64, b->n_files);
	json_open(j, '{');
	json_m_text(j, "bom-ref", ref);
	json_m_text(j, "type", "file");
	json_m_str(j, "name", f->path);
	cdx_hash(j, f->sha);
	json_key(j, "properties");
	json_open(j, '[');
	property(j, "boltseal:state", span_of(states[f->state]));
	property(j, "boltseal:package", f->package);
	json_close(j, ']');
	json_close(j, '}');
}

static void cdx_end(struct sbom *b)
{
	struct json *j = &b->j;

	json_close(j, ']');
	json_close(j, '}');
}

/* ---- SPDX ---- */

static void spdx_relate(struct sbom *b, const char *from, const char *type, const char *to)
{
	struct json *j = &b->related;

	json_open(j, '{');
	json_m_text(j, "spdxElementId", from);
	json_m_text(j, "relationshipType", type);
	json_m_text(j, "relatedSpdxElement", to);
	json_close(j, '}');
}

static void spdx_package_head(struct sbom *b, const char *id, struct span name, struct span version)
{
	struct json *j = &b->j;

	json_open(j, '{');
	json_m_text(j, "SPDXID", id);
	json_m_str(j, "name", name);
	if (version.n)
		json_m_str(j, "versionInfo", version);
	json_m_text(j, "downloadLocation", "NOASSERTION");
	json_m_bool(j, "filesAnalyzed", false);
	json_m_text(j, "licenseConcluded", "NOASSERTION");
	json_m_text(j, "licenseDeclared", "NOASSERTION");
	json_m_text(j, "copyrightText", "NOASSERTION");
}

static void spdx_begin(struct sbom *b)
{
	const struct sbom_subject *s = &b->s;
	struct json *j = &b->j;
	BUF struct buf space = {0}, name = {0}, tool = {0};

	name_of(b, &name);
	buf_add_text(&space, "urn:uuid:");
	add_uuid(s->uuid, &space);
	buf_printf(&tool, "Tool: boltseal-%s", s->tool_version);
	json_open(j, '{');
	json_m_text(j, "spdxVersion", "SPDX-2.3");
	json_m_text(j, "dataLicense", "CC0-1.0");
	json_m_text(j, "SPDXID", "SPDXRef-DOCUMENT");
	json_m_str(j, "name", buf_span(&name));
	json_m_str(j, "documentNamespace", buf_span(&space));
	json_key(j, "creationInfo");
	json_open(j, '{');
	add_time(j, "created", s->time);
	json_key(j, "creators");
	json_open(j, '[');
	json_str(j, buf_span(&tool));
	json_close(j, ']');
	json_close(j, '}');
	if (s->note.n)
		json_m_str(j, "comment", s->note);
	json_key(j, "packages");
	json_open(j, '[');
	spdx_package_head(b, "SPDXRef-Subject", s->image.n ? s->image : buf_span(&name), s->digest);
	json_m_text(j, "primaryPackagePurpose", "CONTAINER");
	json_close(j, '}');
	b->files = json_on(&b->later);
	b->related = json_on(&b->more);
	json_open(&b->files, '[');
	json_open(&b->related, '[');
	spdx_relate(b, "SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Subject");
}

static void spdx_package(struct sbom *b, const struct sbom_package *p)
{
	struct json *j = &b->j;
	BUF struct buf purl = {0};
	char id[48];

	snprintf(id, sizeof(id), "SPDXRef-Package-%" PRIu64, b->n_packages);
	sbom_purl(&b->s, p, &purl);
	spdx_package_head(b, id, p->name, p->version);
	if (p->licence.n)
		json_m_str(j, "licenseComments", p->licence);
	json_key(j, "externalRefs");
	json_open(j, '[');
	json_open(j, '{');
	json_m_text(j, "referenceCategory", "PACKAGE-MANAGER");
	json_m_text(j, "referenceType", "purl");
	json_m_str(j, "referenceLocator", buf_span(&purl));
	json_close(j, '}');
	json_close(j, ']');
	json_close(j, '}');
	spdx_relate(b, "SPDXRef-Subject", "CONTAINS", id);
}

/* What is no package's archive's was added, modified or deleted there. A file without a digest is none to
 * SPDX. */
static void spdx_file(struct sbom *b, const struct sbom_file *f, const char *from)
{
	static const char *const drift[SBOM_STATES] = {[SBOM_MODIFIED] = "FILE_MODIFIED",
		[SBOM_ADDED] = "FILE_ADDED",
		[SBOM_DELETED] = "FILE_DELETED"};
	struct json *j = &b->files;
	BUF struct buf name = {0}, words = {0};
	char id[48];

	snprintf(id, sizeof(id), "SPDXRef-File-%" PRIu64, b->n_files);
	buf_u8(&name, '.');
	buf_add_span(&name, f->path);
	buf_printf(&words, "%s%s", states[f->state], f->config ? " configuration" : "");
	if (!f->sha)
		return;
	json_open(j, '{');
	json_m_text(j, "SPDXID", id);
	json_m_str(j, "fileName", buf_span(&name));
	json_key(j, "checksums");
	json_open(j, '[');
	json_open(j, '{');
	json_m_text(j, "algorithm", "SHA256");
	json_m_hex(j, "checksumValue", span_make(f->sha, SHA_LEN));
	json_close(j, '}');
	json_close(j, ']');
	json_m_text(j, "licenseConcluded", "NOASSERTION");
	json_m_text(j, "copyrightText", "NOASSERTION");
	json_m_str(j, "comment", buf_span(&words));
	json_close(j, '}');
	spdx_relate(b, id,
		b->in_drift && drift[f->state] ? drift[f->state] : "EXPANDED_FROM_ARCHIVE", from);
}

static void spdx_end(struct sbom *b)
{
	struct json *j = &b->j;

	json_close(j, ']');
	json_close(&b->files, ']');
	json_close(&b->related, ']');
	json_key(j, "files");
	json_raw(j, buf_span(&b->later));
	json_key(j, "relationships");
	json_raw(j, buf_span(&b->more));
	json_close(j, '}');
}

/* ---- either ---- */

void sbom_begin(
	struct sbom *b, enum sbom_format format, const struct sbom_subject *s, struct buf *out)
{
	*b = (struct sbom){.j = json_on(out), .format = format, .s = *s};
	if (format == SBOM_SPDX)
		spdx_begin(b);
	else
		cdx_begin(b);
}

void sbom_package(struct sbom *b, const struct sbom_package *p)
{
	if (b->format == SBOM_SPDX) {
		spdx_package(b, p);
	} else {
		cdx_package_end(b);
		cdx_package(b, p);
	}
	b->n_packages++;
}

void sbom_file_of(struct sbom *b, const struct sbom_file *f)
{
	char id[48];

	snprintf(id, sizeof(id), "SPDXRef-Package-%" PRIu64, b->n_packages - 1);
	if (b->format == SBOM_SPDX)
		spdx_file(b, f, id);
	else
		cdx_file_of(b, f);
	b->n_files++;
}

void sbom_drift(struct sbom *b, const struct sbom_file *f)
{
	cdx_package_end(b);
	b->in_drift = true;
	if (b->format == SBOM_SPDX)
		spdx_file(b, f, "SPDXRef-Subject");
	else
		cdx_drift(b, f);
	b->n_files++;
}

int sbom_end(struct sbom *b)
{
	int r;

	cdx_package_end(b);
	if (b->format == SBOM_SPDX)
		spdx_end(b);
	else
		cdx_end(b);
	buf_u8(b->j.out, '\n');
	r = buf_err(b->j.out);
	if (r == 0)
		r = buf_err(&b->later) ? buf_err(&b->later) : buf_err(&b->more);
	buf_free(&b->later);
	buf_free(&b->more);
	return r;
}
