// Finds and loads peer plug-ins, and opens problems with them.
#ifndef LATHE_BENCH_PEER_LIBRARY_H_
#define LATHE_BENCH_PEER_LIBRARY_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/peer.h"

namespace lathe {

// An operator by name, with the value of every parameter: what peers understand.
struct OperatorCall {
  std::string name;
  std::vector<std::pair<std::string, std::string>> parameters;  // "m", "64"
};

// A tensor of a workload, as peers see it.
struct PeerTensor {
  std::string name, type;
  std::vector<int64_t> shape;
  int32_t role = LATHE_PEER_INPUT;
  void* data = nullptr;
};

// One way of a library to compute a problem; destroyed before the tensors.
class PeerRunner {
 public:
  PeerRunner(std::string name, const lathe_peer_runner& runner);
  PeerRunner(PeerRunner&& other) noexcept;
  PeerRunner& operator=(PeerRunner&&) = delete;
  ~PeerRunner();

  const std::string& name() const { return name_; }  // "onednn[P]"
  bool relaxed() const { return (runner_.flags & LATHE_PEER_RELAXED) != 0; }
  // Why it could not be opened; empty when it can run.
  std::string error() const { return runner_.run ? "" : runner_.error; }
  int32_t Run() { return runner_.run(runner_.state); }

 private:
  std::string name_;
  lathe_peer_runner runner_;
};

// What plug-ins are told when they are loaded.
struct PeerSettings {
  int threads = 1;
  std::string onnxruntime;  // the library of that name to load; empty: none
};

// A loaded plug-in. It stays in the process: libraries keep threads and
// generated code that do not survive dlclose.
class PeerLibrary {
 public:
  // Unavailable with the reason when it cannot be loaded or refuses to work here.
  static absl::StatusOr<PeerLibrary> Load(const std::string& path, const PeerSettings& settings);

  std::string name() const { return peer_->name; }
  std::string version() const { return peer_->version; }
  const std::string& path() const { return path_; }

  // Empty when the problem is not the library's.
  std::vector<PeerRunner> Open(const OperatorCall& op,
                               const std::vector<PeerTensor>& tensors) const;

 private:
  PeerLibrary(std::string path, const lathe_peer* peer) : path_(std::move(path)), peer_(peer) {}

  std::string path_;
  const lathe_peer* peer_;
};

// Where plug-ins stand: ../lib/lathe/peers of the folder of this program.
std::string PeerDirectory();

// What --against says: "all", "none", or names and paths of plug-ins, separated
// by commas. NotFound for a name without plug-in, with the names that exist.
// Those that refuse to work here are left out of "all", with a line in
// `refused`; asked for by name, that is an error. ONNX Runtime is one of "all" where
// its library is given, which is asking for it by name.
absl::StatusOr<std::vector<PeerLibrary>> LoadPeers(std::string_view against,
                                                   const PeerSettings& settings,
                                                   std::vector<std::string>* refused);

}  // namespace lathe

#endif  // LATHE_BENCH_PEER_LIBRARY_H_
