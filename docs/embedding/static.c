/* The mean Huber loss of three numbers, rounded once, by kernels that are linked with this program. There is no Python. */
#include <stdio.h>

#include <fastloss_static.h>

int main(void)
{
    const fl_table *tables[FL_MAX_TABLES];
    fl_tables(tables);
    const fl_table *table = tables[0];
    const fl_kernel *kernel = fl_find(table, "huber");
    const double y_true[] = {0.0, 0.0, 0.0}, y_pred[] = {0.5, 1.0, 3.0}, delta = 1.0;
    double value[3];
    const fl_block block = {.units = 3, .input = {y_true, y_pred}, .parameters = &delta, .value = value, .want = FL_VALUE};
    if (!kernel || kernel->map[FL_F64](&block))
        return 1;
    fl_sum sum;
    fl_sum_clear(&sum);
    for (int i = 0; i < 3; i++)
        fl_sum_deposit(&sum, value[i]);
    printf("%g\n", fl_sum_round(&sum, 0) / 3);
    return 0;
}
