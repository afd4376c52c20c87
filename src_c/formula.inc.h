/*
 * What a formula file writes, once per precision:
 *
 *   FL_FORMULA_1(huber, y_true, y_pred, delta)    one parameter (a double); FL_FORMULA has none, FL_FORMULA_3 three ...
 *   {
 *       ...
 *       return (FL_RESULT){.value = ..., .gradient = {...}, .hessian = {...}, .invalid = ...};
 *   }
 *
 * The formula gives everything; a loop that does not store a part of the result lets the compiler drop its computation.
 * Parameters are bound by name: the class that uses the kernel has fields of these names. FL_FORMULA_OF_3 takes three
 * inputs and differentiates with respect to the last two. `invalid` is 1 where an input lies outside the domain.
 *
 *   FL_TARGET_FORMULA(categorical_cross_entropy, t)    a loss F(u) of the logarithm u = log p of the probability of the
 *   {                                                  right class, with t.p, t.q = 1 - p and -u = t.l + t.l_low
 *       return (FL_TARGET){.value = ..., .slope = -F'(u), .curvature = F''(u)};
 *   }
 *
 * gives two kernels of rows, for probabilities and, with "_from_logits" in the name, for scores (rowwise.inc.h).
 *
 *   FL_SHARE_FORMULA(kl_divergence_from_logits, y, t)    what the class of share y and log-probability u adds to the loss of
 *                                                        a row; a target formula with `rest` and `invalid`
 *   FL_SUM_FORMULA(kl_divergence, y_true, y_pred)        what a number adds to the loss of its row: an element formula, with
 *                                                        the value in two parts if one is too coarse (row_sums.inc.h)
 *   FL_MARGIN_FORMULA(multi_margin, d)                   F of the distance d = z_j - z_t of another class to a target, a
 *                                                        pair: value, slope F', curvature F''; the loss is the sum over all
 *                                                        of them, divided by their number (row_margins.inc.h)
 *   FL_LARGEST_MARGIN_FORMULA(categorical_hinge, d)      F of the largest one, of the other class with the highest score
 *   FL_LABEL_FORMULA(zero_one_of_rows, predicted, label) the value for the class with the highest score, the first of several, and
 *                                                        the row's own: both are FL_I (row_labels.inc.h)
 */

typedef struct {
    FL_T value, gradient[FL_MAX_GRADIENTS], hessian[FL_MAX_GRADIENTS];
    FL_T rest; /* a second part of the value, where it is summed over rows */
    FL_I invalid;
} FL_FN(fl_result);

typedef struct {
    FL_T l, l_low, p, q;
} FL_FN(fl_target_input);

typedef struct {
    FL_T value, slope, curvature;
    FL_T rest; /* what rounding the value lost; of shares only */
    FL_I invalid;
} FL_FN(fl_target);

#ifndef FL_FORMULA_COMMON
#define FL_FORMULA_COMMON

#define FL_RESULT FL_FN(fl_result)

/* 1 where the condition holds, as `invalid` wants it */
#define FL_INVALID(condition) FL_SELECT(condition, (FL_I)1, (FL_I)0)

#define FL_DECLARE(name, n_inputs, n_gradients, parameter_names)                                                               \
    enum { FL_FN(name##_inputs) = n_inputs, FL_FN(name##_gradients) = n_gradients };                                           \
    static const char FL_FN(name##_parameters)[] __attribute__((unused)) = parameter_names;

/* The formula at element i of the inputs x, with parameters q. */
#define FL_AT(name, ...)                                                                                                       \
    FL_INLINE FL_RESULT FL_FN(name##_at)(const FL_T *const *x, ptrdiff_t i, const double *q)                                   \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(name)(__VA_ARGS__);                                                                                       \
    }

#define FL_FORMULA(name, a, b)                                                                                                 \
    FL_DECLARE(name, 2, 1, "")                                                                                                 \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b);                                                               \
    FL_AT(name, x[0][i], x[1][i])                                                                                              \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b)

#define FL_FORMULA_1(name, a, b, p)                                                                                            \
    FL_DECLARE(name, 2, 1, #p)                                                                                                 \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p);                                               \
    FL_AT(name, x[0][i], x[1][i], q[0])                                                                                        \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p)

#define FL_FORMULA_3(name, a, b, p, s, t)                                                                                      \
    FL_DECLARE(name, 2, 1, #p ", " #s ", " #t)                                                                                 \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p, const double s, const double t);               \
    FL_AT(name, x[0][i], x[1][i], q[0], q[1], q[2])                                                                            \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p, const double s, const double t)

#define FL_FORMULA_4(name, a, b, p, s, t, u)                                                                                   \
    FL_DECLARE(name, 2, 1, #p ", " #s ", " #t ", " #u)                                                                         \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p, const double s, const double t,                \
                                    const double u);                                                                           \
    FL_AT(name, x[0][i], x[1][i], q[0], q[1], q[2], q[3])                                                                      \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p, const double s, const double t, const double u)

