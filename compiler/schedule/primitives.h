// The primitives of schedules: each checks legality and returns a new program,
// or InvalidArgument naming the primitive, the loop or stage, and the rule
// broken. One .cc per primitive in primitives/, with before and after.
#ifndef LATHE_COMPILER_SCHEDULE_PRIMITIVES_H_
#define LATHE_COMPILER_SCHEDULE_PRIMITIVES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "compiler/loop/program.h"

namespace lathe {

// Structural.

// for v in E -> for outer in ceil(E/factor) { for inner in factor }; where
// factor does not divide E, stores below get the predicate v < E.
absl::StatusOr<Program> Split(const Program& program, std::string_view loop, int64_t factor,
                              std::string_view outer, std::string_view inner);
// Two perfectly nested loops -> one of extent E0*E1.
absl::StatusOr<Program> Fuse(const Program& program, std::string_view outer, std::string_view inner,
                             std::string_view fused);
// Reorders loops of one perfect nest to the order given (others keep their
// places).
absl::StatusOr<Program> Reorder(const Program& program, absl::Span<const std::string> loops);
// Moves the consumer `stage` (whole, after its producers) into the body of
// `loop`, at its end, over the region that iteration of the loop completes; its
// new loops are named STAGE.AXIS again.
absl::StatusOr<Program> ReverseComputeAt(const Program& program, std::string_view stage,
                                         std::string_view loop);
// The output stage `stage` computes into a new buffer `STAGE.acc` of `scope`;
// a new stage named `copy` writes it to the old buffer after it.
absl::StatusOr<Program> CacheWrite(const Program& program, std::string_view stage, Scope scope,
                                   std::string_view copy);
// The producer `stage` moves into `loop`, before its first reader there; each
// iteration computes the region that its reads need.
absl::StatusOr<Program> ComputeAt(const Program& program, std::string_view stage,
                                  std::string_view loop);
// `stage` is computed where it is read.
absl::StatusOr<Program> Inline(const Program& program, std::string_view stage);
// Readers of `buffer` read a copy in blocks, made by the new stage `name`, whose
// loops are named NAME.dD, NAME.dDo and NAME.dDi.
struct PackBlock {
  int64_t dimension = 0;
  int64_t size = 1;
};
absl::StatusOr<Program> Pack(const Program& program, std::string_view buffer,
                             absl::Span<const PackBlock> blocks, std::string_view name);
// Guarded readers of `buffer` read a copy with its border, made by the new stage
// `name`, whose loops are named NAME.dD.
absl::StatusOr<Program> Pad(const Program& program, std::string_view buffer, std::string_view name);
// The reduction `stage` computes partial results, one for each value of the
// reduction loop `loop`, into a new buffer `FINAL.part`; a new stage named
// `final_stage` reduces those into the old buffer after it.
absl::StatusOr<Program> RFactor(const Program& program, std::string_view stage,
                                std::string_view loop, std::string_view final_stage);
// Where an intermediate buffer lives. (The buffer is shrunk to the region in
// use by lowering.)
absl::StatusOr<Program> SetScope(const Program& program, std::string_view buffer, Scope scope);
// The stage, which depends on const arguments and tables only, is computed once
// ahead of the calls: its buffer becomes a packed argument.
absl::StatusOr<Program> Prepare(const Program& program, std::string_view stage);
// The values of the intermediate `stage` live in `buffer`, whose stage replaces
// each of them by its own; the stage's buffer is dropped.
absl::StatusOr<Program> StoreIn(const Program& program, std::string_view stage,
                                std::string_view buffer);

// Marks.
absl::StatusOr<Program> Parallel(const Program& program, std::string_view loop);
absl::StatusOr<Program> Vectorize(const Program& program, std::string_view loop);
absl::StatusOr<Program> Unroll(const Program& program, std::string_view loop);
// The loop becomes a function, which its copies share.
absl::StatusOr<Program> Outline(const Program& program, std::string_view loop);
// Each iteration asks for what reads of `buffer` below need `distance` (1..1024)
// iterations later.
absl::StatusOr<Program> PrefetchAhead(const Program& program, std::string_view loop,
                                      std::string_view buffer, int64_t distance);
enum class PeelEnd : uint8_t { kFirst, kLast };
absl::StatusOr<Program> Peel(const Program& program, std::string_view loop, PeelEnd end);
// The nest from `loop` inwards becomes a call of the library routine `routine`.
absl::StatusOr<Program> CallLibrary(const Program& program, std::string_view loop,
                                    std::string_view routine);
// The nest from `loop` inwards becomes the hardware primitive `intrinsic`.
absl::StatusOr<Program> Tensorize(const Program& program, std::string_view loop,
                                  std::string_view intrinsic);
absl::StatusOr<Program> SetTail(const Program& program, std::string_view loop, Tail tail);

}  // namespace lathe

#endif  // LATHE_COMPILER_SCHEDULE_PRIMITIVES_H_
