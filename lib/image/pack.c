#include "image/pack.h"
#include <zstd.h>
#include "base/err.h"

enum { LEVEL = 6 };

static void free_ctx(ZSTD_CCtx **c)
{
	ZSTD_freeCCtx(*c);
}

int pack_zstd(struct span plain, struct buf *out)
{
	CLEANUP(free_ctx) ZSTD_CCtx *c = ZSTD_createCCtx();
	size_t room = ZSTD_compressBound(plain.n), n;

	if (!c || buf_reserve(out, room) < 0)
		return err_set(-ENOMEM, "no memory to pack %zu bytes", plain.n);
	ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(c, out->p + out->n, room, plain.p, plain.n);
	if (ZSTD_isError(n))
		return err_set(-EIO, "zstd: %s", ZSTD_getErrorName(n));
	out->n += n;
	out->p[out->n] = 0;
	return 0;
}
