// What an operator is made of: parameters, and a template of its text.
//
// A template is the text of a tensor function in which `$name` stands for a
// word: a parameter's value, or what the operator derives from its parameters.
// Words may hold `$name` again. Operators with a parameter `type` also have
//   $in, $weight   what inputs and weights are stored as
//   $acc           what sums and functions are computed in
//   $result        what the result is stored as
// Casts to the type that a value has already vanish: `$acc(x[i])` costs nothing.
#ifndef LATHE_COMPILER_TENSOR_OPERATORS_DEFINITION_H_
#define LATHE_COMPILER_TENSOR_OPERATORS_DEFINITION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "compiler/tensor/operators.h"

namespace lathe {

// The words of one use of an operator. Asking for one that is not there is our bug.
class Words {
 public:
  bool Has(std::string_view name) const;
  const std::string& Get(std::string_view name) const;
  int64_t Number(std::string_view name) const;
  bool Flag(std::string_view name) const { return Number(name) != 0; }
  bool Is(std::string_view name, std::string_view value) const { return Get(name) == value; }

  void Set(std::string_view name, std::string value);  // a new word
  // `text` with every word put in.
  std::string Fill(std::string_view text) const;

 private:
  std::map<std::string, std::string, std::less<>> words_;
};

struct OperatorDefinition {
  Operator op;
  // Sets the words that follow from others, or says what is wrong with them;
  // null if there are none.
  absl::Status (*derive)(Words& words) = nullptr;
  std::string text;  // without the line `lathe 1`
};

// The operators of one file each, in any order.
std::vector<OperatorDefinition> AttentionOperators();
std::vector<OperatorDefinition> ConvolutionOperators();
std::vector<OperatorDefinition> ElementwiseOperators();
std::vector<OperatorDefinition> MatmulOperators();
std::vector<OperatorDefinition> NormalizationOperators();
std::vector<OperatorDefinition> PoolingOperators();
std::vector<OperatorDefinition> ReductionOperators();

}  // namespace lathe

#endif  // LATHE_COMPILER_TENSOR_OPERATORS_DEFINITION_H_
