/*
 * Losses of the label that a row of scores predicts, in one precision, on the sheets of rowwise.inc.h: that of the largest score,
 * the first of several. They have a value only. A row with a NaN predicts nothing.
 */

/* The losses of rows by the classes they predict and their labels. */
typedef void (*FL_FN(fl_label_map))(FL_T *value, const FL_I *predicted, const FL_I *label, ptrdiff_t n);

static int FL_FN(fl_label_sheet)(const fl_rows *b, const fl_sheet *sheet, ptrdiff_t row, FL_FN(fl_label_map) map, int want)
{
    FL_T *const z = b->scratch;
    FL_FN(fl_softmax) s;
    FL_FN(fl_labels) labels;
    FL_I label[FL_LANES];
    FL_T value[FL_LANES], spoilt[FL_LANES];
    const int invalid = FL_FN(fl_read_labels)(b, b->label + row, row, sheet->rows, &labels);
    if (!(want & FL_VALUE))
        return invalid;
    FL_FN(fl_lay_out)(sheet, (const FL_T *)b->y_pred + row * b->classes, z, sheet->along ? -FL_INFINITY : FL_C(0));
    FL_FN(fl_find_largest)(sheet, z, &s);
    for (ptrdiff_t lane = 0; lane < sheet->lanes; lane++) {
        label[lane] = (FL_I)labels.label[sheet->along || lane >= sheet->rows ? 0 : lane];
        spoilt[lane] = FL_C(0);
    }
    FL_EACH_GROUP(sheet)
    {
        const FL_T *const x = z + group * sheet->lanes;
        FL_EACH_LANE(sheet)
        spoilt[lane] += FL_UNLESS_NAN(x[lane], 0);
    }
    FL_FN(fl_merge_lanes)(sheet, spoilt);
    map(value, s.first, label, sheet->lanes);
    for (ptrdiff_t r = 0; r < sheet->rows; r++)
        ((FL_T *)b->value)[row + r] = labels.weight[r] * (value[r] + spoilt[r]);
    FL_FN(fl_clear_dropped)(b, row, sheet->rows, &labels, FL_VALUE);
    return invalid;
}

static int FL_FN(fl_label_rows)(const fl_rows *b, FL_FN(fl_label_map) map, int want)
{
    fl_sheet sheet = fl_sheet_of(b->classes);
    int invalid = 0;
    FL_EACH_SHEET(b, sheet)
    invalid |= FL_FN(fl_label_sheet)(b, &sheet, row, map, want);
    return invalid;
}
