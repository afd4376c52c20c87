/* The least that a loss has to do: read its inputs and write its outputs, chunk by chunk, without arithmetic. Numbers that are
   read are combined bit by bit, so that they are not left out. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef struct {
    const char *start;
    size_t bytes; /* a multiple of 4 */
} part;

static uint32_t read_part(const char *from, size_t bytes)
{
    const uint32_t *x = (const uint32_t *)from;
    uint32_t seen = 0;
    for (size_t i = 0; i < bytes / sizeof *x; i++)
        seen ^= x[i];
    return seen;
}

static void write_part(char *to, size_t bytes, uint32_t seen, int past_the_caches)
{
    uint32_t *x = (uint32_t *)to;
    const size_t n = bytes / sizeof *x;
    size_t i = 0;
#ifdef __SSE2__
    if (past_the_caches) {
        for (; i < n && (uintptr_t)(x + i) % 16; i++)
            x[i] = seen;
        const __m128i numbers = _mm_set1_epi32((int)seen);
        for (; i + 4 <= n; i += 4)
            _mm_stream_si128((__m128i *)(x + i), numbers);
    }
#endif
    for (; i < n; i++)
        x[i] = seen;
}

/* Part c of `chunks` of an array, in whole numbers. */
static part part_of(const part *array, size_t c, size_t chunks)
{
    const size_t n = array->bytes / 4, from = n * c / chunks, to = n * (c + 1) / chunks;
    return (part){array->start + 4 * from, 4 * (to - from)};
}

uint32_t roof(const part *in, int inputs, const part *out, int outputs, size_t chunks, int threads, int past_the_caches)
{
    uint32_t all = 0;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1) reduction(^ : all)
    for (size_t c = 0; c < chunks; c++) {
        uint32_t seen = 0;
        for (int k = 0; k < inputs; k++) {
            const part p = part_of(in + k, c, chunks);
            seen ^= read_part(p.start, p.bytes);
        }
        for (int k = 0; k < outputs; k++) {
            const part p = part_of(out + k, c, chunks);
            write_part((char *)p.start, p.bytes, seen, past_the_caches);
        }
        all ^= seen;
    }
    return all;
}
