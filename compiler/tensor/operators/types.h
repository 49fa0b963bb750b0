// The parameters that choose types, and the words that follow from them.
#ifndef LATHE_COMPILER_TENSOR_OPERATORS_TYPES_H_
#define LATHE_COMPILER_TENSOR_OPERATORS_TYPES_H_

#include "compiler/tensor/operators/definition.h"

namespace lathe {

// type=f32|f64|f16|bf16: tensors are stored so; f16 and bf16 are computed in f32.
OperatorParameter FloatType();
// As above, and u8i8 and i8i8: unsigned or signed inputs and signed weights of
// eight bits, products summed as i32.
OperatorParameter ProductType();
// As FloatType, and i8, u8, for operators that only pick elements.
OperatorParameter PickType();
// Every type that holds numbers, for operators that only move elements.
OperatorParameter AnyType();
// out=same|f32: the result has the inputs' type (i32 for integers), or stays f32.
OperatorParameter ResultType();

// Sets $in, $weight, $acc, $result, and $bias_type, what a bias is stored as, from
// `type` and, if there is one, `out`. Does nothing without `type`.
void SetTypes(Words& words);

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_OPERATORS_TYPES_H_
