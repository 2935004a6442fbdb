/* CRC-64 of ISO 3309, reflected, ones before and after: eight tables, eight bytes a step. */
#include "image/tarsplit.h"
#include <endian.h>
#include <pthread.h>

#define POLY UINT64_C(0xd800000000000000)

static uint64_t table[8][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t c = i;

		for (int bit = 0; bit < 8; bit++)
			c = c & 1 ? c >> 1 ^ POLY : c >> 1;
		table[0][i] = c;
	}
	for (unsigned i = 0; i < 256; i++)
		for (unsigned k = 1; k < 8; k++)
			table[k][i] = table[k - 1][i] >> 8 ^ table[0][table[k - 1][i] & 0xff];
}

uint64_t tarsplit_crc(uint64_t crc, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	pthread_once(&once, fill);
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t w;

		memcpy(&w, p, 8);
		crc ^= le64toh(w);
		crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^
		      table[5][crc >> 16 & 0xff] ^ table[4][crc >> 24 & 0xff] ^
		      table[3][crc >> 32 & 0xff] ^ table[2][crc >> 40 & 0xff] ^
		      table[1][crc >> 48 & 0xff] ^ table[0][crc >> 56];
	}
	for (; n; n--)
		crc = crc >> 8 ^ table[0][(crc ^ *p++) & 0xff];
	return ~crc;
}
