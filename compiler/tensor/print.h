// Variants of the text of a function, for keys. People get ToText (function.h).
#ifndef LATHE_COMPILER_TENSOR_PRINT_H_
#define LATHE_COMPILER_TENSOR_PRINT_H_

#include <string>

#include "compiler/tensor/function.h"

namespace lathe {

enum class ExtentStyle {
  kWhereNeeded,  // on an index only where inference would not find the same
  kAlways,       // on every index: canonical texts
  kAbstract,     // `?` for every extent: families; does not parse
};
std::string ToText(const Function& function, ExtentStyle style);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_PRINT_H_
