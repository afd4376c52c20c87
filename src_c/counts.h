/*
 * What metrics need besides losses: counts of pairs of labels, squares without rounding, extremes, looks at rows.
 *
 * All are passes over a block of contiguous numbers that add to a state: integers, exact sums, maxima. Nothing depends on the
 * order of the blocks. Labels are class indices of 64 bits, as fl_table.labels makes them; INT64_MIN is no label.
 */
#ifndef FL_METRICS_H
#define FL_METRICS_H

#include "fastloss.h"

/* Widens the range so that it holds the labels. An empty range is {INT64_MAX, INT64_MIN}. */
void fl_label_range(const int64_t *x, ptrdiff_t n, int64_t *lowest, int64_t *highest);

/* equal[i] = 1.0 where the labels are the same, else 0.0; returns how many are. `equal` may be NULL. */
int64_t fl_equal_labels(const int64_t *y_true, const int64_t *y_pred, ptrdiff_t n, double *equal);

/*
 * Cells of a table of pairs, cell = (y_true - low) * classes + (y_pred - low); of margins, three rows: the pairs that are
 * equal, y_true, y_pred. Labels outside of [low, low + classes) are left out, and so are cells outside of [first, last).
 * FL_COPIES tables of pairs are counted side by side, as long as they are small: increments of one cell wait for one another.
 */
enum { FL_COPIES = 4, FL_SMALL_TABLE = 1024 };
void fl_count_pairs(const int64_t *y_true, const int64_t *y_pred, ptrdiff_t n, int64_t low, int64_t classes, int64_t *cells);
void fl_count_margins(const int64_t *y_true, const int64_t *y_pred, ptrdiff_t n, int64_t low, int64_t classes, int64_t *cells);
void fl_weigh_pairs(const int64_t *y_true, const int64_t *y_pred, const double *w, ptrdiff_t n, int64_t low, int64_t classes,
                    ptrdiff_t first, ptrdiff_t last, fl_sum *cells);
void fl_weigh_margins(const int64_t *y_true, const int64_t *y_pred, const double *w, ptrdiff_t n, int64_t low, int64_t classes,
                      fl_sum *cells);

/* x[i] y[i] = high[i] + low[i] without rounding; low is 0 where high is infinite or NaN. high and low may be x and y. */
void fl_multiply(const double *x, const double *y, double *high, double *low, ptrdiff_t n);

/* The largest |x[i] - y[i]|, at least `largest`; NaN if there is one. */
double fl_largest_difference(const double *x, const double *y, ptrdiff_t n, double largest);

/* Whether there are numbers that are infinite or NaN, and zeros, or-ed. */
enum { FL_NOT_FINITE = 1, FL_ZERO = 2 };
int fl_look_at(const double *x, ptrdiff_t n);

/* What is wrong with rows of probabilities, or-ed. The sum of a row may be off by `tolerance`. */
enum { FL_ROW_NEGATIVE = 1, FL_ROW_ABOVE_ONE = 2, FL_ROW_NOT_FINITE = 4, FL_ROW_SUM = 8 };
int fl_check_rows(const double *x, ptrdiff_t rows, ptrdiff_t classes, double tolerance);

/* hit[i] = 1.0 where fewer than k scores come before that of the row's class, else 0.0: higher ones, and equal ones of later
   classes. */
void fl_top_k(const int64_t *label, const double *score, ptrdiff_t rows, ptrdiff_t classes, ptrdiff_t k, double *hit);

#endif
