/*
 * |r|^p for p >= 1 (CatBoost's Lq). r = y_pred - y_true, a = |r|.
 *
 *   value    a^p
 *   gradient sign(r) p a^(p-1), 0 at r = 0
 *   hessian  p (p-1) a^(p-2): infinite at r = 0 for 1 < p < 2, and 0 everywhere for p = 1
 *
 * All three are exp(exponent log a): the logarithm is a pair with eight bits to spare, so that a power of 1e30 or 1e-300
 * keeps its digits, the exponents are exact, and the rounding of y_pred - y_true is carried along.
 *
 * By p: a^p log a, 0 at r = 0. It changes sign at a = 1, where the logarithm keeps its digits.
 */
#include "engine/element.h"

FL_FORMULA(lp_error, (y_true), (y_pred), (p))
{
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T a = FL_ABS(r.hi);
    FL_PAIR l = FL_LOG_PRECISE(a);
    l.lo += FL_WITH_SIGN_OF(r.hi, r.lo) / a;
    const FL_PAIR order = FL_EXACT_PARAMETER(p), first = FL_EXACT_PARAMETER(p - 1.0), second = FL_EXACT_PARAMETER(p - 2.0);
    const FL_T power = FL_EXP_PRODUCT(FL_C(1), order, l);
    const FL_T slope = FL_EXP_PRODUCT(FL_C(p), first, l);
    const FL_T curve = FL_EXP_PRODUCT(FL_C(p * (p - 1.0)), second, l);
    /* the limits at 0 and infinity, which the logarithm does not give */
    const FL_U above_one = FL_UNIFORM(p > 1.0), above_two = FL_UNIFORM(p > 2.0), two = FL_UNIFORM(p == 2.0);
    const FL_T steepest = FL_PICK(above_one, FL_INFINITY, FL_C(1));
    const FL_T edge_curve = FL_PICK(above_two, a, FL_PICK(two, FL_C(2), FL_PICK(above_one, FL_C(1) / a, FL_C(0))));
    const int inner = (a > FL_C(0)) & (a < FL_INFINITY);
    return (FL_RESULT){
        .value = FL_SELECT(inner, power, a),
        .gradient = {FL_WITH_SIGN_OF(r.hi, FL_SELECT(inner, slope, FL_MIN(steepest, a)))},
        .hessian = {FL_SELECT(a == a, FL_SELECT(inner, curve, edge_curve), a)},
    };
}

FL_VALUE_FORMULA(lp_error_by_p, (y_true, y_pred), (), (p))
{
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T a = FL_ABS(r.hi);
    FL_PAIR l = FL_LOG_PRECISE(a);
    l.lo += FL_WITH_SIGN_OF(r.hi, r.lo) / a;
    const FL_T value = FL_EXP_PRODUCT(l.hi + l.lo, FL_EXACT_PARAMETER(p), l);
    return (FL_RESULT){.value = FL_SELECT((a > FL_C(0)) & (a < FL_INFINITY), value, a)};
}
