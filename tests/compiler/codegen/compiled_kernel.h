// Compiles a lowered program and runs it in this process, for tests.
#ifndef LATHE_TESTS_COMPILER_CODEGEN_COMPILED_KERNEL_H_
#define LATHE_TESTS_COMPILER_CODEGEN_COMPILED_KERNEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/loop/interpreter.h"
#include "compiler/loop/program.h"
#include "compiler/runtime/lathe_kernel.h"
#include "compiler/target/target.h"

namespace lathe::testing {

// A shared ELF given as bytes, opened by the dynamic loader; closed when destroyed.
class OpenedLibrary {
 public:
  static absl::StatusOr<std::unique_ptr<OpenedLibrary>> Open(const std::string& bytes);
  ~OpenedLibrary();
  // Null when there is no such symbol.
  void* Symbol(const char* name) const;

 private:
  explicit OpenedLibrary(void* handle) : handle_(handle) {}
  void* const handle_;
};

// Compiles `lowered` for `target`, runs it on `inputs` with a pool of `threads`
// (1: the serial runtime) and returns the outputs in order. Unwritten elements
// hold 0xFF bytes. Fails too when a byte before or after an argument was written.
// The runtime has plain loops for cblas_sgemm. Packed arguments are prepared first; each function
// gets null for what it need not read.
absl::StatusOr<std::vector<TensorValue>> CompileAndRun(const Program& lowered,
                                                       const std::vector<TensorValue>& inputs,
                                                       const Target& target, int threads = 1);

}  // namespace lathe::testing

#endif  // LATHE_TESTS_COMPILER_CODEGEN_COMPILED_KERNEL_H_
