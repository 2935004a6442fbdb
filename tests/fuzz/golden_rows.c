/* Any list of records is refused, or comes out as a tree in which each name has a directory that came before. */
#include "daemon/sensor/importing.h"

struct met {
	uint32_t dirs;
};

static void look(void *ctx, struct item_golden_rows *rows)
{
	struct met *m = ctx;

	for (size_t i = 0; i < rows->n_rows; i++) {
		const struct golden_row *row = &rows->row[i];
		struct record rec;

		must(row->dir <= m->dirs && row->name.len <= 255);
		must(record_decode(span_make(rows->mem.p + row->rec.off, row->rec.len), &rec) == 0);
		must(row->sub_dir == 0 || row->sub_dir == m->dirs + 1);
		must((row->sub_dir != 0) == (rec.type == FILE_DIR));
		m->dirs += row->sub_dir != 0;
	}
	item_free(&rows->item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t identity[SHA_LEN];
	struct met m = {.dirs = 0};

	importing_rows(span_make(data, size), identity, look, &m);
	return 0;
}
