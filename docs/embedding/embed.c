/* Prints the squared errors of two numbers and their gradients, by fastloss's kernel. */
#include <Python.h>
#include <fastloss.h>

static const fl_kernel *find(const fl_table *table, const char *name)
{
    for (int k = 0; k < table->kernels; k++)
        if (!strcmp(table->kernel[k]->name, name))
            return table->kernel[k];
    return NULL;
}

int main(void)
{
    Py_Initialize();
    const fl_table *table = PyCapsule_Import("fastloss._core.table", 0);
    if (!table)
        return PyErr_Print(), 1;
    const fl_kernel *kernel = find(table, "squared_error");
    const double y_true[] = {1.0, 2.0}, y_pred[] = {1.5, 5.0};
    double value[2], gradient[2];
    const fl_block block = {
        .units = 2,
        .input = {y_true, y_pred},
        .value = value,
        .gradient = {gradient},
        .want = FL_VALUE | FL_GRADIENT,
    };
    kernel->map[FL_F64](&block);
    printf("%g %g %g %g\n", value[0], value[1], gradient[0], gradient[1]);
    return 0;
}
