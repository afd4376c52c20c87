/*
 * Losses of rows that are sums of element formulas, in one precision, on the sheets of rowwise.inc.h. Both parts of the
 * elements' values are added up with their errors, so that the order in which K numbers are added costs no digits.
 */

/* What the formula gives for the lanes of a group. */
typedef struct {
    FL_T value[FL_LANES], rest[FL_LANES];
    FL_T gradient[FL_MAX_GRADIENTS][FL_LANES], hessian[FL_MAX_GRADIENTS][FL_LANES];
} FL_FN(fl_terms);

/* Returns 1 where an input lies outside the domain of the formula. */
typedef int (*FL_FN(fl_term_map))(FL_FN(fl_terms) * t, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *parameters);

static int FL_FN(fl_sum_sheet)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, int gradients, FL_FN(fl_term_map) map,
                               const double *parameters, int want)
{
    const ptrdiff_t numbers = sheet->groups * sheet->lanes, first = row * b->classes;
    /* inputs, then gradients: the last gradient is that by y_pred */
    FL_T *const x[2] = {b->scratch, (FL_T *)b->scratch + numbers};
    FL_T *const h[2] = {x[1] + numbers, x[1] + 2 * numbers};
    FL_T scale[FL_LANES], factor[FL_LANES];
    FL_FN(fl_labels) labels;
    FL_FN(fl_terms) t;
    FL_FN(fl_sums) sum, rest;
    int invalid = 0;
    memset(&sum, 0, sizeof sum);
    memset(&rest, 0, sizeof rest);
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->y_true + first, x[0], FL_C(0));
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->y_pred + first, x[1], FL_C(0));
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        labels.dropped[r] = FL_FN(fl_drops)(b, row + r);
    if (b->sum_tolerance > 0.0)
        invalid |= FL_FN(fl_check_probabilities)(b, sheet, row, labels.dropped);
    FL_FN(fl_set_scale)(b, sheet, row, scale);
    FL_EACH_GROUP(sheet)
    {
        const ptrdiff_t place = group * sheet->lanes;
        for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
            const ptrdiff_t k = sheet->along ? place + lane : group;
            factor[lane] = k >= sheet->classes ? FL_C(0) : b->class_scale ? (FL_T)b->class_scale[k] : FL_C(1);
        }
        invalid |= map(&t, x[0] + place, x[1] + place, sheet->lanes, parameters);
        FL_EACH_LANE(sheet)
        {
            /* padding, and classes without weight, take nothing, even of infinity */
            const int none = factor[lane] == FL_C(0);
            FL_FN(fl_add)(&sum, lane, FL_SELECT(none, FL_UNLESS_NAN(x[1][place + lane], 0), factor[lane] * t.value[lane]));
            FL_FN(fl_add)(&rest, lane, FL_SELECT(none, FL_C(0), factor[lane] * t.rest[lane]));
        }
        for (int i = 0; i < gradients; i++) {
            FL_T *const g = x[i + 2 - gradients] + place, *const c = h[i] + place;
            FL_EACH_LANE(sheet)
            {
                g[lane] = factor[lane] * t.gradient[i][lane] * scale[lane];
                c[lane] = factor[lane] * t.hessian[i][lane] * scale[lane];
            }
        }
    }
    FL_FN(fl_merge_sums)(sheet, &sum);
    FL_FN(fl_merge_sums)(sheet, &rest);
    if (want & FL_VALUE)
        for (ptrdiff_t r = 0; r < sheet->rows; r++) {
            const FL_PAIR total = FL_TWO_SUM(sum.sum[r], rest.sum[r]);
            const FL_T value = total.hi + (total.lo + (sum.error[r] + rest.error[r]));
            ((FL_T *)b->value)[row + r] = FL_SELECT(FL_ABS(total.hi) < FL_INFINITY, value, total.hi);
        }
    for (int i = 0; i < gradients; i++) {
        if (want & FL_GRADIENT)
            FL_FN(fl_take_up)(sheet, x[i + 2 - gradients], (FL_T *)b->gradient[i] + first);
        if (want & FL_HESSIAN)
            FL_FN(fl_take_up)(sheet, h[i], (FL_T *)b->hessian[i] + first);
    }
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels, want);
    return invalid;
}

static int FL_FN(fl_sum_rows)(const fl_rows *b, int gradients, FL_FN(fl_term_map) map, const double *parameters, int want)
{
    fl_sheet sheet = fl_sheet_of(b->classes);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_sum_sheet)(b, &sheet, row, gradients, map, parameters, want);
    return invalid;
}
