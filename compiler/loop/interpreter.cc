#include "compiler/loop/interpreter.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "compiler/base/status_macros.h"
#include "compiler/loop/evaluator.h"
#include "compiler/loop/stmt_code.h"

namespace lathe {
namespace {

// The elements of one buffer while the program runs.
struct Storage {
  std::vector<Cell> cells;
  std::vector<uint8_t> written;
};

// As Get and Set, but exact for an i64 beyond 2^53.
Cell CellAt(const TensorValue& value, int64_t index) {
  if (value.type != ScalarType::kI64) return CellOf(value.type, value.Get(index));
  Cell cell;
  std::memcpy(&cell.i, value.bytes.data() + index * sizeof cell.i, sizeof cell.i);
  return cell;
}

void SetCell(Cell cell, int64_t index, TensorValue* value) {
  if (value->type != ScalarType::kI64) return value->Set(index, ToDouble(value->type, cell));
  std::memcpy(value->bytes.data() + index * sizeof cell.i, &cell.i, sizeof cell.i);
}

class Machine : public ElementSource {
 public:
  Machine(const Program& program, const InterpretOptions& options)
      : program_(program), options_(options), random_(options.parallel_order_seed) {}

  absl::StatusOr<std::vector<TensorValue>> Run(absl::Span<const TensorValue> inputs);

  bool Load(int buffer, int64_t offset, Cell* value) override {
    const Storage& storage = storages_[buffer];
    if (!storage.written[offset]) return false;
    *value = storage.cells[offset];
    return true;
  }

 private:
  absl::Status Bind(absl::Span<const TensorValue> inputs);
  absl::StatusOr<std::vector<TensorValue>> Outputs() const;
  void Clear(int buffer);
  void Save(int buffer, int64_t offset, Cell value) {
    storages_[buffer].cells[offset] = value;
    storages_[buffer].written[offset] = 1;
  }

  // False after an error, which the evaluator holds.
  bool Execute(const StmtCode& s);
  bool ExecuteFor(const StmtCode& s);
  bool ExecuteStore(const StoreCode& store);
  bool Initialise(const InitCode& init);
  // The evaluator's error and where it happened.
  absl::Status Error() const;

  const Program& program_;
  const InterpretOptions& options_;
  std::mt19937_64 random_;
  ExprCode code_;
  Evaluator evaluator_{&code_, this, Evaluator::Arms::kBoth};
  std::vector<Storage> storages_;  // by buffer
  std::vector<std::pair<int64_t, Cell>> lanes_;
  const CodeOrigin* current_ = nullptr;  // of what runs now
};

absl::Status Machine::Bind(absl::Span<const TensorValue> inputs) {
  size_t next = 0;
  storages_.resize(program_.buffers.size());
  for (size_t b = 0; b < program_.buffers.size(); ++b) {
    const Buffer& buffer = program_.buffers[b];
    Clear(static_cast<int>(b));
    if (buffer.scope == Scope::kTable) {
      if (static_cast<int64_t>(buffer.values.size()) != buffer.NumElements()) {
        return absl::FailedPreconditionError(absl::StrCat("table ", buffer.name, " has ",
                                                          buffer.values.size(), " values for ",
                                                          buffer.NumElements(), " elements"));
      }
      for (size_t i = 0; i < buffer.values.size(); ++i) {
        Save(static_cast<int>(b), static_cast<int64_t>(i), CellOf(buffer.type, buffer.values[i]));
      }
    }
    if (buffer.access != Access::kInput && buffer.access != Access::kConst) continue;
    if (next == inputs.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat(program_.name, ": no value was given for ", buffer.name));
    }
    const TensorValue& input = inputs[next++];
    // Lowered programs flatten their buffers.
    bool same_shape = program_.lowered ? input.NumElements() == buffer.NumElements()
                                       : input.shape == buffer.shape;
    if (input.type != buffer.type || !same_shape) {
      return absl::InvalidArgumentError(
          absl::StrCat(program_.name, ": ", buffer.name, " is ", std::string(Name(buffer.type)),
                       "[", absl::StrJoin(buffer.shape, ", "), "] and was given ",
                       std::string(Name(input.type)), "[", absl::StrJoin(input.shape, ", "), "]"));
    }
    for (int64_t i = 0; i < input.NumElements(); ++i) {
      Save(static_cast<int>(b), i, CellAt(input, i));
    }
  }
  if (next != inputs.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(program_.name, " has ", next, " inputs and was given ", inputs.size()));
  }
  return absl::OkStatus();
}

void Machine::Clear(int buffer) {
  size_t elements = static_cast<size_t>(program_.buffers[buffer].NumElements());
  storages_[buffer].cells.resize(elements);
  storages_[buffer].written.assign(elements, 0);
}

absl::StatusOr<std::vector<TensorValue>> Machine::Outputs() const {
  std::vector<TensorValue> outputs;
  for (size_t b = 0; b < program_.buffers.size(); ++b) {
    const Buffer& buffer = program_.buffers[b];
    if (buffer.access != Access::kOutput) continue;
    TensorValue value = TensorValue::Zeros(buffer.type, buffer.shape);
    for (int64_t i = 0; i < value.NumElements(); ++i) {
      if (!storages_[b].written[i]) {
        return absl::FailedPreconditionError(
            absl::StrCat(program_.name, ": the output ",
                         evaluator_.Describe(static_cast<int>(b), i), " was never written"));
      }
      SetCell(storages_[b].cells[i], i, &value);
    }
    outputs.push_back(std::move(value));
  }
  return outputs;
}

