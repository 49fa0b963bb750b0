// Programs for tests of lowering: scheduled by hand, checked against naive.
#ifndef LATHE_TESTS_COMPILER_LOOP_LOWER_TEST_UTIL_H_
#define LATHE_TESTS_COMPILER_LOOP_LOWER_TEST_UTIL_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/loop/interpreter.h"
#include "compiler/loop/lower.h"
#include "compiler/loop/program.h"
#include "compiler/loop/stmt_visitor.h"
#include "compiler/schedule/primitives.h"

namespace lathe {

// Parses and builds; dies on an error.
Program NaiveOf(std::string_view function_text);
Program NaiveMatmul(int64_t m, int64_t n, int64_t k);

// A program under scheduling: each call applies one primitive, and dies with
// its error.
class Schedule {
 public:
  explicit Schedule(Program program) : program_(std::move(program)) {}
  const Program& program() const { return program_; }

  Schedule& Split(std::string_view loop, int64_t factor, std::string_view outer,
                  std::string_view inner);
  Schedule& Fuse(std::string_view outer, std::string_view inner, std::string_view fused);
  Schedule& Reorder(std::vector<std::string> loops);
  Schedule& ReverseComputeAt(std::string_view stage, std::string_view loop);
  Schedule& CacheWrite(std::string_view stage, Scope scope, std::string_view copy);
  Schedule& SetScope(std::string_view buffer, Scope scope);
  Schedule& Parallel(std::string_view loop);
  Schedule& Vectorize(std::string_view loop);
  Schedule& Unroll(std::string_view loop);
  Schedule& Partition(std::string_view loop);

 private:
  void Take(absl::StatusOr<Program> next);
  Program program_;
};

// The register-tiled matmul of the design: rows by `tile_m`, columns by
// `tile_n` in vectors of `lanes`, k unrolled by `unroll_k`.
Schedule TiledMatmul(int64_t m, int64_t n, int64_t k, int64_t tile_m, int64_t tile_n, int64_t lanes,
                     int64_t unroll_k);

// Small integers, so that sums are exact in any order.
std::vector<TensorValue> RandomInputs(const Program& program, uint64_t seed);

// Interprets `naive`, `scheduled` and its lowered form, under several orders
// of parallel iterations, and expects equal outputs, bit by bit.
void ExpectLoweredMatches(const Program& naive, const Program& scheduled, uint64_t seed);

// Statements of a program that satisfy `wanted`, in order.
std::vector<Stmt> FindAll(const Stmt& body, const std::function<bool(const Stmt&)>& wanted);
std::vector<const Store*> StoresOf(const Stmt& body);
std::vector<const For*> LoopsOf(const Stmt& body);

}  // namespace lathe

#endif  // LATHE_TESTS_COMPILER_LOOP_LOWER_TEST_UTIL_H_
