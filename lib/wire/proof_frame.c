#include "wire/proof_frame.h"

enum { COUNT_DIGITS = 7, PRI_DIGITS = 3 };

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

int frame_head(struct span s, size_t *ret_len)
{
	size_t i = 0, head;

	*ret_len = 0;
	for (; i < s.n && i < COUNT_DIGITS && is_digit(s.p[i]); i++)
		*ret_len = *ret_len * 10 + (size_t)(s.p[i] - '0');
	if (s.n && (i == 0 || s.p[0] == '0'))
		return 0;
	if (i == s.n)
		return -1;
	head = i + 1;
	if (s.p[i] != ' ')
		return 0;
	if (head == s.n)
		return -1;
	for (i = head + 1; i < s.n && i <= head + PRI_DIGITS && is_digit(s.p[i]);)
		i++;
	if (s.p[head] != '<' || i == s.n)
		return s.p[head] == '<' ? -1 : 0;
	return i > head + 1 && s.p[i] == '>' && *ret_len > i - head ? (int)head : 0;
}
