/* log.h - what the daemon says on stderr, with a priority prefix (<3> …) that journald reads when
 * stderr is not a terminal. Never blocks on a slow reader for long, counts what it dropped. */
#pragma once

#include "base/attr.h"

enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARN = 4,
	LOG_LEVEL_NOTE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};
void log_init(const char *who, enum log_level least);
void log_at(enum log_level level, const char *fmt, ...) PRINTF(2, 3);
#define log_err(...) log_at(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_note(...) log_at(LOG_LEVEL_NOTE, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
