// A nest in numbers: what its body does and how its accesses move, from which
// plans compute models of tilings without touching names.
#ifndef LATHE_COMPILER_SPACE_NEST_NUMBERS_H_
#define LATHE_COMPILER_SPACE_NEST_NUMBERS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "compiler/analysis/schedule_model.h"
#include "compiler/space/plan.h"

namespace lathe {

struct NestNumbers {
  struct Access {
    int buffer = 0;
    int element_bytes = 4;
    bool write = false;
    std::vector<int64_t> strides = {};  // elements, by loop of the nest
  };
  std::vector<int64_t> extents;  // of its loops, spatial ones first
  size_t num_spatial = 0;
  std::vector<Access> accesses;     // reads in order, then the store
  OperationCounts operations = {};  // of one instance
  int element_bytes = 4;            // of the widest value computed with
};

NestNumbers NumbersOf(const SpaceContext& context, const StageNest& nest);

// One loop of a tiling: `trips` iterations, each `step` values of a loop of the
// nest further. Negative `loop`: it moves nothing.
struct TileLoop {
  int loop = -1;
  int64_t step = 1;
  double trips = 1;
  ModelLoopKind kind = ModelLoopKind::kSerial;
};

// The model of the nest with these loops, outermost first; the result of a
// reduction stays in registers inside of the first loop that reduces.
NestModel ModelOf(const NestNumbers& nest, std::span<const TileLoop> loops);

// Iterations of a loop of `extent` in blocks of `block`.
double Blocks(int64_t extent, int64_t block);

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_NEST_NUMBERS_H_
