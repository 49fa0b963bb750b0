// Small arithmetic that rules share when they write down the domains of knobs.
#ifndef LATHE_COMPILER_SPACE_KNOB_DOMAIN_H_
#define LATHE_COMPILER_SPACE_KNOB_DOMAIN_H_

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lathe {

inline int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The values up to `limit`, and 1 whatever the limit is.
inline std::vector<int64_t> UpTo(std::vector<int64_t> domain, int64_t limit) {
  std::erase_if(domain, [limit](int64_t value) { return value > std::max<int64_t>(limit, 1); });
  return domain;
}

}  // namespace lathe

#endif  // LATHE_COMPILER_SPACE_KNOB_DOMAIN_H_
