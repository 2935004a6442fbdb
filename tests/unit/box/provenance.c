/* What engines' files say, and what they say when somebody was at them. Links: box/provenance, base. */
#include "base/attr.h"
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/text.h"
#include "box/provenance.h"

static char root[64], layer[128];
static char id[80], diff[65], manifest[65];

static int sh(const char *cmd)
{
	BUF struct buf b = {0};

	buf_printf(&b, "cd %s && { %s\n}", root, cmd);
	return system(buf_text(&b));
}

static void hex_of(const char *text, char ret[65])
{
	BUF struct buf hex = {0};
	uint8_t sum[SHA_LEN];

	sha_once(span_of(text), sum);
	text_hex(&hex, span_make(sum, SHA_LEN));
	memcpy(ret, buf_text(&hex), 65);
}

static void file(const char *name, const char *text)
{
	BUF struct buf path = {0};
	FILE *f;

	buf_printf(&path, "%s/%s", root, name);
	f = fopen(buf_text(&path), "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
}

/* A graph root of containers/storage with one image of one layer. */
static int set_up(void **state UNUSED)
{
	char config[300], man[300], text[600], key[100], name[200], hex[65];
	BUF struct buf b64 = {0};

	snprintf(root, sizeof(root), "/tmp/provenance.XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(sh("mkdir -p overlay/L/diff overlay-layers overlay-images"), 0);
	snprintf(layer, sizeof(layer), "%s/overlay/L/diff", root);
	hex_of("the layer", diff);
	snprintf(config, sizeof(config),
		"{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:%s\"]}}", diff);
	hex_of(config, hex);
	snprintf(id, sizeof(id), "sha256:%s", hex);
	snprintf(man, sizeof(man), "{\"config\":{\"digest\":\"%s\"},\"layers\":[]}", id);
	hex_of(man, manifest);
	snprintf(text, sizeof(text), "[{\"id\":\"L\",\"diff-digest\":\"sha256:%s\"}]", diff);
	file("overlay-layers/layers.json", text);
	file("overlay-layers/L.tar-split.gz", "x");
	snprintf(text, sizeof(text), "[{\"id\":\"%s\",\"digest\":\"sha256:%s\",\"layer\":\"L\"}]",
		hex, manifest);
	file("overlay-images/images.json", text);
	snprintf(name, sizeof(name), "mkdir overlay-images/%s", hex);
	assert_int_equal(sh(name), 0);
	snprintf(name, sizeof(name), "overlay-images/%s/manifest", hex);
	file(name, man);
	snprintf(key, sizeof(key), "%s", id);
	text_b64(&b64, span_of(key));
	snprintf(name, sizeof(name), "overlay-images/%s/=%s", hex, buf_text(&b64));
	file(name, config);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	return sh("rm -rf \"$PWD\"");
}

static void a_layer(void **state UNUSED)
{
	PROVENANCE struct provenance p;
	PROVENANCE struct provenance other;
	PROVENANCE struct provenance init;

	provenance_of_layer(layer, "image", true, &p);
	assert_int_equal(p.how, PROVENANCE_TAR_SPLIT);
	assert_string_equal(buf_text(&p.digest), diff);
	assert_non_null(strstr(buf_text(&p.file), "/overlay-layers/L.tar-split.gz"));
	assert_true(p.owners_unknown);
	provenance_of_layer("/nowhere/at/all", "image", false, &other);
	assert_int_equal(other.how, PROVENANCE_NONE);
	assert_non_null(strstr(buf_text(&other.why), "no engine's store"));
	provenance_of_layer(layer, "runtime", false, &init);
	assert_int_equal(init.how, PROVENANCE_INIT);
}

/* What was pulled in parts: no headers, a table, and another digest where the layer's should be. */
static void a_table(void **state UNUSED)
{
	PROVENANCE struct provenance p;
	PROVENANCE struct provenance both;

	assert_int_equal(
		sh("mkdir overlay-layers/L && echo {} >overlay-layers/L/=enN0ZC1jaHVua2VkLW1hbmlmZXN0"),
		0);
	provenance_of_layer(layer, "image", false, &both);
	assert_int_equal(both.how, PROVENANCE_TAR_SPLIT);
	assert_int_equal(sh("mv overlay-layers/L.tar-split.gz keep"), 0);
	provenance_of_layer(layer, "image", false, &p);
	assert_int_equal(p.how, PROVENANCE_TOC);
	assert_int_equal(p.digest.n, 0);
	assert_non_null(strstr(buf_text(&p.file), "/overlay-layers/L/=enN0"));
	assert_int_equal(sh("mv keep overlay-layers/L.tar-split.gz && rm -r overlay-layers/L"), 0);
}

static void an_image(void **state UNUSED)
{
	PROVENANCE_IMAGE struct provenance_image i;
	PROVENANCE_IMAGE struct provenance_image none;
	struct rd at;

	assert_int_equal(provenance_of_image(layer, span_of(id), &i), 0);
	assert_string_equal(buf_text(&i.config), id + 7);
	assert_string_equal(buf_text(&i.manifest), manifest);
	assert_int_equal(i.n, 1);
	at = rd_of(buf_span(&i.digests));
	assert_true(span_is(span_make(rd_bytes(&at).p + 7, 64), diff));
	assert_int_equal(provenance_of_image(layer, span_of("sha256:00"), &none), -ENOENT);
}

/* Each file in its turn is another one: nothing is believed then. */
static void images_that_lie(void **state UNUSED)
{
	static const struct {
		const char *cmd;
		int code;
	} lies[] = {
		{"for f in overlay-images/*/=*; do sed -i s/layers/Layers/ $f; done", -EBADMSG},
		{"for f in overlay-images/*/=*; do : >$f; done", -ENOENT},
		{"echo >>$(echo overlay-images/*/manifest)", -EBADMSG},
		{"sed -i 's/sha256:[0-9a-f]/sha256:0/' overlay-images/*/manifest", -EBADMSG},
		{"echo [] >overlay-images/images.json", -ENOENT},
		{"echo '[{\"id\":7},[],null' >overlay-images/images.json", -ENOENT},
	};

	for (size_t n = 0; n < COUNTOF(lies); n++) {
		PROVENANCE_IMAGE struct provenance_image i;

		assert_int_equal(sh("cp -a overlay-images keep"), 0);
		assert_int_equal(sh(lies[n].cmd), 0);
		if (provenance_of_image(layer, span_of(id), &i) != lies[n].code)
			fail_msg("%s", lies[n].cmd);
		assert_true(i.why.n > 0);
		assert_int_equal(sh("rm -r overlay-images && mv keep overlay-images"), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_layer),
		cmocka_unit_test(a_table),
		cmocka_unit_test(an_image),
		cmocka_unit_test(images_that_lie),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
