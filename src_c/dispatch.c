/*
 * Which of the tables that were built can this CPU run? Compiled with the baseline flags only; nothing of any instruction
 * set's object runs before this has said that it may.
 */
#include "fastloss_static.h"

extern const fl_table fl_table_baseline;
#ifdef FL_BUILT_AVX2
extern const fl_table fl_table_avx2;
#endif
#ifdef FL_BUILT_AVX512
extern const fl_table fl_table_avx512;
#endif

int fl_tables(const fl_table *tables[FL_MAX_TABLES])
{
    int n = 0;
    /* __builtin_cpu_supports also asks whether the operating system saves the registers. */
#ifdef FL_BUILT_AVX512
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl"))
        tables[n++] = &fl_table_avx512;
#endif
#ifdef FL_BUILT_AVX2
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        tables[n++] = &fl_table_avx2;
#endif
    tables[n++] = &fl_table_baseline;
    return n;
}
