#include "compiler/schedule/registry.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/schedule/primitives.h"

namespace lathe::schedule {
namespace {

absl::Status Misuse(std::string_view what, std::string_view usage) {
  return absl::InvalidArgumentError(absl::StrCat(ToAbsl(what), "; it is written ", ToAbsl(usage)));
}

absl::Status CheckCounts(const TraceStep& step, size_t results, size_t arguments,
                         std::string_view usage) {
  if (step.results.size() != results) {
    return Misuse(absl::StrCat("it makes ", results, " names, not ", step.results.size()), usage);
  }
  if (step.arguments.size() != arguments) {
    return Misuse(absl::StrCat("it takes ", arguments, " arguments, not ", step.arguments.size()),
                  usage);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> NameAt(const TraceStep& step, size_t i, std::string_view usage) {
  if (const auto* name = std::get_if<std::string>(&step.arguments[i])) return *name;
  return Misuse(absl::StrCat("argument ", i + 1, " is a name"), usage);
}

absl::StatusOr<int64_t> NumberAt(const TraceStep& step, size_t i, std::string_view usage) {
  if (const auto* number = std::get_if<int64_t>(&step.arguments[i])) return *number;
  return Misuse(absl::StrCat("argument ", i + 1, " is a number"), usage);
}

// Buffers that a schedule may place; the others are given by the function.
absl::StatusOr<Scope> ScopeAt(const TraceStep& step, size_t i, std::string_view usage) {
  ASSIGN_OR_RETURN(std::string word, NameAt(step, i, usage));
  if (word == "workspace") return Scope::kWorkspace;
  if (word == "stack") return Scope::kStack;
  if (word == "register") return Scope::kRegister;
  return Misuse(absl::StrCat("the scope ", word, " is not workspace, stack or register"), usage);
}

// PRIMITIVE(LOOP) or PRIMITIVE(STAGE)
template <absl::StatusOr<Program> (*mark)(const Program&, std::string_view)>
absl::StatusOr<Program> ApplyMark(const Program& program, const TraceStep& step) {
  std::string usage = absl::StrCat(step.primitive, mark == Prepare ? "(STAGE)" : "(LOOP)");
  RETURN_IF_ERROR(CheckCounts(step, 0, 1, usage));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 0, usage));
  return mark(program, loop);
}

constexpr std::string_view kCacheWrite = "COPY = cache_write(STAGE, SCOPE)";
absl::StatusOr<Program> ApplyCacheWrite(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 1, 2, kCacheWrite));
  ASSIGN_OR_RETURN(std::string stage, NameAt(step, 0, kCacheWrite));
  ASSIGN_OR_RETURN(Scope scope, ScopeAt(step, 1, kCacheWrite));
  return CacheWrite(program, stage, scope, step.results[0]);
}

constexpr std::string_view kComputeAt = "compute_at(STAGE, LOOP)";
absl::StatusOr<Program> ApplyComputeAt(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kComputeAt));
  ASSIGN_OR_RETURN(std::string stage, NameAt(step, 0, kComputeAt));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 1, kComputeAt));
  return ComputeAt(program, stage, loop);
}

constexpr std::string_view kFuse = "FUSED = fuse(OUTER, INNER)";
absl::StatusOr<Program> ApplyFuse(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 1, 2, kFuse));
  ASSIGN_OR_RETURN(std::string outer, NameAt(step, 0, kFuse));
  ASSIGN_OR_RETURN(std::string inner, NameAt(step, 1, kFuse));
  return Fuse(program, outer, inner, step.results[0]);
}

constexpr std::string_view kInline = "inline(STAGE)";
absl::StatusOr<Program> ApplyInline(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 1, kInline));
  ASSIGN_OR_RETURN(std::string stage, NameAt(step, 0, kInline));
  return Inline(program, stage);
}

