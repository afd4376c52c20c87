#include "counts.h"

#include <string.h>

#include "sum/exact_sum.h"

void fl_label_range(const int64_t *x, ptrdiff_t n, int64_t *lowest, int64_t *highest)
{
    int64_t low = *lowest, high = *highest;
    for (ptrdiff_t i = 0; i < n; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *lowest = low;
    *highest = high;
}

int64_t fl_equal_labels(const int64_t *y_true, const int64_t *y_pred, ptrdiff_t n, double *equal)
{
    int64_t count = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        count += y_true[i] == y_pred[i];
    for (ptrdiff_t i = 0; equal && i < n; i++) {
        /* the bits of 1.0 or of 0.0, without a branch that nobody can predict */
        const uint64_t bits = -(uint64_t)(y_true[i] == y_pred[i]) & (uint64_t)1023 << 52;
        memcpy(&equal[i], &bits, sizeof bits);
    }
    return count;
}

/* The place of a label among the classes, or one that is not below their number. */
static inline uint64_t place_of(int64_t label, int64_t low)
{
    return (uint64_t)label - (uint64_t)low;
}

void fl_count_pairs(const int64_t *y_true, const int64_t *y_pred, ptrdiff_t n, int64_t low, int64_t classes, int64_t *cells)
{
    const uint64_t k = (uint64_t)classes;
    const uint64_t copy = classes * classes <= FL_SMALL_TABLE ? k * k : 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t t = place_of(y_true[i], low), p = place_of(y_pred[i], low);
        if (t < k && p < k)
            cells[copy * ((uint64_t)i % FL_COPIES) + t * k + p]++;
    }
}

void fl_count_margins(const int64_t *y_true, const int64_t *y_pred, ptrdiff_t n, int64_t low, int64_t classes, int64_t *cells)
{
    const uint64_t k = (uint64_t)classes;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t t = place_of(y_true[i], low), p = place_of(y_pred[i], low);
        if (t < k && p < k) {
            cells[t] += t == p;
            cells[k + t]++;
            cells[2 * k + p]++;
        }
    }
}

void fl_weigh_pairs(const int64_t *y_true, const int64_t *y_pred, const double *w, ptrdiff_t n, int64_t low, int64_t classes,
                    ptrdiff_t first, ptrdiff_t last, fl_sum *cells)
{
    const uint64_t k = (uint64_t)classes;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t t = place_of(y_true[i], low), p = place_of(y_pred[i], low);
        if (t < k && p < k && t * k + p >= (uint64_t)first && t * k + p < (uint64_t)last)
            fl_sum_add(&cells[t * k + p - (uint64_t)first], w[i]);
    }
}

void fl_weigh_margins(const int64_t *y_true, const int64_t *y_pred, const double *w, ptrdiff_t n, int64_t low, int64_t classes,
                      fl_sum *cells)
{
    const uint64_t k = (uint64_t)classes;
    for (ptrdiff_t i = 0; i < n; i++) {
        const uint64_t t = place_of(y_true[i], low), p = place_of(y_pred[i], low);
        if (t < k && p < k) {
            if (t == p)
                fl_sum_add(&cells[t], w[i]);
            fl_sum_add(&cells[k + t], w[i]);
            fl_sum_add(&cells[2 * k + p], w[i]);
        }
    }
}

/* Dekker's product with Veltkamp's halves of 26 bits: exact unless a part over- or underflows. */
void fl_multiply(const double *x, const double *y, double *high, double *low, ptrdiff_t n)
{
    const double splitter = 0x1p27 + 1.0;
    for (ptrdiff_t i = 0; i < n; i++) {
        const double a = x[i], b = y[i], product = a * b;
        const double a1 = splitter * a - (splitter * a - a), b1 = splitter * b - (splitter * b - b);
        const double a2 = a - a1, b2 = b - b1;
        const double error = ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2;
        high[i] = product;
        /* it is not finite where a half, or the product, is not: then nothing better is known than the product */
        low[i] = error - error == 0.0 ? error : 0.0;
    }
}

double fl_largest_difference(const double *x, const double *y, ptrdiff_t n, double largest)
{
    /* numbers without their sign are ordered like their bits, and NaN comes after infinity */
    int64_t most;
    memcpy(&most, &largest, sizeof most);
    for (ptrdiff_t i = 0; i < n; i++) {
        const double r = __builtin_fabs(x[i] - y[i]);
        int64_t bits;
        memcpy(&bits, &r, sizeof bits);
        most = bits > most ? bits : most;
    }
    memcpy(&largest, &most, sizeof largest);
    return largest;
}

int fl_look_at(const double *x, ptrdiff_t n)
{
    int found = 0;
    for (ptrdiff_t i = 0; i < n; i++)
        found |= (x[i] - x[i] == 0.0 ? 0 : FL_NOT_FINITE) | (x[i] == 0.0 ? FL_ZERO : 0);
    return found;
}

int fl_check_rows(const double *x, ptrdiff_t rows, ptrdiff_t classes, double tolerance)
{
    int found = 0;
    for (ptrdiff_t i = 0; i < rows; i++, x += classes) {
        double sum = 0.0;
        int negative = 0, above = 0;
        for (ptrdiff_t k = 0; k < classes; k++) {
            sum += x[k];
            negative |= x[k] < 0.0;
            above |= x[k] > 1.0;
        }
        found |= negative ? FL_ROW_NEGATIVE : 0;
        found |= above ? FL_ROW_ABOVE_ONE : 0;
        if (!(__builtin_fabs(sum - 1.0) <= tolerance)) {
            found |= FL_ROW_SUM;
            found |= fl_look_at(x, classes) & FL_NOT_FINITE ? FL_ROW_NOT_FINITE : 0;
        }
    }
    return found;
}

void fl_top_k(const int64_t *label, const double *score, ptrdiff_t rows, ptrdiff_t classes, ptrdiff_t k, double *hit)
{
    for (ptrdiff_t i = 0; i < rows; i++, score += classes) {
        const ptrdiff_t t = (ptrdiff_t)label[i];
        ptrdiff_t before = 0;
        for (ptrdiff_t j = 0; j < t; j++)
            before += score[j] > score[t];
        for (ptrdiff_t j = t + 1; j < classes; j++)
            before += score[j] >= score[t];
        hit[i] = before < k ? 1.0 : 0.0;
    }
}