/* two labels and two predictions */
#define FL_FORMULA_OF_4(name, a, b, c, d)                                                                                      \
    FL_DECLARE(name, 4, 2, "")                                                                                                 \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const FL_T c, const FL_T d);                                   \
    FL_AT(name, x[0][i], x[1][i], x[2][i], x[3][i])                                                                            \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const FL_T c, const FL_T d)

#define FL_FORMULA_OF_3_2(name, a, b, c, p, s)                                                                                 \
    FL_DECLARE(name, 3, 2, #p ", " #s)                                                                                         \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const FL_T c, const double p, const double s);                 \
    FL_AT(name, x[0][i], x[1][i], x[2][i], q[0], q[1])                                                                         \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const FL_T c, const double p, const double s)

/* ---- losses of the right class of a row ---- */

#define FL_TARGET FL_FN(fl_target)

#define FL_TARGETS(name, names, ...)                                                                                           \
    static const char FL_FN(name##_parameters)[] __attribute__((unused)) = names;                                              \
    static int FL_FN(name##_target)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *q)                                       \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name)(__VA_ARGS__);                                                                      \
            t->value[i] = f.value;                                                                                             \
            t->slope[i] = f.slope;                                                                                             \
            t->curvature[i] = f.curvature;                                                                                     \
        }                                                                                                                      \
        return 0;                                                                                                              \
    }                                                                                                                          \
    /* a share of zero takes nothing, even of infinity */                                                                      \
    static int FL_FN(name##_share)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *q)                                        \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name)(__VA_ARGS__);                                                                      \
            const FL_T y = t->y[i];                                                                                            \
            t->value[i] = FL_SELECT(y == FL_C(0), FL_C(0), y * f.value);                                                       \
            t->slope[i] = FL_SELECT(y == FL_C(0), FL_C(0), y * f.slope);                                                       \
            t->curvature[i] = FL_SELECT(y == FL_C(0), FL_C(0), y * f.curvature);                                               \
            t->rest[i] = FL_C(0);                                                                                              \
        }                                                                                                                      \
        return 0;                                                                                                              \
    }                                                                                                                          \
    static int FL_FN(name##_rows)(const fl_rows *rows, const double *q, int want)                                              \
    {                                                                                                                          \
        return FL_FN(fl_target_rows)(rows, 0, FL_FN(name##_target), FL_FN(name##_share), q, want);                             \
    }                                                                                                                          \
    static int FL_FN(name##_from_logits_rows)(const fl_rows *rows, const double *q, int want)                                  \
    {                                                                                                                          \
        return FL_FN(fl_target_rows)(rows, 1, FL_FN(name##_target), FL_FN(name##_share), q, want);                             \
    }

/* What a target formula is given in place i. */
#define FL_TARGET_AT                                                                                                           \
    (FL_TARGET_INPUT)                                                                                                          \
    {                                                                                                                          \
        t->l[i], t->l_low[i], t->p[i], t->q[i]                                                                                 \
    }

#define FL_TARGET_FORMULA(name, t_)                                                                                            \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_TARGET_INPUT t_);                                                                 \
    FL_TARGETS(name, "", FL_TARGET_AT)                                                                                         \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_TARGET_INPUT t_)

#define FL_TARGET_FORMULA_1(name, t_, p)                                                                                       \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_TARGET_INPUT t_, const double p);                                                 \
    FL_TARGETS(name, #p, FL_TARGET_AT, q[0])                                                                                   \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_TARGET_INPUT t_, const double p)

#define FL_TARGET_INPUT FL_FN(fl_target_input)

/* Where a formula gives more than a target formula does: the map over the lanes of a group, and the kernel that uses it. */
#define FL_SHARE_FORMULA(name, y_, t_)                                                                                         \
    static const char FL_FN(name##_parameters)[] __attribute__((unused)) = "";                                                 \
    enum { FL_FN(name##_inputs) = 2, FL_FN(name##_gradients) = 1 };                                                            \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_T y_, const FL_TARGET_INPUT t_);                                                  \
    static int FL_FN(name##_share)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *q)                                        \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name)(t->y[i], FL_TARGET_AT);                                                            \
            t->value[i] = f.value;                                                                                             \
            t->rest[i] = f.rest;                                                                                               \
            t->slope[i] = f.slope;                                                                                             \
            t->curvature[i] = f.curvature;                                                                                     \
            invalid |= f.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }                                                                                                                          \
    static int FL_FN(name##_rows)(const fl_rows *rows, const double *q, int want)                                              \
    {                                                                                                                          \
        return FL_FN(fl_share_rows)(rows, FL_FN(name##_share), q, want);                                                       \
    }                                                                                                                          \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_T y_, const FL_TARGET_INPUT t_)

/* ---- sums of elements of a row ---- */

#define FL_SUMS(name)                                                                                                          \
    static int FL_FN(name##_sum)(FL_FN(fl_terms) * t, const FL_T *a, const FL_T *b, ptrdiff_t n, const double *q)              \
    {                                                                                                                          \
        const FL_T *const x[FL_MAX_INPUTS] = {a, b, NULL, NULL};                                                               \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_RESULT f = FL_FN(name##_at)(x, i, q);                                                                     \
            t->value[i] = f.value;                                                                                             \
            t->rest[i] = f.rest;                                                                                               \
            for (int k = 0; k < FL_FN(name##_gradients); k++) {                                                                \
                t->gradient[k][i] = f.gradient[k];                                                                             \
                t->hessian[k][i] = f.hessian[k];                                                                               \
            }                                                                                                                  \
            invalid |= f.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }                                                                                                                          \
    static int FL_FN(name##_rows)(const fl_rows *rows, const double *q, int want)                                              \
    {                                                                                                                          \
        return FL_FN(fl_sum_rows)(rows, FL_FN(name##_gradients), FL_FN(name##_sum), q, want);                                  \
    }

#define FL_SUM_FORMULA(name, a, b)                                                                                             \
    FL_DECLARE(name, 2, 1, "")                                                                                                 \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b);                                                               \
    FL_AT(name, x[0][i], x[1][i])                                                                                              \
    FL_SUMS(name)                                                                                                              \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b)

#define FL_SUM_FORMULA_1(name, a, b, p)                                                                                        \
    FL_DECLARE(name, 2, 1, #p)                                                                                                 \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p);                                               \
    FL_AT(name, x[0][i], x[1][i], q[0])                                                                                        \
    FL_SUMS(name)                                                                                                              \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const double p)

/* both inputs are differentiated by */
#define FL_SUM_FORMULA_BY_2(name, a, b)                                                                                        \
    FL_DECLARE(name, 2, 2, "")                                                                                                 \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b);                                                               \
    FL_AT(name, x[0][i], x[1][i])                                                                                              \
    FL_SUMS(name)                                                                                                              \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b)

/* ---- margins ---- */

#define FL_MARGINS(name, names, largest, ...)                                                                                  \
    static const char FL_FN(name##_parameters)[] __attribute__((unused)) = names;                                              \
    enum { FL_FN(name##_inputs) = 1, FL_FN(name##_gradients) = 1 };                                                            \
    static void FL_FN(name##_margin)(FL_FN(fl_margins) * t, ptrdiff_t n, const double *q)                                      \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_TARGET f = FL_FN(name)(__VA_ARGS__);                                                                      \
            t->value[i] = f.value;                                                                                             \
            t->slope[i] = f.slope;                                                                                             \
            t->curvature[i] = f.curvature;                                                                                     \
        }                                                                                                                      \
    }                                                                                                                          \
    static int FL_FN(name##_rows)(const fl_rows *rows, const double *q, int want)                                              \
    {                                                                                                                          \
        return FL_FN(fl_margin_rows)(rows, largest, FL_FN(name##_margin), q, want);                                            \
    }

#define FL_DISTANCE_AT                                                                                                         \
    (FL_PAIR)                                                                                                                  \
    {                                                                                                                          \
        t->d[i], t->d_low[i]                                                                                                   \
    }

#define FL_MARGIN_FORMULA(name, d_)                                                                                            \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_PAIR d_);                                                                         \
    FL_MARGINS(name, "", 0, FL_DISTANCE_AT)                                                                                    \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_PAIR d_)

#define FL_MARGIN_FORMULA_2(name, d_, p, s)                                                                                    \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_PAIR d_, const double p, const double s);                                         \
    FL_MARGINS(name, #p ", " #s, 0, FL_DISTANCE_AT, q[0], q[1])                                                                \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_PAIR d_, const double p, const double s)

#define FL_LARGEST_MARGIN_FORMULA(name, d_)                                                                                    \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_PAIR d_);                                                                         \
    FL_MARGINS(name, "", 1, FL_DISTANCE_AT)                                                                                    \
    FL_INLINE FL_TARGET FL_FN(name)(const FL_PAIR d_)

/* ---- labels ---- */

#define FL_LABEL_FORMULA(name, predicted_, label_)                                                                             \
    static const char FL_FN(name##_parameters)[] __attribute__((unused)) = "";                                                 \
    enum { FL_FN(name##_inputs) = 1, FL_FN(name##_gradients) = 0 };                                                            \
    FL_INLINE FL_T FL_FN(name)(const FL_I predicted_, const FL_I label_);                                                      \
    static void FL_FN(name##_label)(FL_T * value, const FL_I *predicted, const FL_I *label, ptrdiff_t n)                       \
    {                                                                                                                          \
        FL_SIMD                                                                                                                \
        for (ptrdiff_t i = 0; i < n; i++)                                                                                      \
            value[i] = FL_FN(name)(predicted[i], label[i]);                                                                    \
    }                                                                                                                          \
    static int FL_FN(name##_rows)(const fl_rows *rows, const double *q, int want)                                              \
    {                                                                                                                          \
        (void)q;                                                                                                               \
        return FL_FN(fl_label_rows)(rows, FL_FN(name##_label), want);                                                          \
    }                                                                                                                          \
    FL_INLINE FL_T FL_FN(name)(const FL_I predicted_, const FL_I label_)

#endif
