/* conf/openapi.yaml as bytes of the program: what is served is what was tested. The assembler looks
 * for the file beside the sources, where the build runs. */
#include "base/attr.h"

__asm__(".section .rodata\n"
	".globl openapi_text\n"
	".globl openapi_end\n"
	"openapi_text:\n"
	".incbin \"conf/openapi.yaml\"\n"
	"openapi_end:\n"
	".byte 0\n"
	".previous\n");
