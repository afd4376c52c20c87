/* Says to callgrind, from inside, what to count: a program under valgrind calls these through ctypes. */
#include <valgrind/callgrind.h>

void start(void)
{
    CALLGRIND_START_INSTRUMENTATION;
}

void clear(void)
{
    CALLGRIND_ZERO_STATS;
}

void count(const char *name)
{
    CALLGRIND_DUMP_STATS_AT(name);
}
