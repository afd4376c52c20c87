/*
 * Connectionist temporal classification (Graves et al. 2006): the negative logarithm of the probability of a target, a list of
 * labels without blanks, under frames of independent classes. A way through the frames, a class for each, spells the list that
 * is left when repetitions are merged and then blanks dropped; the probability of a target is the sum over all ways that spell
 * it. With the blanks that may stand between its labels, before and after them, a place i of the target has two states, the
 * blank b_i before its label l_i, and l_i itself; the last blank has a place of its own.
 *
 *   forward   b_i <- (b_i + l_{i-1}) p(blank)       l_i <- (l_i + b_i + [l_i differs from l_{i-1}] l_{i-1}) p(l_i)
 *   back      b_i <- b_i + l_i                      l_i <- l_i + b_{i+1} + [l_{i+1} differs from l_i] l_{i+1}
 *   value     -log of the last blank and the last label, behind the last frame
 *   slope     -g_k by the log-probability of class k in a frame, g_k being the share of all ways that are at k there;
 *             p_k - g_k by scores
 *
 * A target of L labels, r of which are like the one before, needs L + r frames; with fewer, or where all of its ways have the
 * probability 0, the value is infinite and the slope 0.
 *
 * Errors: each step of the lattice adds about 2 rounding errors of double precision to the logarithm, whatever the precision of
 * the frames: (frames + 10) 4 u at most. Slopes by scores are differences; their errors are relative to the larger of p and g.
 */
#include "engine/sequence.h"

FL_SEQUENCE_FORMULA(ctc, now, before, changes)
{
    return (fl_states){
        .blank = fl_scaled_sum(now.blank, before.label),
        .label = fl_scaled_sum_of_three(now.label, now.blank, fl_scaled_where(changes, before.label)),
    };
}

FL_BACK_OF(ctc, now, next, changes)
{
    return (fl_states){
        .blank = fl_scaled_sum(now.blank, now.label),
        .label = fl_scaled_sum_of_three(now.label, next.blank, fl_scaled_where(changes, next.label)),
    };
}
