#include "compiler/tensor/function.h"

#include <algorithm>

namespace lathe {
namespace {

template <typename T>
const T* FindByName(const std::vector<T>& items, std::string_view name) {
  auto it = std::find_if(items.begin(), items.end(), [&](const T& t) { return t.name == name; });
  return it == items.end() ? nullptr : &*it;
}

}  // namespace

const Argument* Function::FindArgument(std::string_view name) const {
  return FindByName(arguments, name);
}

const Stage* Function::FindStage(std::string_view name) const { return FindByName(stages, name); }

bool Function::IsOutput(std::string_view stage) const {
  return std::find(outputs.begin(), outputs.end(), stage) != outputs.end();
}

}  // namespace lathe
