#include "tuner/transfer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "compiler/base/status_macros.h"
#include "compiler/tensor/expr_visitor.h"
#include "tuner/cost_model.h"
#include "tuner/training_data.h"

namespace lathe {
namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();
// Tasks whose best record is looked at: reading them must stay a matter of milliseconds.
constexpr size_t kMaxTasks = 64;
// Tasks that teach a model, and records of each.
constexpr size_t kMaxTeachers = 48;
constexpr int64_t kMaxLessons = 256;

double AxesDistance(const std::vector<Axis>& a, const std::vector<Axis>& b) {
  if (a.size() != b.size()) return kFar;
  double distance = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    distance += std::abs(std::log2(static_cast<double>(a[i].extent)) -
                         std::log2(static_cast<double>(b[i].extent)));
  }
  return distance;
}

class ReductionAxes : public ExprVisitor {
 public:
  static std::vector<Axis> Of(const Stage& stage) {
    ReductionAxes visitor;
    visitor.Visit(stage.body);
    return std::move(visitor.axes_);
  }

 private:
  void VisitReduce(const Reduce& node) override {
    axes_.insert(axes_.end(), node.axes.begin(), node.axes.end());
    ExprVisitor::VisitReduce(node);
  }
  std::vector<Axis> axes_;
};

std::string SketchName(const std::string& decisions) {
  return decisions.substr(0, decisions.find(' '));
}

bool Names(const Space& space, const std::string& sketch) {
  return std::any_of(space.begin(), space.end(),
                     [&](const auto& candidate) { return candidate->name() == sketch; });
}

bool IsSameMachine(const Task& a, const Task& b) {
  return a.target == b.target && a.device_kind == b.device_kind && a.threads == b.threads &&
         a.accuracy == b.accuracy;
}

}  // namespace

double FunctionDistance(const Function& a, const Function& b) {
  if (a.stages.size() != b.stages.size()) return kFar;
  double distance = 0;
  for (size_t s = 0; s < a.stages.size(); ++s) {
    distance += AxesDistance(a.stages[s].axes, b.stages[s].axes);
    distance += AxesDistance(ReductionAxes::Of(a.stages[s]), ReductionAxes::Of(b.stages[s]));
  }
  return distance;
}

absl::StatusOr<std::vector<std::string>> TransferredDecisions(RecordStore& store, const Task& task,
                                                              const Space& space, int limit) {
  ASSIGN_OR_RETURN(Function function, ParseFunction(task.function_text, "the task"));
  ASSIGN_OR_RETURN(std::vector<Task> tasks, store.Tasks());
  struct Near {
    bool foreign = false;
    double distance = 0;
    const Task* task = nullptr;
  };
  std::vector<Near> near;
  for (const Task& other : tasks) {
    if (!IsSameMachine(other, task)) continue;
    if (other.function_text == task.function_text && other.regime == task.regime) continue;
    bool foreign = other.family_hash != task.family_hash;
    double distance = 0;
    if (!foreign) {
      absl::StatusOr<Function> parsed = ParseFunction(other.function_text, "a task");
      if (!parsed.ok()) continue;  // of a newer Lathe
      distance = FunctionDistance(function, *parsed);
    }
    near.push_back({foreign, distance, &other});
  }
  std::stable_sort(near.begin(), near.end(), [](const Near& a, const Near& b) {
    return std::make_pair(a.foreign, a.distance) < std::make_pair(b.foreign, b.distance);
  });
  if (near.size() > kMaxTasks) near.resize(kMaxTasks);
  std::vector<std::string> transferred;
  for (const Near& other : near) {
    if (std::ssize(transferred) >= limit) break;
    ASSIGN_OR_RETURN(std::optional<Record> best, store.Best(*other.task));
    if (!best || best->decisions.empty()) continue;
    if (!Names(space, SketchName(best->decisions))) continue;
    if (std::find(transferred.begin(), transferred.end(), best->decisions) == transferred.end()) {
      transferred.push_back(std::move(best->decisions));
    }
  }
  return transferred;
}

absl::StatusOr<std::string> TransferredModel(RecordStore& store, const Task& task, uint64_t seed) {
  ASSIGN_OR_RETURN(std::vector<Task> tasks, store.Tasks());
  std::vector<const Task*> teachers;
  for (const Task& other : tasks) {
    if (IsSameMachine(other, task) && other.function_text != task.function_text) {
      teachers.push_back(&other);
    }
  }
  std::stable_partition(teachers.begin(), teachers.end(),
                        [&](const Task* t) { return t->family_hash == task.family_hash; });
  if (teachers.size() > kMaxTeachers) teachers.resize(kMaxTeachers);
  std::set<std::string> groups;
  for (const Task* teacher : teachers) groups.insert(GroupOf(*teacher));
  TrainingDataOptions wanted;
  wanted.wants = [&](const Task& candidate) { return groups.contains(GroupOf(candidate)); };
  wanted.max_records_per_task = kMaxLessons;
  ASSIGN_OR_RETURN(TrainingData data, TrainingDataOf(store, wanted));
  std::unique_ptr<CostModel> model = NewBoostedTrees(seed);
  absl::Status trained = model->Train(data.rows);
  if (absl::IsFailedPrecondition(trained)) return "";
  RETURN_IF_ERROR(trained);
  return model->Serialize();
}

}  // namespace lathe
