// CHECK macros for our own bugs. A user's fault is an absl::Status instead.
// (Debian 12's Abseil 20220623 has no absl/log.)
#ifndef LATHE_COMPILER_BASE_CHECK_H_
#define LATHE_COMPILER_BASE_CHECK_H_

#include <sstream>

namespace lathe {

// Collects a message and aborts the process with it when destroyed.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, const char* condition);
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return stream_; }

 private:
  std::ostringstream stream_;
};

// Gives both arms of CHECK's conditional the type void.
struct CheckVoidify {
  void operator&(std::ostream&) const {}
};

}  // namespace lathe

#define CHECK(condition) \
  (condition)            \
      ? (void)0          \
      : ::lathe::CheckVoidify() & ::lathe::CheckFailure(__FILE__, __LINE__, #condition).stream()
#define CHECK_OP_(a, op, b) CHECK((a)op(b)) << "(" << (a) << " against " << (b) << ") "
#define CHECK_EQ(a, b) CHECK_OP_(a, ==, b)
#define CHECK_NE(a, b) CHECK_OP_(a, !=, b)
#define CHECK_LT(a, b) CHECK_OP_(a, <, b)
#define CHECK_LE(a, b) CHECK_OP_(a, <=, b)
#define CHECK_GT(a, b) CHECK_OP_(a, >, b)
#define CHECK_GE(a, b) CHECK_OP_(a, >=, b)
#ifdef NDEBUG
#define DCHECK(condition) CHECK(true || (condition))
#else
#define DCHECK(condition) CHECK(condition)
#endif

#endif  // LATHE_COMPILER_BASE_CHECK_H_
