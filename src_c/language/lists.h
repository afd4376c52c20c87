/* Lists of names in macros: FL_EACH(F, extra, (a, b)) is F(extra, 0, a) F(extra, 1, b). Lists may be empty and have up to 8
 * names. */
#ifndef FL_LISTS_H
#define FL_LISTS_H

#define FL_JOIN_(a, b) a##b
#define FL_JOIN(a, b) FL_JOIN_(a, b)
#define FL_STRING_(x) #x
#define FL_STRING(x) FL_STRING_(x)

#define FL_UNPACK(...) __VA_ARGS__
#define FL_COUNT_(x1, x2, x3, x4, x5, x6, x7, x8, n, ...) n
#define FL_COUNT(list) FL_COUNT_OF list
#define FL_COUNT_OF(...) (0 __VA_OPT__(+FL_COUNT_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0)))

#define FL_EACH(F, extra, list) FL_EACH_OF(F, extra, FL_UNPACK list)
#define FL_EACH_OF(F, extra, ...)                                                                                              \
    __VA_OPT__(FL_JOIN(FL_EACH_, FL_COUNT_(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0))(F, extra, __VA_ARGS__))
#define FL_EACH_1(F, x, a) F(x, 0, a)
#define FL_EACH_2(F, x, a, b) FL_EACH_1(F, x, a) F(x, 1, b)
#define FL_EACH_3(F, x, a, b, c) FL_EACH_2(F, x, a, b) F(x, 2, c)
#define FL_EACH_4(F, x, a, b, c, d) FL_EACH_3(F, x, a, b, c) F(x, 3, d)
#define FL_EACH_5(F, x, a, b, c, d, e) FL_EACH_4(F, x, a, b, c, d) F(x, 4, e)
#define FL_EACH_6(F, x, a, b, c, d, e, f) FL_EACH_5(F, x, a, b, c, d, e) F(x, 5, f)
#define FL_EACH_7(F, x, a, b, c, d, e, f, g) FL_EACH_6(F, x, a, b, c, d, e, f) F(x, 6, g)
#define FL_EACH_8(F, x, a, b, c, d, e, f, g, h) FL_EACH_7(F, x, a, b, c, d, e, f, g) F(x, 7, h)

/* All but the first of some arguments, which may have come of macros. */
#define FL_TAIL(...) FL_TAIL_(__VA_ARGS__)
#define FL_TAIL_(first, ...) __VA_ARGS__

#endif
