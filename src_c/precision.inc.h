/* Everything that exists once per precision; FL_BITS is 32 or 64. formulas.inc.h is written by setup.py. */
#include "scalar.inc.h"

#include "vmath.inc.h"

#include "formula.inc.h"

#include "rowwise.inc.h"

#include "row_sums.inc.h"

#include "row_margins.inc.h"

#include "row_labels.inc.h"

#include "labels.inc.h"

#include "formulas.inc.h"

#include "exact_sum.inc.h"

#include "functions.inc.h"

#include "passes.inc.h"
