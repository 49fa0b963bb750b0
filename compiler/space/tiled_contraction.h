// The plan of tiled_contraction.cc. Internal to the rule.
#ifndef LATHE_COMPILER_SPACE_TILED_CONTRACTION_H_
#define LATHE_COMPILER_SPACE_TILED_CONTRACTION_H_

#include <span>
#include <string>
#include <vector>

#include "compiler/space/contraction.h"
#include "compiler/space/loop_plan.h"

namespace lathe {

class TiledContractionPlan : public Plan {
 public:
  // `lanes`: the loop that is vectorised.
  TiledContractionPlan(Contraction contraction, std::string lane_loop, std::string name,
                       const SpaceOptions& options)
      : c_(std::move(contraction)),
        lane_loop_(std::move(lane_loop)),
        name_(std::move(name)),
        lanes_(options.target.VectorLanes(c_.element_bytes)),
        registers_(options.target.vector_registers),
        threads_(options.threads) {
    FindRoles();
    AddKnobs();
  }

  std::string_view name() const override { return name_; }
  bool IsLegal(std::span<const int64_t> v) const override;
  void Emit(std::span<const int64_t> v, TraceBuilder& trace) const override;
  void Model(std::span<const int64_t> v, ScheduleModel& model) const override;

 private:
  enum Knobs {
    kRows,        // of the innermost row axis
    kOuterRows,   // of the row axis outside of it
    kVectors,     // of lanes
    kUnroll,      // terms of the reduction
    kPanel,       // place of the loop over panels of lanes among the other tile loops
    kRowBlock,    // iterations of the tile loop at that place inside of a panel; 0: all
    kPanelBlock,  // panels inside of the loops outside of them; 0: all
    kPack,        // 0 none, 1 copy, 2 copy ahead of the calls
    kSecondPack,  // of another operand
    kProducers,   // 0 inline, 1 on their own
    kBorder,      // 0 partition, 1 mask, 2 padded copy, 3 padded copy in the outermost loop
    kTail,        // 0 partition, 1 mask
    kParallelAt,  // depth of the parallel loop
    kNumKnobs
  };
  enum { kNoPack, kPackInLoops, kPackAhead };
  enum { kBorderPartition, kBorderMask, kBorderPad, kBorderPadInLoop };

  static constexpr int64_t kMaxTileOps = 256;  // multiply-adds in the unrolled body
  static constexpr int64_t kMaxCopies = 4096;  // of multiply-adds, by partition
  static constexpr size_t kMaxPacked = 2;

  // What the knobs make of the loops.
  struct Nest {
    LoopPlan plan;
    size_t num_tile_loops = 0;  // outermost loops of the plan, up to the reduction
    // Depth of the copy of packed operand p: loops around it.
    std::vector<size_t> copy_depth;
    size_t pad_depth = 0;
  };

  void FindRoles();
  void AddKnobs();
  Nest BuildNest(std::span<const int64_t> v) const;
  int64_t TileOf(std::span<const int64_t> v, const std::string& axis) const;
  bool IsGuardAxis(const std::string& axis) const;
  bool IsPadded(std::span<const int64_t> v) const { return v[kBorder] >= kBorderPad; }
  int64_t PackKnob(std::span<const int64_t> v, size_t p) const {
    return v[p == 0 ? kPack : kSecondPack];
  }
  const ContractionOperand* PackedBy(std::span<const int64_t> v, const std::string& buffer) const;
  int64_t LiveVectors(std::span<const int64_t> v) const;
  size_t ModelCopies(std::span<const int64_t> v, const Nest& nest, ScheduleModel& model) const;
  void ModelMain(std::span<const int64_t> v, const Nest& nest, size_t shared_loops,
                 ScheduleModel& model) const;
  void ModelConsumers(std::span<const int64_t> v, const Nest& nest, ScheduleModel& model) const;
  int64_t RangeInside(const Nest& nest, size_t depth, const std::string& axis) const;
  int64_t PackedStride(const ContractionOperand& operand, int64_t columns,
                       const PlannedLoop& loop) const;
  void AddProducers(const ContractionOperand& operand, double share, NestModel& nest) const;
  void ModelProducers(ScheduleModel& model) const;

  const Contraction c_;
  const std::string lane_loop_;
  const std::string name_;
  const int64_t lanes_;
  const int registers_, threads_;

  std::string row_loop_, outer_row_loop_;  // empty: none
  std::vector<AxisLoop> natural_;          // other spatial loops of several iterations
  std::vector<AxisLoop> single_;           // spatial loops of one iteration
  std::vector<const ContractionOperand*> packable_;
  std::vector<std::string> guarded_;  // buffers
};

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_TILED_CONTRACTION_H_
