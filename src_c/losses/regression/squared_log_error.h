/*
 * Squared log error, y_true and y_pred > -1. d = log1p(y_pred) - log1p(y_true).
 *
 *   value d^2        gradient 2 d / (1 + y_pred)        hessian 2 (1 - d) / (1 + y_pred)^2
 *
 * |d| = log1p(|y_pred - y_true| / (1 + the smaller of the two)), with the roundings of the difference, the sum and the
 * quotient carried along: the two logarithms are never subtracted. The Hessian changes sign at d = 1; its error is
 * relative to the larger of 2 and 2 |d|, over (1 + y_pred)^2.
 */
#include "engine/element.h"

FL_FORMULA(squared_log_error, (y_true), (y_pred), ())
{
    const FL_T smaller = FL_SELECT(y_pred < y_true, y_pred, y_true);
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_PAIR base = FL_TWO_SUM(FL_C(1), smaller);
    const FL_T a = FL_ABS(r.hi);
    const FL_T quotient = a / base.hi;
    const FL_T remainder = FL_FMA(-quotient, base.hi, a) + FL_WITH_SIGN_OF(r.hi, r.lo);
    const FL_T low = FL_FMA(-quotient, base.lo, remainder) / base.hi;
    const FL_T finite = FL_LOG1P_PAIR(quotient, low).hi;
    const FL_T size = FL_SELECT(quotient < FL_INFINITY, FL_SELECT(quotient == FL_C(0), quotient, finite), quotient);
    const FL_T d = FL_WITH_SIGN_OF(r.hi, size);
    const FL_T inverse = FL_C(1) + y_pred;
    return (FL_RESULT){
        .value = d * d,
        .gradient = {FL_SELECT(inverse < FL_INFINITY, (d + d) / inverse, FL_UNLESS_NAN(inverse, 0))},
        .hessian = {FL_SELECT(inverse < FL_INFINITY, (FL_C(2) - (d + d)) / inverse / inverse, FL_UNLESS_NAN(inverse, 0))},
        .invalid = FL_INVALID(y_true <= FL_C(-1)) | FL_INVALID(y_pred <= FL_C(-1)),
    };
}
