// lathe-measurer: measures kernels for a hub on the machine it runs on.
#include <pwd.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "measurer/daemon.h"
#include "measurer/device_probe.h"
#include "measurer/library_routines.h"

namespace lathe {
namespace {

struct Arguments {
  std::string hub, name, kind, cpus, token, data_directory, ca_file;
  std::vector<std::string> libraries;
  bool once = false, insecure = false, probe = false;
};

// The runner lies beside this program, or in libexec/lathe of the installation.
absl::StatusOr<std::string> FindRunner(const std::string& name) {
  const std::filesystem::path here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const std::filesystem::path& candidate : {here / name, here / "../libexec/lathe" / name}) {
    if (access(candidate.c_str(), X_OK) == 0) return candidate.lexically_normal().string();
  }
  return absl::NotFoundError(
      absl::StrCat(name, " is neither in ", here.string(), " nor in ../libexec/lathe"));
}

std::string DefaultDataDirectory() {
  if (const char* xdg = std::getenv("XDG_DATA_HOME"); xdg != nullptr && *xdg == '/') {
    return std::string(xdg) + "/lathe";
  }
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home == 0) {
    const passwd* user = getpwuid(getuid());
    home = user != nullptr ? user->pw_dir : "/var/lib";
  }
  return std::string(home) + "/.local/share/lathe";
}

bool IsLocal(const std::string& hub) {
  return absl::StartsWith(hub, "unix:") || absl::StartsWith(hub, "localhost:") ||
         absl::StartsWith(hub, "127.0.0.1:") || absl::StartsWith(hub, "[::1]:");
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> Credentials(const Arguments& arguments) {
  if (!arguments.ca_file.empty()) {
    std::ifstream file(arguments.ca_file);
    std::stringstream text;
    text << file.rdbuf();
    if (!file.good() || text.str().empty()) {
      return absl::NotFoundError(absl::StrCat("cannot read ", arguments.ca_file));
    }
    grpc::SslCredentialsOptions ssl;
    ssl.pem_root_certs = text.str();
    return grpc::SslCredentials(ssl);
  }
  if (IsLocal(arguments.hub) || arguments.insecure) return grpc::InsecureChannelCredentials();
  return absl::InvalidArgumentError(
      absl::StrCat(arguments.hub,
                   " is not this machine: name the hub's certificate authority with "
                   "--ca, or allow plain text with --insecure"));
}

uint64_t PhysicalMemoryBytes() {
  return static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
}

// SIGTERM and SIGINT drain; a second one ends the current trial as well. They are
// blocked in every thread and taken here.
class SignalThread {
 public:
  explicit SignalThread(MeasurerDaemon* daemon) : thread_([this, daemon] { Wait(daemon); }) {}
  ~SignalThread() {
    done_ = true;
    thread_.join();
  }
  static sigset_t Signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    return set;
  }

 private:
  void Wait(MeasurerDaemon* daemon) {
    const sigset_t set = Signals();
    int received = 0;
    while (!done_) {
      const timespec tick = {0, 100'000'000};
      if (sigtimedwait(&set, nullptr, &tick) < 0) continue;
      spdlog::info(received == 0 ? "draining" : "stopping");
      if (received++ == 0) {
        daemon->Drain();
      } else {
        daemon->Stop();
      }
    }
  }
  std::atomic<bool> done_{false};
  std::thread thread_;
};

absl::Status Serve(const Arguments& arguments) {
  v1::Device device = ProbeDevice(arguments.name, arguments.kind);
  if (arguments.probe) {
    std::fputs(device.DebugString().c_str(), stdout);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(std::string uuid, PersistentUuid(arguments.data_directory));
  device.set_uuid(uuid);
  ExecutorOptions executor;
  // Here too, so that a library that is not there is our error and not the runner's.
  RETURN_IF_ERROR(OpenLibraries(arguments.libraries).status());
  executor.runner.libraries = arguments.libraries;
  ASSIGN_OR_RETURN(
      executor.runner.executable,
      FindRunner(arguments.libraries.empty() ? "lathe-runner" : "lathe-runner-libraries"));
  executor.runner.address_space_bytes = PhysicalMemoryBytes() / 4 * 3;
  executor.runner.largest_cache_bytes = LargestCacheBytes(device);
  if (!arguments.cpus.empty()) {
    ASSIGN_OR_RETURN(executor.cpus, ParseCpuList(arguments.cpus));
  }
  ASSIGN_OR_RETURN(std::shared_ptr<grpc::ChannelCredentials> credentials, Credentials(arguments));

  v1::Hello hello;
  hello.set_protocol_version(1);
  hello.set_lathe_version(LatheVersion());
  *hello.mutable_device() = std::move(device);
  hello.set_slots(2);  // one in work, one waiting
  hello.set_token(arguments.token);

  grpc::ChannelArguments channel_arguments;
  channel_arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  channel_arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  channel_arguments.SetMaxReceiveMessageSize(256 << 20);
  channel_arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  std::shared_ptr<grpc::Channel> channel =
      grpc::CreateCustomChannel(arguments.hub, credentials, channel_arguments);

  MeasurerDaemon daemon({.hub = arguments.hub, .once = arguments.once}, std::move(executor),
                        std::move(hello));
  SignalThread signals(&daemon);
  return daemon.Run(channel);
}

int Main(int argc, char** argv) {
  // Before any thread exists, so that all of them inherit it.
  const sigset_t signals = SignalThread::Signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  spdlog::set_default_logger(spdlog::stderr_color_mt("lathe-measurer"));

  Arguments arguments;
  CLI::App app("Measures kernels for a Lathe hub on this machine.");
  app.add_option("--hub", arguments.hub, "address of the hub: unix:/path or host:port");
  app.add_option("--name", arguments.name, "name of this device (default: the host's)");
  app.add_option("--kind", arguments.kind, "name of its kind, instead of what the probe finds");
  app.add_option("--cpus", arguments.cpus, "CPUs to measure on, such as 0-3 (default: any)");
  app.add_option("--token", arguments.token, "what the hub knows us by");
  app.add_option("--data-dir", arguments.data_directory, "where the device's UUID is kept");
  app.add_option("--ca", arguments.ca_file, "certificate authority of the hub (PEM); uses TLS");
  app.add_option("--library", arguments.libraries,
                 "library that candidates may call, such as libopenblas.so.0 (default: none)")
      ->allow_extra_args(false);
  app.add_flag("--insecure", arguments.insecure, "allow plain text to another machine");
  app.add_flag("--once", arguments.once, "leave when the hub goes");
  app.add_flag("--probe", arguments.probe, "print what this device is, and leave");
  app.set_version_flag("--version", std::string(LatheVersion()));
  try {
    app.parse(argc, argv);
    if (arguments.hub.empty() && !arguments.probe) throw CLI::RequiredError("--hub");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (arguments.data_directory.empty()) arguments.data_directory = DefaultDataDirectory();
  absl::Status served = Serve(arguments);
  if (served.ok()) return 0;
  spdlog::error("{}", std::string(served.message()));
  return absl::IsUnavailable(served) ? 1 : 2;
}

}  // namespace
}  // namespace lathe

int main(int argc, char** argv) { return lathe::Main(argc, argv); }
