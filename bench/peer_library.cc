#include "bench/peer_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"

namespace lathe {
namespace {

constexpr std::string_view kPrefix = "lathe-peer-";
constexpr std::string_view kSuffix = ".so";
constexpr std::string_view kOnnxRuntime = "onnxruntime";
constexpr int32_t kMaxRunners = 8;

// Installed plug-ins, path by name.
std::map<std::string, std::string> InstalledPeers() {
  std::map<std::string, std::string> peers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(PeerDirectory(), error)) {
    std::string file = entry.path().filename().string();
    if (!file.starts_with(kPrefix) || !file.ends_with(kSuffix)) continue;
    peers[file.substr(kPrefix.size(), file.size() - kPrefix.size() - kSuffix.size())] =
        entry.path().string();
  }
  return peers;
}

std::string NamesOf(const std::map<std::string, std::string>& peers) {
  if (peers.empty()) return "none is installed";
  return absl::StrCat("there are ",
                      absl::StrJoin(peers, ", ", [](std::string* out, const auto& peer) {
                        absl::StrAppend(out, peer.first);
                      }));
}

absl::Status NoSuchPeer(std::string_view name, const std::map<std::string, std::string>& peers) {
  return absl::NotFoundError(absl::StrCat(
      "there is no peer '", ToAbsl(name), "' in ", PeerDirectory(), " (", NamesOf(peers), "); ",
      name == kOnnxRuntime
          ? "it is built where CMake finds onnxruntime_c_api.h: -DLATHE_ONNXRUNTIME_DIR=..."
          : "peers are built when their development packages are installed: deploy/packages "
            "--peers"));
}

}  // namespace

PeerRunner::PeerRunner(std::string name, const lathe_peer_runner& runner)
    : name_(std::move(name)), runner_(runner) {}

PeerRunner::PeerRunner(PeerRunner&& other) noexcept
    : name_(std::move(other.name_)), runner_(other.runner_) {
  other.runner_ = {};
}

PeerRunner::~PeerRunner() {
  if (runner_.destroy) runner_.destroy(runner_.state);
}

absl::StatusOr<PeerLibrary> PeerLibrary::Load(const std::string& path,
                                              const PeerSettings& settings) {
  // Local, as two of these libraries may define the same names (cblas_sgemm).
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return absl::UnavailableError(absl::StrCat("cannot load ", dlerror()));
  auto entry = reinterpret_cast<lathe_peer_entry_fn>(dlsym(handle, LATHE_PEER_ENTRY));
  if (!entry) {
    return absl::UnavailableError(
        absl::StrCat(path, " is no peer plug-in: it has no ", LATHE_PEER_ENTRY));
  }
  char error[LATHE_PEER_ERROR_BYTES] = "";
  lathe_peer_host host{LATHE_PEER_ABI, settings.threads, error,
                       settings.onnxruntime.empty() ? nullptr : settings.onnxruntime.c_str()};
  const lathe_peer* peer = entry(&host);
  if (!peer) {
    return absl::UnavailableError(
        absl::StrCat(path, " cannot be used here", error[0] ? ": " : "", error));
  }
  if (peer->abi != LATHE_PEER_ABI) {
    return absl::UnavailableError(absl::StrCat(path, " has version ", peer->abi,
                                               " of the plug-in interface, this program ",
                                               LATHE_PEER_ABI));
  }
  return PeerLibrary(path, peer);
}

std::vector<PeerRunner> PeerLibrary::Open(const OperatorCall& op,
                                          const std::vector<PeerTensor>& tensors) const {
  std::vector<lathe_peer_parameter> parameters;
  for (const auto& [name, value] : op.parameters)
    parameters.push_back({name.c_str(), value.c_str()});
  std::vector<lathe_peer_tensor> views;
  for (const PeerTensor& t : tensors) {
    views.push_back({t.name.c_str(), t.type.c_str(), t.shape.data(),
                     static_cast<int32_t>(t.shape.size()), t.role, t.data});
  }
  lathe_peer_problem problem{op.name.c_str(), parameters.data(),
                             static_cast<int32_t>(parameters.size()), views.data(),
                             static_cast<int32_t>(views.size())};
  lathe_peer_runner runners[kMaxRunners] = {};
  int32_t count = std::min(peer_->open(&problem, runners, kMaxRunners), kMaxRunners);
  std::vector<PeerRunner> result;
  result.reserve(kMaxRunners);
  for (int32_t i = 0; i < count; ++i) {
    runners[i].variant[sizeof(runners[i].variant) - 1] = '\0';
    runners[i].error[sizeof(runners[i].error) - 1] = '\0';
    result.emplace_back(absl::StrCat(peer_->name, runners[i].variant), runners[i]);
  }
  return result;
}

std::string PeerDirectory() {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "lib/lathe/peers").string();
}

absl::StatusOr<std::vector<PeerLibrary>> LoadPeers(std::string_view against,
                                                   const PeerSettings& settings,
                                                   std::vector<std::string>* refused) {
  std::vector<PeerLibrary> peers;
  if (against == "none") return peers;
  const std::map<std::string, std::string> installed = InstalledPeers();
  std::vector<std::string> wanted = absl::StrSplit(ToAbsl(against), ',', absl::SkipEmpty());
  if (against == "all") {
    wanted.clear();
    if (!settings.onnxruntime.empty()) wanted.emplace_back(kOnnxRuntime);
  }
  for (const std::string& name : wanted) {
    std::string path = name;
    if (name.find('/') == std::string::npos) {
      auto it = installed.find(name);
      if (it == installed.end()) return NoSuchPeer(name, installed);
      path = it->second;
    }
    ASSIGN_OR_RETURN(PeerLibrary peer, PeerLibrary::Load(path, settings));
    peers.push_back(std::move(peer));
  }
  if (against != "all") return peers;
  for (const auto& [name, path] : installed) {
    if (name == kOnnxRuntime) continue;
    absl::StatusOr<PeerLibrary> peer = PeerLibrary::Load(path, settings);
    if (peer.ok()) {
      peers.push_back(*std::move(peer));
    } else {
      refused->emplace_back(peer.status().message());
    }
  }
  return peers;
}

}  // namespace lathe
