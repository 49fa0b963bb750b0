#include "compiler/loop/packed.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/stmt_visitor.h"

namespace lathe {
namespace {

// What one statement at the root of a program reads and writes.
class RootStatement : public StmtVisitor {
 public:
  struct Use {
    std::string buffer, stage;
  };
  explicit RootStatement(const Stmt& s) { Visit(s); }

  std::vector<Use> reads, writes;
  bool Writes(const std::string& buffer) const {
    return std::any_of(writes.begin(), writes.end(),
                       [&](const Use& use) { return use.buffer == buffer; });
  }

 protected:
  void VisitStore(const Store& node) override {
    stage_ = node.stage;
    writes.push_back({node.buffer, stage_});
    StmtVisitor::VisitStore(node);
  }
  void VisitRead(const Read& node) override {
    reads.push_back({node.buffer, stage_});
    StmtVisitor::VisitRead(node);
  }

 private:
  std::string stage_;
};

bool IsPacked(const Program& program, const std::string& buffer) {
  return program.FindBuffer(buffer)->access == Access::kPacked;
}

// Known before the calls, or computed by prepared statements.
bool IsKnown(const Buffer& buffer) {
  return buffer.scope == Scope::kTable || buffer.access == Access::kConst ||
         buffer.access == Access::kPacked;
}

absl::Status CheckStatement(const Program& program, const RootStatement& statement,
                            const std::vector<RootStatement>& all) {
  for (const RootStatement::Use& read : statement.reads) {
    if (IsKnown(*program.FindBuffer(read.buffer)) || statement.Writes(read.buffer)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("stage ", read.stage, " reads ", read.buffer,
                     ", which is neither const nor a table nor prepared itself"));
  }
  for (const RootStatement::Use& write : statement.writes) {
    const Buffer& buffer = *program.FindBuffer(write.buffer);
    if (buffer.access == Access::kPacked) continue;
    if (buffer.access == Access::kOutput) {
      return absl::InvalidArgumentError(absl::StrCat("the same loops compute stage ", write.stage,
                                                     ", which writes an output in each call"));
    }
    for (const RootStatement& other : all) {
      if (&other == &statement) continue;
      for (const RootStatement::Use& read : other.reads) {
        if (read.buffer != write.buffer) continue;
        return absl::InvalidArgumentError(absl::StrCat("the same loops compute stage ", write.stage,
                                                       ", which stage ", read.stage,
                                                       " reads in each call"));
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool HasPacked(const Program& program) {
  return std::any_of(program.buffers.begin(), program.buffers.end(),
                     [](const Buffer& buffer) { return buffer.access == Access::kPacked; });
}

absl::Status CheckPacked(const Program& program) {
  if (!HasPacked(program) || !program.body) return absl::OkStatus();
  std::vector<RootStatement> statements;
  if (const auto* sequence = program.body.As<Sequence>()) {
    for (const Stmt& s : sequence->stmts) statements.emplace_back(s);
  } else {
    statements.emplace_back(program.body);
  }
  for (const RootStatement& statement : statements) {
    bool prepared = std::any_of(
        statement.writes.begin(), statement.writes.end(),
        [&](const RootStatement::Use& write) { return IsPacked(program, write.buffer); });
    if (prepared) RETURN_IF_ERROR(CheckStatement(program, statement, statements));
  }
  return absl::OkStatus();
}

}  // namespace lathe
