/* Golden baselines: files that go to the daemon and come from it. */
#include "base/err.h"
#include "base/fd.h"
#include "base/text.h"
#include "client/client.h"
#include <fcntl.h>
#include <sys/stat.h>

int boltseal_baseline_export(struct boltseal *h, const char *target, const char *generation,
	struct boltseal_reply *reply)
{
	URL struct url u = {0};

	url_target(&u, target, "/baseline/export");
	url_add(&u, "generation", generation);
	return boltseal_request(h, "GET", buf_text(&u.text), NULL, NULL, reply);
}

static int open_file(const char *path, struct upload *ret)
{
	struct stat st;

	ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (ret->fd < 0 || fstat(ret->fd, &st) < 0)
		return err_sys("%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return err_set(-EINVAL, "%s: it is no file with something in it", path);
	ret->size = (unsigned long long)st.st_size;
	return 0;
}

int boltseal_baseline_import(struct boltseal *h, const char *path, int replace, boltseal_sent *fn,
	void *arg, struct boltseal_reply *reply)
{
	struct upload file = {.fd = -1, .fn = fn, .arg = arg};
	URL struct url u = {0};
	int r = open_file(path, &file);

	if (r < 0) {
		fd_close(&file.fd);
		return client_fail(h, r);
	}
	buf_add_text(&u.text, "/v1/baselines");
	url_add(&u, "replace", replace ? "1" : NULL);
	r = client_upload(h, buf_text(&u.text), &file, reply);
	fd_close(&file.fd);
	return r;
}

int boltseal_golden(struct boltseal *h, struct boltseal_reply *reply)
{
	return boltseal_request(h, "GET", "/v1/baselines/golden", NULL, NULL, reply);
}

int boltseal_golden_remove(struct boltseal *h, const char *image, struct boltseal_reply *reply)
{
	URL struct url u = {0};

	buf_add_text(&u.text, "/v1/baselines/golden/");
	text_url_encode(&u.text, span_of(image));
	buf_add_text(&u.text, "/remove");
	return boltseal_request(h, "POST", buf_text(&u.text), NULL, NULL, reply);
}
