// How the loops of a correctness reference run.
#ifndef LATHE_TUNER_REFERENCE_TRACE_H_
#define LATHE_TUNER_REFERENCE_TRACE_H_

#include "compiler/schedule/trace.h"
#include "compiler/target/target.h"
#include "compiler/tensor/function.h"

namespace lathe {

// Loops as written, but for the dimension that is contiguous in the result: it goes
// innermost, in lanes, so that a product of 1000^3 takes a second and not ten. Only
// splits, orders and lanes: little of what candidates are made of, so that a mistake in
// a primitive does not agree with itself. Empty where loops cannot be lowered or moved.
Trace ReferenceTrace(const Function& reference, const Target& target);

}  // namespace lathe

#endif  // LATHE_TUNER_REFERENCE_TRACE_H_
