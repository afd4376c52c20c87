/* Runs every kernel of one table on numbers from the standard input and writes all outputs, for each kernel and precision a line
   with its name, the type of its numbers and their bytes, and these: tests/corpus.py hashes them. Input: three arrays of n
   doubles for each precision. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fastloss.h"

static char *written;
static size_t length, room;

static void put(const void *bytes, size_t size)
{
    if (length + size > room) {
        room = 2 * (length + size);
        written = realloc(written, room);
    }
    memcpy(written + length, bytes, size);
    length += size;
}

static void put_integer(int x, int precision)
{
    const float single = (float)x;
    const double number = x;
    put(precision == FL_F32 ? (const void *)&single : &number, precision == FL_F32 ? sizeof single : sizeof number);
}

static void flush(const char *name, int precision)
{
    printf("%s float%d %zu\n", name, precision == FL_F32 ? 32 : 64, length);
    fwrite(written, 1, length, stdout);
    length = 0;
}

#define NAME_(isa) fl_table_##isa
#define NAME(isa) NAME_(isa)
extern const fl_table NAME(FL_ISA);

/* Rows of both widths that the engine tells apart, by class index, by share, smoothed, and by lists of indices. */
static void write_rows(const fl_table *table, const fl_kernel *kernel, int precision, char **memory, ptrdiff_t n)
{
    const double parameters[FL_MAX_PARAMETERS] = {0.5, 0.25, 0.5, 0.5};
    const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
    const ptrdiff_t widths[] = {7, 300};
    enum { PLAIN, SMOOTHED, LISTS, KINDS };
    for (int w = 0; w < 2; w++)
        for (int kind = 0; kind < KINDS; kind++) {
            const ptrdiff_t width = widths[w], rows = n / width;
            ptrdiff_t scratch;
            table->row_block(width, &scratch);
            /* lists of none to all but one of the classes */
            int64_t *label = malloc((size_t)(rows * width) * sizeof *label);
            for (ptrdiff_t i = 0; i < rows * width; i++)
                label[i] = kind != LISTS                            ? i % width
                           : i % width < i / width % (width < 9 ? width : 9) ? (i + i / width) % width
                                                                    : -1;
            memory[FL_MAX_INPUTS + 5] = realloc(memory[FL_MAX_INPUTS + 5], (size_t)scratch * size);
            const fl_rows block = {.y_pred = memory[1],
                                   .y_true = kernel->inputs == 2 ? memory[0] : NULL,
                                   .label = label,
                                   .value = memory[4],
                                   .gradient = {memory[5], memory[6]},
                                   .hessian = {memory[7], memory[8]},
                                   .scratch = memory[FL_MAX_INPUTS + 5],
                                   .rows = rows,
                                   .classes = width,
                                   .divisor = 3.0,
                                   .label_smoothing = kind == SMOOTHED ? 0.1 : 0.0,
                                   .sum_tolerance = 1e-3,
                                   .lists = kind == LISTS};
            const int found = kernel->rows[precision](&block, parameters, FL_VALUE | FL_GRADIENT | FL_HESSIAN);
            put_integer(found, precision);
            put(memory[4], size * (size_t)rows);
            for (int k = 0; k < kernel->gradients; k++) {
                put(block.gradient[k], size * (size_t)(rows * width));
                put(block.hessian[k], size * (size_t)(rows * width));
            }
            free(label);
        }
}

int main(int argc, char **argv)
{
    const fl_table *table = &NAME(FL_ISA);
    const double parameters[FL_MAX_PARAMETERS] = {1.5, 0.25, 0.5, 0.5};
    const ptrdiff_t n = argc > 1 ? atol(argv[1]) : 0;
    enum { OUTPUTS = 1 + 2 * FL_MAX_GRADIENTS };
    for (int precision = 0; precision < FL_PRECISIONS; precision++) {
        const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
        /* inputs, outputs, scratch */
        enum { ARRAYS = FL_MAX_INPUTS + OUTPUTS + 1 };
        char *memory[ARRAYS];
        for (int k = 0; k < ARRAYS; k++)
            memory[k] = calloc((size_t)n, size);
        double *numbers = malloc((size_t)n * sizeof(double));
        for (int k = 0; k < 3; k++) {
            if (fread(numbers, sizeof(double), (size_t)n, stdin) != (size_t)n)
                return 1;
            table->passes[precision]->load[FL_FROM_F64](numbers, memory[k], n);
        }
        free(numbers);
        for (int i = 0; i < table->kernels; i++) {
            if (table->kernel[i].rows[precision]) {
                write_rows(table, &table->kernel[i], precision, memory, n);
                flush(table->kernel[i].name, precision);
                continue;
            }
            fl_block block = {.input = {memory[0], memory[1], memory[2], memory[3]}, .value = memory[4]};
            for (int k = 0; k < FL_MAX_GRADIENTS; k++) {
                block.gradient[k] = memory[5 + k];
                block.hessian[k] = memory[5 + FL_MAX_GRADIENTS + k];
            }
            table->kernel[i].map[precision][FL_VALUE | FL_GRADIENT | FL_HESSIAN](&block, n, parameters);
            for (int k = 0; k < OUTPUTS; k++)
                if (k == 0 || (k - 1) % FL_MAX_GRADIENTS < table->kernel[i].gradients)
                    put(memory[4 + k], size * (size_t)n);
            flush(table->kernel[i].name, precision);
            fl_sum sum;
            fl_sum_clear(&sum);
            for (ptrdiff_t start = 0; start < n; start += FL_BLOCK)
                table->passes[precision]->sum(&sum, memory[4] + (size_t)start * size,
                                              n - start < FL_BLOCK ? n - start : FL_BLOCK);
            const double total = fl_sum_round(&sum, 0);
            put(&total, sizeof total);
            char name[256];
            snprintf(name, sizeof name, "sum_of_%s_%d", table->kernel[i].name, precision);
            flush(name, FL_F64);
        }
        for (int i = 0; i < table->functions; i++) {
            table->function[i].map[precision](memory[1], memory[4], n);
            put(memory[4], size * (size_t)n);
            flush(table->function[i].name, precision);
        }
        for (int k = 0; k < ARRAYS; k++)
            free(memory[k]);
    }
    return 0;
}