absl::Status Machine::Error() const {
  if (current_ == nullptr) return evaluator_.status();
  std::vector<std::string> loops;
  for (const auto& [name, slot] : current_->loops) {
    loops.push_back(absl::StrCat(name, "=", evaluator_.slot(slot)));
  }
  std::string at = loops.empty() ? "" : absl::StrCat(" (at ", absl::StrJoin(loops, ", "), ")");
  return absl::Status(
      evaluator_.status().code(),
      absl::StrCat(program_.name, ": ", current_->what, " ", evaluator_.status().message(), at));
}

bool Machine::Initialise(const InitCode& init) {
  current_ = &init.origin;
  for (const CodeLoop& loop : init.loops) evaluator_.SetSlot(loop.slot, 0);
  while (true) {
    bool holds = true;
    for (int condition : init.conditions) holds = holds && evaluator_.EvalBool(condition);
    if (holds) {
      int64_t offset;
      if (!evaluator_.Locate(init.place, 0, "initialises", &offset)) return false;
      Save(init.place.buffer, offset, init.identity);
    }
    size_t d = init.loops.size();
    while (d-- > 0) {
      int slot = init.loops[d].slot;
      evaluator_.SetSlot(slot, evaluator_.slot(slot) + 1);
      if (evaluator_.slot(slot) < init.loops[d].extent) break;
      evaluator_.SetSlot(slot, 0);
    }
    if (d == static_cast<size_t>(-1)) return evaluator_.ok();
  }
}

bool Machine::ExecuteStore(const StoreCode& store) {
  current_ = &store.origin;
  int buffer = store.place.buffer;
  int64_t offset;
  if (store.role == StoreRole::kReduce) {
    if (store.predicate >= 0 && !evaluator_.EvalBool(store.predicate)) return evaluator_.ok();
    Cell value = evaluator_.Eval(store.value);
    if (!evaluator_.Locate(store.place, 0, "writes", &offset)) return false;
    Cell before;
    if (!Load(buffer, offset, &before)) {
      evaluator_.Fail(absl::FailedPreconditionError(absl::StrCat(
          "adds to ", evaluator_.Describe(buffer, offset), ", which was never initialised")));
      return false;
    }
    Save(buffer, offset, Combine(store.combiner, code_.buffers[buffer].type, before, value));
    return evaluator_.ok();
  }
  // A vector is computed whole before any lane is written.
  lanes_.clear();
  for (int lane = 0; lane < store.lanes; ++lane) {
    if (store.predicate >= 0 && !evaluator_.EvalBool(store.predicate, lane)) continue;
    Cell value = evaluator_.Eval(store.value, lane);
    if (!evaluator_.Locate(store.place, lane, "writes", &offset)) return false;
    lanes_.emplace_back(offset, value);
  }
  if (!evaluator_.ok()) return false;
  for (const auto& [at, value] : lanes_) Save(buffer, at, value);
  return true;
}

bool Machine::ExecuteFor(const StmtCode& s) {
  if (!s.parallel || options_.parallel_order_seed == 0) {
    for (int64_t i = 0; i < s.extent; ++i) {
      evaluator_.SetSlot(s.slot, i);
      if (!Execute(s.children.front())) return false;
    }
    return true;
  }
  std::vector<int64_t> order(static_cast<size_t>(s.extent));
  std::iota(order.begin(), order.end(), 0);
  // Fisher and Yates, with a draw that is the same on every platform.
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_() % i]);
  for (int64_t i : order) {
    evaluator_.SetSlot(s.slot, i);
    if (!Execute(s.children.front())) return false;
  }
  return true;
}

bool Machine::Execute(const StmtCode& s) {
  for (const InitCode& init : s.inits) {
    if (!Initialise(init)) return false;
  }
  switch (s.kind) {
    case StmtKind::kFor:
      return ExecuteFor(s);
    case StmtKind::kSequence:
      return std::all_of(s.children.begin(), s.children.end(),
                         [this](const StmtCode& child) { return Execute(child); });
    case StmtKind::kStore:
      return ExecuteStore(s.store);
    case StmtKind::kIf: {
      current_ = &s.origin;
      bool condition = evaluator_.EvalBool(s.condition);
      if (!evaluator_.ok()) return false;
      return !condition || Execute(s.children.front());
    }
    case StmtKind::kAllocate:
      Clear(s.buffer);
      return Execute(s.children.front());
    case StmtKind::kPrefetch:
    case StmtKind::kIntrinsic:
      break;
  }
  return false;
}

absl::StatusOr<std::vector<TensorValue>> Machine::Run(absl::Span<const TensorValue> inputs) {
  ASSIGN_OR_RETURN(StmtCode body, CompileBody(program_, &code_));
  evaluator_.ReserveSlots();
  RETURN_IF_ERROR(Bind(inputs));
  if (!Execute(body)) return Error();
  return Outputs();
}

}  // namespace

absl::StatusOr<std::vector<TensorValue>> Interpret(const Program& program,
                                                   absl::Span<const TensorValue> inputs,
                                                   const InterpretOptions& options) {
  return Machine(program, options).Run(inputs);
}

}  // namespace lathe
