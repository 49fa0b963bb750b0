// Small lowered programs by hand, for tests of code generation.
#ifndef LATHE_TESTS_COMPILER_CODEGEN_PROGRAM_BUILDER_H_
#define LATHE_TESTS_COMPILER_CODEGEN_PROGRAM_BUILDER_H_

#include <functional>
#include <random>
#include <string>
#include <vector>

#include "compiler/loop/interpreter.h"
#include "compiler/loop/program.h"

namespace lathe::testing {

inline Buffer Input(std::string name, ScalarType type, int64_t elements) {
  return {std::move(name), type, {elements}, Scope::kArgument, Access::kInput, {}};
}
inline Buffer Output(std::string name, ScalarType type, int64_t elements) {
  return {std::move(name), type, {elements}, Scope::kArgument, Access::kOutput, {}};
}
inline Buffer Local(std::string name, ScalarType type, int64_t elements, Scope scope) {
  return {std::move(name), type, {elements}, scope, Access::kNone, {}};
}
inline Expr Load(const std::string& buffer, ScalarType type, Expr index) {
  const int lanes = index.type().lanes;
  return MakeRead(Type{type, lanes}, buffer, {std::move(index)});
}
inline Stmt Assign(const std::string& buffer, Expr index, Expr value, Expr predicate = Expr()) {
  return MakeStore("s", StoreRole::kWhole, {}, buffer, {std::move(index)}, std::move(value),
                   std::move(predicate));
}
inline Stmt Loop(const std::string& var, int64_t extent, Stmt body,
                 LoopKind kind = LoopKind::kSerial) {
  return MakeFor(var, extent, LoopMarks{kind, Tail::kMask}, std::move(body));
}
inline Program Lowered(std::vector<Buffer> buffers, Stmt body) {
  return {"test", std::move(buffers), {}, std::move(body), true};
}

// out[i] = f(a[i], b[i]) over n elements: vectors of `lanes` with a masked
// tail, or one by one when `lanes` is 1.
inline Program Elementwise(ScalarType in, ScalarType out, int64_t n, int lanes,
                           const std::function<Expr(Expr, Expr)>& f) {
  Expr index;
  Expr predicate;
  const Expr first = MakeVar("i") * lanes;
  if (lanes == 1) {
    index = MakeVar("i");
  } else {
    index = MakeRamp(first, 1, lanes);
    if (n % lanes != 0) {
      predicate = MakeBinary(BinaryOp::kLt, index, MakeBroadcast(MakeInt(n), lanes));
    }
  }
  auto read = [&](const char* name) {
    const Type type{in, lanes};
    return predicate ? MakeRead(type, name, {index}, predicate, MakeConst(1, type))
                     : MakeRead(type, name, {index});
  };
  Stmt store = Assign("y", index, f(read("a"), read("b")), predicate);
  return Lowered({Input("a", in, n), Input("b", in, n), Output("y", out, n)},
                 Loop("i", (n + lanes - 1) / lanes, store));
}

// Uniform in [low, high], rounded to the type.
inline TensorValue RandomValue(const Buffer& buffer, std::mt19937_64& random, double low,
                               double high) {
  TensorValue value = TensorValue::Zeros(buffer.type, buffer.shape);
  std::uniform_real_distribution<double> draw(low, high);
  const bool real = IsFloat(buffer.type);
  for (int64_t i = 0; i < value.NumElements(); ++i) {
    double element = draw(random);
    value.Set(i, real ? element : std::floor(element));
  }
  return value;
}

}  // namespace lathe::testing

#endif  // LATHE_TESTS_COMPILER_CODEGEN_PROGRAM_BUILDER_H_
