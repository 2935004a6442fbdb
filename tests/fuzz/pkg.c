/* Any bytes as dpkg's and apk's texts and as rpm's header: what comes out lies within them, and it ends. */
#include "pkg/apk.h"
#include "pkg/dpkg.h"
#include "pkg/rpm.h"
#include "model/package.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

static void within(struct span all, struct span part)
{
	must(part.n == 0 || (part.p >= all.p && part.p + part.n <= all.p + all.n));
}

static void texts(struct span all)
{
	struct dpkg_diversion d;
	struct dpkg_package pkg;
	struct dpkg_file f;
	struct span rest = all, path;

	while (dpkg_package(&rest, &pkg)) {
		within(all, pkg.name);
		within(all, pkg.version);
		within(all, pkg.conffiles);
		within(all, pkg.source);
		while (dpkg_conffile(&pkg.conffiles, &f))
			within(all, f.path);
	}
	for (rest = all; dpkg_md5sum(&rest, &f);)
		within(all, f.path);
	for (rest = all; dpkg_listed(&rest, &path);)
		within(all, path);
	for (rest = all; dpkg_diversion(&rest, &d);)
		within(all, d.to);
}

static void header(struct span all)
{
	struct rpm_header h;
	struct rpm_file f;

	if (rpm_header(all, &h) < 0)
		return;
	within(all, h.name);
	within(all, h.arch);
	while (rpm_file(&h, &f)) {
		within(all, f.dir);
		within(all, f.base);
		within(all, f.digest);
	}
}

static void apk(struct span all)
{
	struct apk_package p;
	struct apk_file f;
	struct span rest = all;

	while (apk_package(&rest, &p)) {
		within(all, p.name);
		within(all, p.licence);
		within(all, p.files);
		while (apk_file(&p, &f)) {
			within(all, f.dir);
			within(all, f.base);
			must(f.kind < PACKAGE_DIGESTS && f.base.n);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	BUF struct buf again = {0};
	struct package_note note;
	struct span all = span_make(p, n);

	texts(all);
	apk(all);
	header(all);
	if (package_decode(all, &note) == 0) {
		package_encode(&note, &again);
		must(span_eq(buf_span(&again), all));
	}
	return 0;
}
