/* Runs every kernel of one table on numbers from the standard input and writes all outputs, for each kernel and precision a
   line with its name, the type of its numbers and their bytes, and these: tests/corpus.py hashes them. Input: three arrays of n
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

static int count(const char *text, char wanted)
{
    int found = 0;
    for (; *text; text++)
        found += *text == wanted;
    return found;
}

enum { INPUTS = FL_MAX_INPUTS, OUTPUTS = 1 + 2 * FL_MAX_GRADIENTS, ARRAYS = INPUTS + OUTPUTS };
enum { ALL = FL_VALUE | FL_GRADIENT | FL_HESSIAN };

/* The arrays as inputs and outputs of a block. */
static fl_block block_of(char **memory)
{
    fl_block block = {.value = memory[INPUTS], .divisor = 1.0};
    for (int k = 0; k < INPUTS; k++)
        block.input[k] = memory[k];
    for (int k = 0; k < FL_MAX_GRADIENTS; k++) {
        block.gradient[k] = memory[INPUTS + 1 + k];
        block.hessian[k] = memory[INPUTS + 1 + FL_MAX_GRADIENTS + k];
    }
    return block;
}

static void put_derivatives(const fl_kernel *kernel, const fl_block *block, size_t bytes)
{
    for (int k = 0; k < count(kernel->signature, '*'); k++) {
        put(block->gradient[k], bytes);
        if (block->want & FL_HESSIAN)
            put(block->hessian[k], bytes);
    }
}

/* Rows of both widths that the engine tells apart, by class index, by share, smoothed, and by lists of indices. */
static void write_rows(const fl_table *table, const fl_kernel *kernel, int precision, char **memory, ptrdiff_t n)
{
    const double parameters[FL_MAX_PARAMETERS] = {0.5, 0.25, 0.5, 0.5};
    const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
    const ptrdiff_t widths[] = {7, 300};
    enum { PLAIN, SMOOTHED, LISTS, KINDS };
    for (int w = 0; w < 2; w++)
        for (int kind = 0; kind < KINDS; kind++) {
            /* boxes have as many numbers as their signature says, and no other */
            const ptrdiff_t width = strstr(kernel->signature, "(4)") ? 4 : widths[w], rows = n / width;
            ptrdiff_t scratch;
            table->layout(kernel->plan, width, &scratch);
            const fl_classes classes = {.label_smoothing = kind == SMOOTHED ? 0.1 : 0.0, .sum_tolerance = 1e-3};
            /* lists of none to all but one of the classes */
            int64_t *label = malloc((size_t)(rows * width) * sizeof *label);
            for (ptrdiff_t i = 0; i < rows * width; i++)
                label[i] = kind != LISTS                                     ? i % width
                           : i % width < i / width % (width < 9 ? width : 9) ? (i + i / width) % width
                                                                             : -1;
            fl_block block = block_of(memory);
            block.scratch = malloc((size_t)scratch * size);
            block.parameters = parameters;
            block.classes = &classes;
            block.units = rows;
            block.width = width;
            block.divisor = 3.0;
            block.want = kernel->plan == FL_STATISTICS ? FL_VALUE | FL_GRADIENT : ALL;
            if (strstr(kernel->signature, "index")) {
                block.label = label;
                block.input[0] = NULL;
            }
            put_integer(kernel->map[precision](&block), precision);
            put(block.value, size * (size_t)rows);
            put_derivatives(kernel, &block, size * (size_t)(rows * width));
            free(block.scratch);
            free(label);
        }
}

