// What every plug-in written in C++ shares: the C interface (bench/peer.h) on one
// side, closures and exceptions on the other.
#ifndef LATHE_BENCH_PEERS_PLUGIN_H_
#define LATHE_BENCH_PEERS_PLUGIN_H_

#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peer.h"

namespace lathe::peers {

// One way of computing the problem. `open` binds it and returns what is timed;
// both may throw, which counts as a failure of this variant alone.
struct Variant {
  std::string name;  // "", "[P]"
  std::function<std::function<void()>()> open;
  uint32_t flags = 0;
};

// A problem as plug-ins see it.
class Problem {
 public:
  explicit Problem(const lathe_peer_problem* problem) : problem_(*problem) {
    for (int32_t i = 0; i < problem->num_tensors; ++i) {
      const lathe_peer_tensor& tensor = problem->tensors[i];
      (tensor.role == LATHE_PEER_OUTPUT ? outputs_ : inputs_).push_back(&tensor);
    }
  }

  bool Is(std::string_view op) const { return op == problem_.op; }
  // A parameter as it is written: "64", "nhwc"; empty when the operator has none of that name.
  std::string_view Word(std::string_view name) const {
    for (int32_t i = 0; i < problem_.num_parameters; ++i) {
      if (name == problem_.parameters[i].name) return problem_.parameters[i].value;
    }
    return "";
  }
  double Number(std::string_view name, double otherwise = 0) const {
    const std::string word(Word(name));
    return word.empty() ? otherwise : std::strtod(word.c_str(), nullptr);
  }
  int64_t Integer(std::string_view name, int64_t otherwise = 0) const {
    return static_cast<int64_t>(Number(name, static_cast<double>(otherwise)));
  }
  bool Flag(std::string_view name) const { return Word(name) == "1"; }
  // Whether every tensor has elements of this type.
  bool All(std::string_view type) const {
    for (int32_t i = 0; i < problem_.num_tensors; ++i) {
      if (type != problem_.tensors[i].type) return false;
    }
    return true;
  }
  const std::vector<const lathe_peer_tensor*>& inputs() const { return inputs_; }
  const std::vector<const lathe_peer_tensor*>& outputs() const { return outputs_; }

 private:
  const lathe_peer_problem& problem_;
  std::vector<const lathe_peer_tensor*> inputs_, outputs_;
};

inline std::vector<int64_t> Shape(const lathe_peer_tensor& tensor) {
  return {tensor.shape, tensor.shape + tensor.rank};
}
inline const float* Floats(const lathe_peer_tensor& tensor) {
  return static_cast<const float*>(tensor.data);
}
inline float* MutableFloats(const lathe_peer_tensor& tensor) {
  return static_cast<float*>(tensor.data);
}
inline int64_t Elements(const lathe_peer_tensor& tensor) {
  int64_t n = 1;
  for (int32_t d = 0; d < tensor.rank; ++d) n *= tensor.shape[d];
  return n;
}

inline void Copy(char* to, size_t capacity, const char* text) {
  std::strncpy(to, text, capacity - 1);
  to[capacity - 1] = '\0';
}

// The body of lathe_peer.open.
inline int32_t OpenVariants(const std::vector<Variant>& variants, lathe_peer_runner* runners,
                            int32_t capacity) {
  int32_t count = 0;
  for (const Variant& variant : variants) {
    if (count == capacity) break;
    lathe_peer_runner& runner = runners[count++] = {};
    Copy(runner.variant, sizeof(runner.variant), variant.name.c_str());
    runner.flags = variant.flags;
    try {
      using Run = std::function<void()>;
      runner.state = new Run(variant.open());
      runner.destroy = [](void* state) { delete static_cast<Run*>(state); };
      runner.run = [](void* state) -> int32_t {
        try {
          (*static_cast<Run*>(state))();
          return 0;
        } catch (const std::exception&) {
          return 1;
        }
      };
    } catch (const std::exception& error) {
      Copy(runner.error, sizeof(runner.error), error.what());
    }
  }
  return count;
}

}  // namespace lathe::peers

#endif  // LATHE_BENCH_PEERS_PLUGIN_H_
