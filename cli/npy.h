// NumPy's .npy files (format 1.0 and 2.0, C order, little-endian).
#ifndef LATHE_CLI_NPY_H_
#define LATHE_CLI_NPY_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/loop/interpreter.h"

namespace lathe::cli {

// InvalidArgument naming `name` when the bytes are no such file, or of a type
// that tensor functions do not have.
absl::StatusOr<TensorValue> ParseNpy(std::string_view bytes, const std::string& name);

// The bytes of a file. bf16, which NumPy lacks, is two opaque bytes ("V2"), as
// the package ml_dtypes writes and views it.
std::string ToNpy(const TensorValue& value);

}  // namespace lathe::cli

#endif  // LATHE_CLI_NPY_H_