constexpr std::string_view kPack = "COPY = pack(BUFFER, DIMENSION, BLOCK, ...)";
absl::StatusOr<Program> ApplyPack(const Program& program, const TraceStep& step) {
  // The buffer, then pairs.
  size_t arguments = step.arguments.size() % 2 == 1 ? step.arguments.size() : 1;
  RETURN_IF_ERROR(CheckCounts(step, 1, arguments, kPack));
  ASSIGN_OR_RETURN(std::string buffer, NameAt(step, 0, kPack));
  std::vector<PackBlock> blocks;
  for (size_t i = 1; i < step.arguments.size(); i += 2) {
    PackBlock block;
    ASSIGN_OR_RETURN(block.dimension, NumberAt(step, i, kPack));
    ASSIGN_OR_RETURN(block.size, NumberAt(step, i + 1, kPack));
    blocks.push_back(block);
  }
  return Pack(program, buffer, blocks, step.results[0]);
}

constexpr std::string_view kPad = "COPY = pad(BUFFER)";
absl::StatusOr<Program> ApplyPad(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 1, 1, kPad));
  ASSIGN_OR_RETURN(std::string buffer, NameAt(step, 0, kPad));
  return Pad(program, buffer, step.results[0]);
}

constexpr std::string_view kPeel = "peel(LOOP, first | last)";
absl::StatusOr<Program> ApplyPeel(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kPeel));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 0, kPeel));
  ASSIGN_OR_RETURN(std::string word, NameAt(step, 1, kPeel));
  if (word == "first") return Peel(program, loop, PeelEnd::kFirst);
  if (word == "last") return Peel(program, loop, PeelEnd::kLast);
  return Misuse(absl::StrCat("the end ", word, " is not first or last"), kPeel);
}

constexpr std::string_view kPrefetch = "prefetch(LOOP, BUFFER, DISTANCE)";
absl::StatusOr<Program> ApplyPrefetch(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 3, kPrefetch));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 0, kPrefetch));
  ASSIGN_OR_RETURN(std::string buffer, NameAt(step, 1, kPrefetch));
  ASSIGN_OR_RETURN(int64_t distance, NumberAt(step, 2, kPrefetch));
  return PrefetchAhead(program, loop, buffer, distance);
}

constexpr std::string_view kReorder = "reorder(LOOP, LOOP, ...)";
absl::StatusOr<Program> ApplyReorder(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, step.arguments.size(), kReorder));
  std::vector<std::string> loops;
  for (size_t i = 0; i < step.arguments.size(); ++i) {
    ASSIGN_OR_RETURN(std::string loop, NameAt(step, i, kReorder));
    loops.push_back(std::move(loop));
  }
  return Reorder(program, loops);
}

constexpr std::string_view kReverseComputeAt = "reverse_compute_at(STAGE, LOOP)";
absl::StatusOr<Program> ApplyReverseComputeAt(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kReverseComputeAt));
  ASSIGN_OR_RETURN(std::string stage, NameAt(step, 0, kReverseComputeAt));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 1, kReverseComputeAt));
  return ReverseComputeAt(program, stage, loop);
}

constexpr std::string_view kRFactor = "FINAL = rfactor(STAGE, LOOP)";
absl::StatusOr<Program> ApplyRFactor(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 1, 2, kRFactor));
  ASSIGN_OR_RETURN(std::string stage, NameAt(step, 0, kRFactor));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 1, kRFactor));
  return RFactor(program, stage, loop, step.results[0]);
}

constexpr std::string_view kSetScope = "set_scope(BUFFER, SCOPE)";
absl::StatusOr<Program> ApplySetScope(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kSetScope));
  ASSIGN_OR_RETURN(std::string buffer, NameAt(step, 0, kSetScope));
  ASSIGN_OR_RETURN(Scope scope, ScopeAt(step, 1, kSetScope));
  return SetScope(program, buffer, scope);
}

constexpr std::string_view kSplit = "OUTER, INNER = split(LOOP, FACTOR)";
absl::StatusOr<Program> ApplySplit(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 2, 2, kSplit));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 0, kSplit));
  ASSIGN_OR_RETURN(int64_t factor, NumberAt(step, 1, kSplit));
  return Split(program, loop, factor, step.results[0], step.results[1]);
}

