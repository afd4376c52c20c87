/*
 * What the root mean squared error is made of: with r = scale (y_pred - y_true),
 *
 *   value r^2        gradient r        (no Hessian: the root mixes all samples)
 *
 * The class takes the root of the mean, and divides the gradient by n rmse. The scale, a power of two and 1 unless the
 * squares overflowed or fell below the normal range, is divided out there: the root is finite wherever the errors are.
 */
FL_FORMULA_1(root_mean_squared_error, y_true, y_pred, scale)
{
    const FL_T r = FL_C(scale) * (y_pred - y_true);
    return (FL_RESULT){.value = r * r, .gradient = {r}, .hessian = {FL_NAN}};
}
