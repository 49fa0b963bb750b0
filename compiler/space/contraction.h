// What the rules for contractions see of a nest: a reduction whose terms
// combine several operands, at affine subscripts. Copied from the program.
#ifndef LATHE_COMPILER_SPACE_CONTRACTION_H_
#define LATHE_COMPILER_SPACE_CONTRACTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/analysis/schedule_model.h"
#include "compiler/loop/simplify.h"
#include "compiler/space/plan.h"
#include "compiler/space/structure.h"

namespace lathe {

// A loop of the naive nest: an axis of the stage.
struct AxisLoop {
  std::string var;
  int64_t extent = 1;
};

// One read of the nest.
struct ContractionOperand {
  std::string buffer;
  int number = 0;
  int element_bytes = 4;
  std::vector<int64_t> shape;
  std::vector<Affine> subscripts;
  std::vector<std::string> guards;  // loops that its guard depends on
  // Nothing else reads the buffer, and no guard stands here: a copy may.
  bool owned = false;
  bool is_const = false;  // known before the call

  int64_t StrideOf(const std::string& loop) const;  // elements of the row-major buffer
  bool DependsOn(const std::string& loop) const;
  // The dimension that the bare loop subscripts, which nothing else depends on; or -1.
  int DimensionOf(const std::string& loop) const;
};

// A nest that runs tile by tile behind the contraction.
struct FusedConsumer {
  std::string stage;
  bool in_register = false;  // its result, which only later ones read
  // For each spatial loop of the contraction, the loop here along it.
  std::vector<std::string> loops;
  int number = 0;
  int element_bytes = 4;
  std::vector<ReadStride> reads;  // of other buffers, strides only: `read` is null
  std::vector<int> read_numbers;  // of their buffers
  ReadStride output = {};
  OperationCounts operations = {};
};

// An elementwise nest before the contraction, which alone reads its result.
struct FusedProducer {
  std::string stage;
  std::string buffer;
  std::string inner_loop;  // contiguous; empty: none
  int64_t inner_extent = 1;
  std::string outer_loop;
  double elements = 1;
  int number = 0;
  int element_bytes = 4;
  OperationCounts operations = {};
};

struct Contraction {
  std::string stage;
  std::string buffer;
  int number = 0;                            // of the result's buffer
  int element_bytes = 4;                     // of the result, which the lanes are counted in
  std::vector<AxisLoop> spatial, reduction;  // in order
  std::vector<ContractionOperand> operands;  // distinct reads
  ReadStride output = {};
  OperationCounts operations = {};
  std::vector<FusedProducer> producers;  // in order
  std::vector<FusedConsumer> consumers;  // in order
  bool keep_result = false;              // it is an output, or read elsewhere

  const AxisLoop* FindSpatial(const std::string& var) const;
};

// nests[first], or the first reduction after elementwise nests that only it
// reads, as a contraction without consumers; `nest` tells which. nullopt when
// fewer than two distinct operands depend on its reduction, or subscripts are
// not affine.
std::optional<Contraction> MatchContraction(const SpaceContext& context, size_t first,
                                            size_t* nest);

// Adds the consumers of `nest` that stay contiguous along `lane_loop`; returns
// the nests that are covered then, ascending.
std::vector<size_t> FuseConsumers(const SpaceContext& context, size_t first, size_t nest,
                                  const std::string& lane_loop, Contraction& contraction);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_CONTRACTION_H_
