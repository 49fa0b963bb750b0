// A store and where it stands.
#ifndef LATHE_COMPILER_LOOP_STORE_SITE_H_
#define LATHE_COMPILER_LOOP_STORE_SITE_H_

#include <vector>

#include "compiler/loop/program.h"

namespace lathe {

// A store with what stands around it, outermost first.
struct StoreSite {
  const Store* store = nullptr;
  std::vector<const For*> loops;
  std::vector<Expr> conditions;  // of the Ifs around it; a scheduled program has none
};

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_STORE_SITE_H_
