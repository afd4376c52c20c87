/*
 * Residuals with what their roundings lost: a = |y_pred - y_true| and u = a / scale, for losses whose derivatives by the scale
 * would multiply an error of u. The low parts are 0 where the high ones are not finite. There is no division.
 */
#ifndef FL_RESIDUAL_H
#define FL_RESIDUAL_H

#include "language/scalar.h"

#define FL_RESIDUAL FL_FN(fl_residual)
#define FL_RESIDUAL_OF(y_true, y_pred, scale) FL_FN(fl_residual_of)(y_true, y_pred, scale)

#define FL_TEMPLATE "language/residual.h"
#include "language/both_precisions.inc"

#elif defined(FL_TEMPLATE)

typedef struct {
    FL_T r; /* with its sign */
    FL_PAIR a, u, scale;
} FL_FN(fl_residual);

FL_INLINE FL_FN(fl_residual) FL_FN(fl_residual_of)(FL_T y_true, FL_T y_pred, double scale)
{
    const FL_SCALING s = FL_SCALING_BY(scale);
    const FL_PAIR r = FL_TWO_SUM(y_pred, -y_true);
    const FL_T a = FL_ABS(r.hi);
    const FL_T a_low = FL_SELECT(a < FL_INFINITY, FL_TIMES_SIGN_OF(r.hi, r.lo), FL_C(0));
    /* the first part is not a rounded quotient, and the second one knows by how much */
    const FL_T length = a * s.down, u = length * s.inverse;
    const FL_T rest = FL_FMA(-u, s.m.hi, length) + FL_FMA(-u, s.m.lo, a_low * s.down);
    const FL_T u_low = FL_SELECT(u < FL_INFINITY, rest * s.inverse, FL_C(0));
    return (FL_FN(fl_residual)){r.hi, {a, a_low}, {u, u_low}, FL_EXACT_PARAMETER(scale)};
}

#endif
