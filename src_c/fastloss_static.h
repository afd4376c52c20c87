/*
 * fastloss without Python, for programs that are linked with src_c: the tables. `python setup.py build_static` makes
 * build/static/libfastloss.a, which has them.
 */
#ifndef FASTLOSS_STATIC_H
#define FASTLOSS_STATIC_H

#include "fastloss.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Writes the tables that were built and that this CPU can run, best first; returns how many, which is one at least. */
enum { FL_MAX_TABLES = 4 };
int fl_tables(const fl_table *tables[FL_MAX_TABLES]);

/* What all tables have as their sums. */
void fl_sum_clear(fl_sum *sum);
void fl_sum_merge(fl_sum *sum, const fl_sum *other);
void fl_sum_deposit(fl_sum *sum, double x);
void fl_sum_settle(fl_sum *sum);
double fl_sum_round(const fl_sum *sum, int down);

#ifdef __cplusplus
}
#endif

#endif
