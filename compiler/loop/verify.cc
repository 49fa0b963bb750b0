// The rules of loop programs. A message names its rule by the word in front.
//
// Both forms (verify_structure.cc, verify_access.cc):
//   names        Names are names of the text form and no words of the language;
//                buffers and stages are unique; so are loops of a scheduled
//                program, and loops around each other in a lowered one.
//   buffers      Arguments come first, inputs, outputs, packed; shapes are
//                positive; only arguments have an access, only tables values.
//   variables    Every variable belongs to a loop around it.
//   types        Reads and stores name known buffers with their rank and type;
//                a guarded read has both predicate and value; no reductions.
//   roles        A store belongs to a known stage and plays a role of its form:
//                = without reduction, sum= scheduled, init= and update= lowered.
//   read-only    Inputs and tables are not written.
//   in-bounds    No access leaves its buffer, as far as bounds can tell.
//
// Scheduled programs (verify_scheduled.cc, verify_coverage.cc):
//   form         No If, no Allocate, no vectors.
//   bindings     A store binds its stage's axes in order, and its indices are
//                the values of the spatial axes; the buffer has their shape.
//   one-store    Every stage has exactly one store. A buffer has one stage, or
//                two (store_in): the second has no reduction and reads the
//                values of the first right where it replaces them; neither has
//                a region. Reads up to the second's store mean the first.
//   coverage     The iterations that pass the predicate run through the
//                stage's domain exactly once: the axes determine every loop
//                (nothing runs twice) and every instance has its iteration.
//                With a region (compute_at), that holds for the part of the
//                domain within it, in each iteration of the loops outside.
//   parallel     A parallel loop binds no reduction axis of a store below it, so
//                its iterations write disjoint elements; no parallel loop is
//                around another, and all loops around one are serial.
//   vectorize    A vectorised loop binds spatial axes or reduction axes of a
//                store below it, not both; it is masked and contains unrolled
//                loops only; none is around another.
//   prefetch     A loop that prefetches is not vectorised, nor inside of a
//                vectorised one, and names a buffer.
//   tensorize    The nest from a tensorized loop inwards computes what the
//                intrinsic computes, but for its predicate.
//   peel         A peeled loop is serial or unrolled.
//   outline      An outlined loop is serial and contains no parallel loop.
//   order        What a stage reads is complete: its producer stands before it,
//                and the loops around both make the elements read in the same
//                iteration, or reduce in the producer and are in their last.
//                Of a producer with a region, the loops outside are around
//                both, and the elements read are within the region.
//                Where two stages share a buffer, the iteration in which the
//                second replaces an element is not before any that reads it.
//   outputs      Every output, and every buffer that is read, is written.
//   packed       Loops that write a packed argument read what is known before
//                the calls, and compute nothing that is read elsewhere.
//
// Lowered programs (verify_lowered.cc):
//   form         Loops are serial or parallel, and unmarked but for outline;
//                bindings are empty; buffers have one dimension.
//   outline      An outlined loop is serial, contains no parallel loop, and uses
//                no register buffer from outside.
//   allocation   Every buffer but arguments and tables is allocated exactly
//                once, around all its uses.
//   lanes        Value, indices and predicate of a store agree in lanes.
//   registers    Indices of register buffers are constants (or ramps from one).
//   parallel     Parallel loops are not nested; a store below one to a buffer
//                from outside depends on the loop.
//   outputs      Every output is written.
//   prepare      The prepare part writes every packed argument and no output, and
//                reads no input but const ones; the body writes no packed one.
#include "compiler/loop/verify.h"

#include "absl/strings/str_cat.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/bounds.h"
#include "compiler/loop/verify_internal.h"

namespace lathe {

absl::Status Broken(std::string_view rule, std::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat("rule ", ToAbsl(rule), ": ", ToAbsl(what)));
}

Bounds BoundsOfLoops(const std::vector<const For*>& loops) {
  Bounds bounds;
  for (const For* loop : loops) bounds[loop->var] = Interval::Of(0, loop->extent - 1);
  return bounds;
}

void NarrowBounds(const Expr& condition, Bounds& bounds) {
  for (auto& [name, bound] : NarrowedBy(condition, bounds)) bounds[name] = bound;
}

absl::Status Verify(const Program& program) {
  ASSIGN_OR_RETURN(std::vector<StoreSite> sites, VerifyStructure(program));
  for (const StoreSite& site : sites) RETURN_IF_ERROR(VerifyInBounds(program, site));
  return program.lowered ? VerifyLowered(program, sites) : VerifyScheduled(program, sites);
}

}  // namespace lathe
