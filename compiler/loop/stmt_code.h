// Statements in the compact form that the interpreter executes.
#ifndef LATHE_COMPILER_LOOP_STMT_CODE_H_
#define LATHE_COMPILER_LOOP_STMT_CODE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/loop/expr_code.h"
#include "compiler/loop/program.h"

namespace lathe {

// What a piece of code came from, for messages.
struct CodeOrigin {
  std::string what;                                // "stage C"
  std::vector<std::pair<std::string, int>> loops;  // names and slots, outermost first
};

struct StoreCode {
  CodeOrigin origin;
  StoreRole role = StoreRole::kWhole;
  CodePlace place;
  int value = 0;
  int predicate = -1;
  int lanes = 1;
  BinaryOp combiner = BinaryOp::kAdd;  // kReduce
};

// Sets the elements that a kReduce store will fold into to the identity: for
// each value of `loops` under which all `conditions` hold.
struct InitCode {
  CodeOrigin origin;
  std::vector<CodeLoop> loops;
  std::vector<int> conditions;
  CodePlace place;
  Cell identity{0};
};

struct StmtCode {
  explicit StmtCode(StmtKind kind) : kind(kind) {}

  StmtKind kind;
  std::vector<InitCode> inits;  // run before the statement
  std::vector<StmtCode> children;
  // For
  int slot = 0;
  int64_t extent = 0;
  bool parallel = false;
  // If
  CodeOrigin origin;
  int condition = -1;
  // Allocate
  int buffer = 0;
  StoreCode store;
};

// Compiles what `program` prepares and then its body; buffer n of `code` is buffer n of the
// program. FailedPrecondition, naming the stage, for what no program may contain.
absl::StatusOr<StmtCode> CompileBody(const Program& program, ExprCode* code);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_STMT_CODE_H_