/* A block of numbers as a part of a unit. */
static void write_part(const fl_kernel *kernel, int precision, char **memory)
{
    const double parameters[FL_MAX_PARAMETERS] = {0.5, 1.25, 0.5, 0.5};
    const size_t bytes = FL_BLOCK * (precision == FL_F32 ? sizeof(float) : sizeof(double));
    const fl_outcome outcome = {.by = {1.5, -0.75, 0.25, 0.125}, .divisor = 3.0};
    fl_block block = block_of(memory);
    block.units = FL_BLOCK;
    block.parameters = parameters;
    if (kernel->statistics->prepare[precision]) {
        kernel->statistics->prepare[precision](block.input[1], memory[ARRAYS - 1], FL_BLOCK);
        block.input[1] = memory[ARRAYS - 1];
    }
    for (int k = 0; k < kernel->statistics->count; k++)
        block.statistic[k] = memory[INPUTS + k];
    put_integer(kernel->statistics->part[precision](&block), precision);
    for (int k = 0; k < kernel->statistics->count; k++)
        put(block.statistic[k], bytes);
    block.outcome = &outcome;
    kernel->statistics->part[precision](&block);
    put_derivatives(kernel, &block, bytes);
}

/* Groups of several sizes, with ties. */
static void write_groups(const fl_table *table, const fl_kernel *kernel, int precision, char **memory)
{
    const double parameters[FL_MAX_PARAMETERS] = {1.5, 0.25, 0.5, 0.5};
    const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
    const ptrdiff_t starts[] = {0, 0, 1, 3, 10, 310, 1023};
    const ptrdiff_t groups = sizeof starts / sizeof *starts - 1, n = starts[groups];
    ptrdiff_t scratch;
    double *relevance = malloc((size_t)n * sizeof *relevance);
    for (ptrdiff_t i = 0; i < n; i++)
        relevance[i] = (double)(i * i % 5);
    void *const numbers = malloc((size_t)n * size);
    table->passes[precision]->load[FL_FROM_F64](relevance, numbers, n);
    table->layout(kernel->plan, n, &scratch);
    fl_block block = block_of(memory);
    block.input[0] = numbers;
    block.width = 1;
    int64_t *label = NULL;
    if (strstr(kernel->signature, "](k)")) {
        ptrdiff_t of_rows;
        block.width = 2;
        table->layout(FL_ROWS, block.width, &of_rows);
        scratch += of_rows + n * block.width;
        label = malloc((size_t)n * sizeof *label);
        for (ptrdiff_t i = 0; i < n; i++)
            label[i] = i * i % 5 % block.width;
        block.label = label;
        block.input[0] = NULL;
    }
    block.scratch = malloc((size_t)scratch * size);
    block.starts = starts;
    block.units = groups;
    block.parameters = parameters;
    block.divisor = 3.0;
    block.want = ALL;
    put_integer(kernel->map[precision](&block), precision);
    put(block.value, size * (size_t)groups);
    put_derivatives(kernel, &block, size * (size_t)(n * block.width));
    free(label);
    free(block.scratch);
    free(relevance);
    free(numbers);
}

