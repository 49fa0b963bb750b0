// How far the shapes of two functions of one family are apart.
#ifndef LATHE_DATABASE_SHAPE_H_
#define LATHE_DATABASE_SHAPE_H_

#include <string_view>
#include <vector>

#include "compiler/tensor/function.h"

namespace lathe {

// The binary logarithms of the extents of all axes, stage by stage, spatial ones
// before those of reductions, divided by the number of stages. Functions of one
// family have as many.
std::vector<double> ShapeOf(const Function& function);
// The same of a canonical text; empty if it cannot be read.
std::vector<double> ShapeOfText(std::string_view function_text);

// Doublings from one shape to the other, summed over a stage's axes, averaged over
// stages; infinite for shapes of different families. Never below the distance of
// the volumes.
double ShapeDistance(const std::vector<double>& a, const std::vector<double>& b);
// The logarithm of the geometric mean of the stages' volumes.
double ShapeVolume(const std::vector<double>& shape);

}  // namespace lathe

#endif  // LATHE_DATABASE_SHAPE_H_