constexpr std::string_view kStoreIn = "store_in(STAGE, BUFFER)";
absl::StatusOr<Program> ApplyStoreIn(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kStoreIn));
  ASSIGN_OR_RETURN(std::string stage, NameAt(step, 0, kStoreIn));
  ASSIGN_OR_RETURN(std::string buffer, NameAt(step, 1, kStoreIn));
  return StoreIn(program, stage, buffer);
}

constexpr std::string_view kTail = "tail(LOOP, mask | partition)";
absl::StatusOr<Program> ApplyTail(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kTail));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 0, kTail));
  ASSIGN_OR_RETURN(std::string word, NameAt(step, 1, kTail));
  if (word == "mask") return SetTail(program, loop, Tail::kMask);
  if (word == "partition") return SetTail(program, loop, Tail::kPartition);
  return Misuse(absl::StrCat("the tail ", word, " is not mask or partition"), kTail);
}

constexpr std::string_view kLibraryCall = "library_call(LOOP, ROUTINE)";
absl::StatusOr<Program> ApplyLibraryCall(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kLibraryCall));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 0, kLibraryCall));
  ASSIGN_OR_RETURN(std::string routine, NameAt(step, 1, kLibraryCall));
  return CallLibrary(program, loop, routine);
}

constexpr std::string_view kTensorize = "tensorize(LOOP, INTRINSIC)";
absl::StatusOr<Program> ApplyTensorize(const Program& program, const TraceStep& step) {
  RETURN_IF_ERROR(CheckCounts(step, 0, 2, kTensorize));
  ASSIGN_OR_RETURN(std::string loop, NameAt(step, 0, kTensorize));
  ASSIGN_OR_RETURN(std::string intrinsic, NameAt(step, 1, kTensorize));
  return Tensorize(program, loop, intrinsic);
}

constexpr Primitive kPrimitives[] = {
    {"cache_write", 1, kCacheWrite, ApplyCacheWrite},
    {"compute_at", 1, kComputeAt, ApplyComputeAt},
    {"fuse", 1, kFuse, ApplyFuse},
    {"inline", 1, kInline, ApplyInline},
    {"library_call", 1, kLibraryCall, ApplyLibraryCall},
    {"outline", 1, "outline(LOOP)", ApplyMark<Outline>},
    {"pack", 1, kPack, ApplyPack},
    {"pad", 1, kPad, ApplyPad},
    {"parallel", 1, "parallel(LOOP)", ApplyMark<Parallel>},
    {"peel", 1, kPeel, ApplyPeel},
    {"prefetch", 1, kPrefetch, ApplyPrefetch},
    {"prepare", 1, "prepare(STAGE)", ApplyMark<Prepare>},
    {"reorder", 1, kReorder, ApplyReorder},
    {"reverse_compute_at", 1, kReverseComputeAt, ApplyReverseComputeAt},
    {"rfactor", 1, kRFactor, ApplyRFactor},
    {"set_scope", 1, kSetScope, ApplySetScope},
    {"split", 1, kSplit, ApplySplit},
    {"store_in", 1, kStoreIn, ApplyStoreIn},
    {"tail", 1, kTail, ApplyTail},
    {"tensorize", 1, kTensorize, ApplyTensorize},
    {"unroll", 1, "unroll(LOOP)", ApplyMark<Unroll>},
    {"vectorize", 1, "vectorize(LOOP)", ApplyMark<Vectorize>},
};

}  // namespace

absl::Span<const Primitive> Primitives() { return kPrimitives; }

absl::StatusOr<const Primitive*> FindPrimitive(const TraceStep& step) {
  std::vector<std::string> names;
  std::vector<std::string> versions;
  for (const Primitive& primitive : kPrimitives) {
    std::string name(primitive.name);
    if (name == step.primitive) {
      if (primitive.version == step.version) return &primitive;
      versions.push_back(absl::StrCat(primitive.version));
    }
    names.push_back(std::move(name));
  }
  if (!versions.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("there is no version ", step.version, " of ",
                                                   step.primitive, "; this program knows ",
                                                   absl::StrJoin(versions, ", ")));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("there is no primitive ", step.primitive, DidYouMean(step.primitive, names),
                   "; the primitives are ", absl::StrJoin(names, ", ")));
}

}  // namespace lathe::schedule
