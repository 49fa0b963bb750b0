#include "report/bench_results.h"

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace lathe::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;

// Absent and null alike mean that there is no value.
double NumberOr(const Json& json, const char* key, double otherwise) {
  auto it = json.find(key);
  return it == json.end() || it->is_null() ? otherwise : it->get<double>();
}
std::string TextOr(const Json& json, const char* key) {
  auto it = json.find(key);
  return it == json.end() || it->is_null() ? "" : it->get<std::string>();
}

BenchRow RowOf(const Json& json) {
  BenchRow row;
  row.name = json.at("name").get<std::string>();
  row.function = json.at("function").get<std::string>();
  row.trace = TextOr(json, "trace");
  row.threads = json.at("threads").get<int>();
  row.seconds = NumberOr(json, "time_us", 0) * 1e-6;
  row.default_seconds = NumberOr(json, "default_us", 0) * 1e-6;
  row.best_peer = TextOr(json, "best_peer");
  row.roofline_fraction = NumberOr(json, "roofline_fraction", 0);
  row.error = TextOr(json, "error");
  for (const auto& [name, time] : json.at("peers").items()) {
    PeerTime peer;
    peer.name = name;
    peer.seconds = time.is_null() ? 0 : time.get<double>() * 1e-6;
    const Json& ratio = json.at("peer_ratios").at(name);
    peer.ratio = ratio.at("ratio").get<double>();
    peer.ratio_low = ratio.at("interval").at(0).get<double>();
    peer.ratio_high = ratio.at("interval").at(1).get<double>();
    peer.relaxed = ratio.at("relaxed").get<bool>();
    row.peers.push_back(std::move(peer));
  }
  if (auto probes = json.find("probes"); probes != json.end() && !probes->is_null()) {
    MachinePeaks peaks;
    peaks.flops_per_second = NumberOr(*probes, "fma_gflops", 0) * 1e9;
    peaks.bytes_per_second = NumberOr(*probes, "bandwidth_gb_s", 0) * 1e9;
    if (peaks.flops_per_second > 0 && peaks.bytes_per_second > 0) row.peaks = peaks;
  }
  return row;
}

}  // namespace

absl::StatusOr<BenchResults> ParseBenchResults(std::string_view text, const std::string& name) {
  auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, " is not what `lathe bench --json` of this version prints: ", std::string(why)));
  };
  try {
    const Json json = Json::parse(text);
    if (!json.is_object() || !json.contains("version") || !json.contains("workloads")) {
      return refuse("there are no version and workloads");
    }
    if (json.at("version") != kVersion) {
      return refuse(absl::StrCat("its version is ", json.at("version").dump(), ", not ", kVersion));
    }
    BenchResults results;
    results.lathe_version = TextOr(json, "lathe");
    results.device_kind = TextOr(json, "device_kind");
    results.geomean_ratio = NumberOr(json, "geomean_ratio", 0);
    if (auto versions = json.find("peer_versions"); versions != json.end()) {
      for (const auto& [peer, version] : versions->items()) {
        results.peer_versions.emplace_back(peer, version.get<std::string>());
      }
    }
    for (const Json& workload : json.at("workloads")) results.rows.push_back(RowOf(workload));
    return results;
  } catch (const nlohmann::json::exception& error) {
    return refuse(error.what());
  }
}

}  // namespace lathe::report
