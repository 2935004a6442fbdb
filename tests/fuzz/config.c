/* Any bytes are a configuration or an error with a place; what is taken prints and reads again as
 * itself. */
#include "base/err.h"
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CONFIG struct config *a = NULL, *b = NULL;
	BUF struct buf first = {0}, second = {0};

	if (config_parse(&a, "f", span_make(data, size)) < 0) {
		must(!a && strncmp(err_why(), "f:", 2) == 0);
		return 0;
	}
	config_print(a, &first);
	must(config_parse(&b, "p", buf_span(&first)) == 0);
	config_print(b, &second);
	must(span_eq(buf_span(&first), buf_span(&second)));
	return 0;
}
