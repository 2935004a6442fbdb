/* Options as kernels from 4.18 to 6.18 print them. */
#include "tests/unit/fs/room.h"
#include "fs/overlay.h"

static void parse(const char *text, struct overlay_options *o)
{
	assert_int_equal(overlay_parse(span_of(text), o), 0);
}

static void what_docker_mounts(void **state UNUSED)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};

	parse("rw,lowerdir=/d/l/AAA:/d/l/BBB,upperdir=/d/x/diff,workdir=/d/x/work,index=off", &o);
	assert_int_equal(o.n_lower, 2);
	assert_true(span_is(o.lower[0], "/d/l/AAA"));
	assert_true(span_is(o.lower[1], "/d/l/BBB"));
	assert_true(span_is(o.upper, "/d/x/diff"));
	assert_true(span_is(o.work, "/d/x/work"));
	assert_int_equal(o.n_data, 0);
	assert_false(o.user_xattr || o.metacopy || o.redirect || o.index || o.is_volatile);
}

static void flags(void **state UNUSED)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};

	parse("rw,lowerdir=61/fs:60/fs,userxattr,metacopy=on,redirect_dir=on,index=on,volatile",
		&o);
	assert_true(o.user_xattr && o.metacopy && o.redirect && o.index && o.is_volatile);
	assert_true(span_is(o.lower[0], "61/fs"));
	assert_int_equal(o.upper.n, 0);
	overlay_options_free(&o);
	parse("lowerdir=a,redirect_dir=nofollow,metacopy=off,fsync=volatile,index=off", &o);
	assert_true(o.is_volatile);
	assert_false(o.user_xattr || o.metacopy || o.redirect || o.index);
}

static void data_layers(void **state UNUSED)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};

	parse("lowerdir=l1:l2::d1::d2", &o);
	assert_int_equal(o.n_lower, 2);
	assert_int_equal(o.n_data, 2);
	assert_true(span_is(o.data[1], "d2"));
	overlay_options_free(&o);
	parse("lowerdir+=/a,lowerdir+=/b\\072c\\134:d,datadir+=/d\\040e", &o);
	assert_int_equal(o.n_lower, 2);
	assert_true(span_is(o.lower[1], "/b:c\\:d")); /* no escapes of the user's in this form */
	assert_true(span_is(o.data[0], "/d e"));
}

static void escapes(void **state UNUSED)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};
	BUF struct buf b = {0};

	parse("lowerdir=/a\\134:b:/c\\072d:/e\\054f\\040g:/h\\:i:/j\\,k,upperdir=/u\\012\\011\\043",
		&o);
	assert_int_equal(o.n_lower, 5);
	assert_true(span_is(o.lower[0], "/a:b"));
	assert_true(span_is(o.lower[1], "/c:d"));
	assert_true(span_is(o.lower[2], "/e,f g"));
	assert_true(span_is(o.lower[3], "/h:i"));
	assert_true(span_is(o.lower[4], "/j,k"));
	assert_true(span_is(o.upper, "/u\n\t#"));
	overlay_unescape(span_of("a\\040b\\134040\\09\\000\\777\\"), &b);
	assert_string_equal(buf_text(&b), "a b\\040\\09\\000\\777\\");
}

static void what_is_none(void **state UNUSED)
{
	OVERLAY_OPTIONS struct overlay_options o = {0};

	assert_int_equal(overlay_parse(span_of(""), &o), -EBADMSG);
	assert_int_equal(overlay_parse(span_of("rw,upperdir=/u"), &o), -EBADMSG);
	assert_int_equal(overlay_parse(span_of("lowerdir="), &o), -EBADMSG);
	assert_int_equal(overlay_parse(span_of("lowerdir=a:"), &o), -EBADMSG);
	assert_int_equal(overlay_parse(span_of("lowerdir=a::d:b"), &o), -EBADMSG);
	assert_int_equal(overlay_parse(span_of("lowerdir=a:::d"), &o), -EBADMSG);
	assert_null(o.lower);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_docker_mounts),
		cmocka_unit_test(flags),
		cmocka_unit_test(data_layers),
		cmocka_unit_test(escapes),
		cmocka_unit_test(what_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
