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
 */

typedef struct {
    FL_T value, gradient[FL_MAX_GRADIENTS], hessian[FL_MAX_GRADIENTS];
    FL_I invalid;
} FL_FN(fl_result);

typedef struct {
    FL_T l, l_low, p, q;
} FL_FN(fl_target_input);

typedef struct {
    FL_T value, slope, curvature;
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

#define FL_FORMULA_OF_3_2(name, a, b, c, p, s)                                                                                 \
    FL_DECLARE(name, 3, 2, #p ", " #s)                                                                                         \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const FL_T c, const double p, const double s);                 \
    FL_AT(name, x[0][i], x[1][i], x[2][i], q[0], q[1])                                                                         \
    FL_INLINE FL_RESULT FL_FN(name)(const FL_T a, const FL_T b, const FL_T c, const double p, const double s)

/* ---- losses of the right class of a row ---- */

#define FL_TARGET FL_FN(fl_target)

#define FL_TARGETS(name, names, ...)                                                                                           \
    static const char FL_FN(name##_parameters)[] __attribute__((unused)) = names;                                              \
    static void FL_FN(name##_target)(FL_FN(fl_targets) * t, ptrdiff_t n, const double *q)                                      \
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
        return FL_FN(fl_target_rows)(rows, 0, FL_FN(name##_target), q, want);                                                  \
    }                                                                                                                          \
    static int FL_FN(name##_from_logits_rows)(const fl_rows *rows, const double *q, int want)                                  \
    {                                                                                                                          \
        return FL_FN(fl_target_rows)(rows, 1, FL_FN(name##_target), q, want);                                                  \
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

#endif
