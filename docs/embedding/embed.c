/* Prints the squared errors of two numbers, their gradients and the exact sum of the errors, by the installed fastloss. */
#include <Python.h>
#include <fastloss.h>

int main(void)
{
    Py_Initialize();
    const fl_table *table = fl_import();
    if (!table)
        return PyErr_Print(), 1;
    const fl_kernel *kernel = fl_find(table, "squared_error");
    const double y_true[] = {1.0, 2.0}, y_pred[] = {1.5, 5.0};
    double value[2], gradient[2];
    const fl_block block = {
        .units = 2,
        .input = {y_true, y_pred},
        .value = value,
        .gradient = {gradient},
        .divisor = 1.0,
        .want = FL_VALUE | FL_GRADIENT,
    };
    if (!kernel || kernel->map[FL_F64](&block))
        return 1;
    fl_sum sum;
    table->sum_clear(&sum);
    table->passes[FL_F64]->sum(&sum, value, 2);
    printf("%g %g %g %g %g\n", value[0], value[1], gradient[0], gradient[1], table->sum_round(&sum, 0));
    return 0;
}
