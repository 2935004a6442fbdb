#include "daemon/sensor/hostkey.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/fd.h"
#include "trust/keyring.h"
#include <fcntl.h>
#include <sys/stat.h>

static int write_public(const struct trust_key *k, const char *dir)
{
	BUF struct buf path = {.p = NULL}, text = {.p = NULL};
	struct public_key p = {.name = "host", .roles = 1u << SIGN_CHECKPOINT};
	KEYRING struct keyring there = {.n = 0};
	int r;

	buf_printf(&path, "%s/host.pub", dir);
	if (keyring_add(&there, buf_text(&path)) == 0 && keyring_find(&there, trust_key_id(k)))
		return 0;
	p.created = clock_wall();
	p.key = (struct trust_key *)(uintptr_t)k;
	r = public_key_format(&p, &text);
	return r < 0 ? r : fd_write_file(buf_text(&path), buf_span(&text), 0644);
}

static int make(const char *path, struct trust_key **ret)
{
	TRUST_KEY struct trust_key *k = NULL;
	int r = trust_key_make(&k);

	if (r == 0)
		r = trust_key_write(k, path, (struct span){0});
	if (r == 0)
		*ret = take(k);
	return r;
}

int hostkey_open(struct trust_key **ret, const char *state_dir)
{
	BUF struct buf dir = {.p = NULL}, path = {.p = NULL};
	TRUST_KEY struct trust_key *k = NULL;
	int r;

	buf_printf(&dir, "%s/keys", state_dir);
	buf_printf(&path, "%s/host.key", buf_text(&dir));
	if (mkdir(buf_text(&dir), 0755) < 0 && errno != EEXIST)
		return err_sys("%s", buf_text(&dir));
	r = trust_key_read(buf_text(&path), NULL, &k);
	if (r == -ENOENT)
		r = make(buf_text(&path), &k);
	if (r == 0)
		r = write_public(k, buf_text(&dir));
	if (r == 0)
		*ret = take(k);
	return r;
}
