/*
 * The element loops of the formula FL_NAME in one precision: one for each combination of wanted outputs. Element i of an
 * output depends on element i of the inputs alone, so an output may be the same memory as an input.
 */

#ifndef FL_ELEMENTWISE_COMMON
#define FL_ELEMENTWISE_COMMON

#define FL_JOIN_(a, b) a##b
#define FL_JOIN(a, b) FL_JOIN_(a, b)
/* FL_FN of a name that is itself put together */
#define FL_NAMED(name) FL_FN(name)
#define FL_MAP(name, want) FL_NAMED(FL_JOIN(FL_JOIN(name, _), want))

#define FL_ELEMENT_LOOP(name, want)                                                                                            \
    static int FL_MAP(name, want)(const fl_block *block, ptrdiff_t n, const double *parameters)                                \
    {                                                                                                                          \
        const FL_T *const x[FL_MAX_INPUTS] = {block->input[0], block->input[1], block->input[2], block->input[3]};             \
        FL_T *const value = block->value;                                                                                      \
        FL_T *const gradient[FL_MAX_GRADIENTS] = {block->gradient[0], block->gradient[1]};                                     \
        FL_T *const hessian[FL_MAX_GRADIENTS] = {block->hessian[0], block->hessian[1]};                                        \
        double q[FL_MAX_PARAMETERS];                                                                                           \
        memcpy(q, parameters, sizeof q);                                                                                       \
        FL_I invalid = 0;                                                                                                      \
        FL_SIMD_REDUCE(reduction(| : invalid))                                                                                 \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                                    \
            const FL_RESULT t = FL_NAMED(FL_JOIN(name, _at))(x, i, q);                                                         \
            if (want & FL_VALUE)                                                                                               \
                value[i] = t.value;                                                                                            \
            if (want & FL_GRADIENT)                                                                                            \
                gradient[0][i] = t.gradient[0];                                                                                \
            if (want & FL_GRADIENT && FL_NAMED(FL_JOIN(name, _gradients)) > 1)                                                 \
                gradient[1][i] = t.gradient[1];                                                                                \
            if (want & FL_HESSIAN)                                                                                             \
                hessian[0][i] = t.hessian[0];                                                                                  \
            if (want & FL_HESSIAN && FL_NAMED(FL_JOIN(name, _gradients)) > 1)                                                  \
                hessian[1][i] = t.hessian[1];                                                                                  \
            invalid |= t.invalid;                                                                                              \
        }                                                                                                                      \
        return invalid != 0;                                                                                                   \
    }

#endif

FL_ELEMENT_LOOP(FL_NAME, 1)
FL_ELEMENT_LOOP(FL_NAME, 2)
FL_ELEMENT_LOOP(FL_NAME, 3)
FL_ELEMENT_LOOP(FL_NAME, 6)
FL_ELEMENT_LOOP(FL_NAME, 7)
#undef FL_NAME
