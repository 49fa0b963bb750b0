// RETURN_IF_ERROR and ASSIGN_OR_RETURN for absl::Status and absl::StatusOr.
#ifndef LATHE_COMPILER_BASE_STATUS_MACROS_H_
#define LATHE_COMPILER_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define RETURN_IF_ERROR(expression)                \
  do {                                             \
    absl::Status lathe_status_ = (expression);     \
    if (!lathe_status_.ok()) return lathe_status_; \
  } while (false)

#define ASSIGN_OR_RETURN(lhs, expression) \
  LATHE_ASSIGN_OR_RETURN_(LATHE_CONCAT_(lathe_status_or_, __LINE__), lhs, expression)
#define LATHE_ASSIGN_OR_RETURN_(temporary, lhs, expression)  \
  auto temporary = (expression);                             \
  if (!temporary.ok()) return std::move(temporary).status(); \
  lhs = *std::move(temporary)
#define LATHE_CONCAT_(a, b) LATHE_CONCAT_INNER_(a, b)
#define LATHE_CONCAT_INNER_(a, b) a##b

#endif  // LATHE_COMPILER_BASE_STATUS_MACROS_H_