/* A panel of a few rows against keys: products, what the kernel makes of them, and the gradients by rows and by keys. */
static void write_tiles(const fl_table *table, const fl_kernel *kernel, int precision, char **memory)
{
    const double parameters[FL_MAX_PARAMETERS] = {0.5, 0.25, 0.5, 0.5}, weight[] = {1.0, 2.0, 0.0, 1.5, 1.0, 1.0};
    const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
    const fl_products *const products = table->products[precision];
    enum { DEPTH = 4, LONGEST = 300, ROOM = 128 * LONGEST };
    const ptrdiff_t rows = sizeof weight / sizeof *weight, numbers_of_keys[] = {7, LONGEST};
    for (int w = 0; w < 2; w++)
        for (int smoothed = 0; smoothed < 2; smoothed++) {
            const ptrdiff_t keys = numbers_of_keys[w];
            const fl_classes classes = {.label_smoothing = smoothed ? 0.1 : 0.0};
            char *packed = malloc(ROOM * size), *panel = malloc(ROOM * size), *turned = malloc(ROOM * size);
            char *vectors = malloc(ROOM * size), *by_key = calloc(ROOM, size), *by_row = calloc(ROOM, size);
            double *const length = malloc(LONGEST * sizeof *length);
            int64_t label[LONGEST];
            for (ptrdiff_t i = 0; i < keys; i++)
                label[i] = i % 3;
            products->normalise(memory[0], keys, DEPTH, NULL, vectors, length);
            products->pack_rows(vectors, DEPTH, rows, DEPTH, packed);
            const fl_product scores = {.a = vectors,
                                       .b = packed,
                                       .c = panel,
                                       .rows = keys,
                                       .columns = rows,
                                       .depth = DEPTH,
                                       .a_step = DEPTH,
                                       .c_step = keys,
                                       .by_column = 1};
            products->multiply(&scores);
            ptrdiff_t scratch;
            table->layout(kernel->plan, keys, &scratch);
            fl_block block = block_of(memory);
            block.scratch = malloc((size_t)scratch * size);
            block.parameters = parameters;
            block.classes = &classes;
            block.units = rows;
            block.width = keys;
            block.divisor = 3.0;
            block.want = FL_VALUE | FL_GRADIENT;
            block.label = label;
            block.gradient[0] = panel;
            double *const weights = malloc(LONGEST * sizeof *weights);
            for (ptrdiff_t i = 0; i < keys; i++)
                weights[i] = weight[i % rows];
            block.weight = weights;
            put_integer(kernel->map[precision](&block), precision);
            put(block.value, size * (size_t)rows);
            put(panel, size * (size_t)(rows * keys));
            products->pack_columns(vectors, DEPTH, DEPTH, rows, weights, packed);
            const fl_product to_keys = {.a = panel,
                                        .b = packed,
                                        .c = by_key,
                                        .scratch = turned,
                                        .rows = keys,
                                        .columns = DEPTH,
                                        .depth = rows,
                                        .a_step = keys,
                                        .c_step = DEPTH,
                                        .turned = 1};
            products->multiply(&to_keys);
            put(by_key, size * (size_t)(keys * DEPTH));
            products->pack_columns(vectors, DEPTH, DEPTH, keys, NULL, packed);
            const fl_product to_rows = {.a = panel,
                                        .b = packed,
                                        .c = by_row,
                                        .rows = rows,
                                        .columns = DEPTH,
                                        .depth = keys,
                                        .a_step = keys,
                                        .c_step = DEPTH};
            products->multiply(&to_rows);
            products->lengthen(by_row, vectors, rows, DEPTH, length);
            put(by_row, size * (size_t)(rows * DEPTH));
            void *const made[] = {packed, panel, turned, vectors, by_key, by_row, length, block.scratch, weights};
            for (size_t i = 0; i < sizeof made / sizeof *made; i++)
                free(made[i]);
        }
}

/* Sequences of few and of many classes, with and without a gradient, and one that cannot be aligned. */
static void write_sequences(const fl_table *table, const fl_kernel *kernel, int precision, char **memory)
{
    const double parameters[FL_MAX_PARAMETERS] = {0.0};
    const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
    const ptrdiff_t classes[] = {7, 300}, frames[] = {60, 9, 3}, numbers_of_labels[] = {20, 3, 4};
    for (int w = 0; w < 2; w++)
        for (int s = 0; s < 3; s++)
            for (int want = FL_VALUE; want <= (FL_VALUE | FL_GRADIENT); want += FL_GRADIENT) {
                const ptrdiff_t numbers = frames[s] * classes[w];
                const ptrdiff_t room = table->sequence_room(frames[s], numbers_of_labels[s], classes[w], want);
                int64_t label[20];
                for (int i = 0; i < 20; i++)
                    label[i] = 1 + (i + i / 3) % 5;
                fl_block block = block_of(memory);
                char *const inputs = malloc(60 * 300 * size), *const gradient = calloc(60 * 300, size);
                double *const scratch = malloc((size_t)room * sizeof *scratch);
                for (ptrdiff_t i = 0; i < numbers; i++)
                    memcpy(inputs + (size_t)i * size, memory[0] + (size_t)(i % 3001) * size, size);
                block.input[0] = inputs;
                block.gradient[0] = gradient;
                block.scratch = scratch;
                block.parameters = parameters;
                block.label = label;
                block.units = 1;
                block.width = block.step = block.gradient_step = classes[w];
                block.frames = block.all_frames = frames[s];
                block.labels = numbers_of_labels[s];
                block.divisor = 3.0;
                block.want = want;
                put_integer(kernel->map[precision](&block), precision);
                put(block.value, size);
                put(gradient, size * (size_t)numbers);
                free(inputs);
                free(gradient);
                free(scratch);
            }
}

