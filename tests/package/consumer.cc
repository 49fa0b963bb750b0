// Queries a database in process, as a compiler would at compile time.
//   consumer DATABASE
#include <iostream>

#include "compiler/runtime/lathe_kernel.h"
#include "compiler/target/target.h"
#include "compiler/tensor/operators.h"
#include "database/lookup.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  auto store = lathe::OpenSqliteStore(argv[1], {.read_only = true});
  if (!store.ok()) {
    std::cerr << store.status().message() << "\n";
    return 2;
  }
  lathe::Query query;
  query.function = lathe::Matmul(64, 64, 64);
  query.target = lathe::HostTarget();
  auto found = lathe::Lookup(**store, query);
  if (!found.ok()) {
    std::cerr << found.status().message() << "\n";
    return 2;
  }
  std::cout << "abi " << LATHE_ABI_VERSION << " verdict " << lathe::Name(found->verdict) << "\n";
  return found->record ? 0 : 1;
}
