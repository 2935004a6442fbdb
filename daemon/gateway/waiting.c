/* No library serves yet: what is asked makes no difference, so it is not read further than it comes at once. */
#include "daemon/gateway/waiting.h"
#include "base/buf.h"
#include "base/fd.h"
#include "base/json.h"
#include <poll.h>
#include <sys/socket.h>

enum { ASK_MS = 100, ASK_MAX = 16 << 10, AT_ONCE = 16 };

static void answer(int fd, struct span text)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char asked[ASK_MAX];

	/* Closed over something unread, the answer might not arrive. */
	if (poll(&p, 1, ASK_MS) == 1)
		(void)!recv(fd, asked, sizeof(asked), MSG_DONTWAIT);
	(void)!send(fd, text.p, text.n, MSG_DONTWAIT | MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
}

static void compose(struct buf *out, const char *why)
{
	BUF struct buf body = {0};
	struct json j = json_on(&body);

	json_open(&j, '{');
	json_m_text(&j, "detail", why);
	json_m_uint(&j, "status", 503);
	json_m_text(&j, "title", "Not available now");
	json_m_text(&j, "type", "urn:boltseal:problem:unavailable");
	json_close(&j, '}');
	buf_printf(out,
		"HTTP/1.1 503 Not available now\r\nConnection: close\r\nRetry-After: 1\r\n"
		"Content-Type: application/problem+json\r\nContent-Length: %zu\r\n\r\n",
		body.n);
	buf_add_span(out, buf_span(&body));
}

void waiting_answer(int listen_fd, const char *why)
{
	BUF struct buf text = {0};

	compose(&text, why);
	for (int i = 0; i < AT_ONCE && buf_err(&text) == 0; i++) {
		FD int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0)
			return;
		answer(fd, buf_span(&text));
	}
}