/* Numbers, and in a record of its own the exact sum of their values. */
static void write_elements(const fl_table *table, const fl_kernel *kernel, int precision, char **memory, ptrdiff_t n)
{
    const double parameters[FL_MAX_PARAMETERS] = {1.5, 0.25, 0.5, 0.5};
    const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
    fl_block block = block_of(memory);
    block.units = n;
    block.parameters = parameters;
    block.want = ALL;
    kernel->map[precision](&block);
    put(block.value, size * (size_t)n);
    for (int k = 0; k < count(kernel->signature, '*'); k++)
        put(block.gradient[k], size * (size_t)n);
    for (int k = 0; k < count(kernel->signature, '*'); k++)
        put(block.hessian[k], size * (size_t)n);
    flush(kernel->name, precision);
    fl_sum sum;
    table->sum_clear(&sum);
    for (ptrdiff_t start = 0; start < n; start += FL_BLOCK)
        table->passes[precision]->sum(&sum, (char *)block.value + (size_t)start * size,
                                      n - start < FL_BLOCK ? n - start : FL_BLOCK);
    const double total = table->sum_round(&sum, 0);
    put(&total, sizeof total);
    char name[256];
    snprintf(name, sizeof name, "sum_of_%s_%d", kernel->name, precision);
    flush(name, FL_F64);
}

static void write_kernel(const fl_table *table, const fl_kernel *kernel, int precision, char **memory, ptrdiff_t n)
{
    /* what a kernel does not write is not what another one has left */
    for (int k = INPUTS; k < ARRAYS; k++)
        memset(memory[k], 0, (size_t)n * (precision == FL_F32 ? sizeof(float) : sizeof(double)));
    if (kernel->plan == FL_ELEMENTS) {
        write_elements(table, kernel, precision, memory, n);
        return;
    }
    if (kernel->plan == FL_GROUPS)
        write_groups(table, kernel, precision, memory);
    else if (kernel->plan == FL_TILES)
        write_tiles(table, kernel, precision, memory);
    else if (kernel->plan == FL_SEQUENCES)
        write_sequences(table, kernel, precision, memory);
    else
        write_rows(table, kernel, precision, memory, n);
    if (kernel->plan == FL_STATISTICS && kernel->statistics->part[precision])
        write_part(kernel, precision, memory);
    flush(kernel->name, precision);
}

int main(int argc, char **argv)
{
    const fl_table *table = &NAME(FL_ISA);
    const ptrdiff_t n = argc > 1 ? atol(argv[1]) : 0;
    for (int precision = 0; precision < FL_PRECISIONS; precision++) {
        const size_t size = precision == FL_F32 ? sizeof(float) : sizeof(double);
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
        for (int k = 0; k < table->kernels; k++)
            write_kernel(table, table->kernel[k], precision, memory, n);
        for (int i = 0; i < table->functions; i++) {
            table->function[i].map[precision](memory[1], memory[INPUTS], n);
            put(memory[INPUTS], size * (size_t)n);
            flush(table->function[i].name, precision);
        }
        for (int k = 0; k < ARRAYS; k++)
            free(memory[k]);
    }
    free(written);
    return 0;
}
