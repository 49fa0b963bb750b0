// Writes a small database of the current schema: make_database_corpus FILE.
// The files it made for released schemas stand in tests/corpus/database.
#include <iostream>

#include "database/store.h"
#include "test_records.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: make_database_corpus FILE\n";
    return 2;
  }
  auto store = lathe::OpenSqliteStore(argv[1]);
  absl::Status status = store.status();
  if (status.ok()) status = (*store)->PutDevice(lathe::TestDevice());
  if (status.ok()) status = (*store)->AddRecords(lathe::CorpusRecords());
  if (status.ok()) return 0;
  std::cerr << status << "\n";
  return 1;
}
