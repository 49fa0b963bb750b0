#include "bench/report.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace lathe {
namespace {

using Json = nlohmann::ordered_json;

// Microseconds; null for a time that there is not.
Json Microseconds(double seconds) { return seconds > 0 ? Json(seconds * 1e6) : Json(nullptr); }
Json Interval(const RatioEstimate& ratio) { return Json::array({ratio.low, ratio.high}); }

Json ToJson(const WorkloadResult& result) {
  Json json;
  json["name"] = result.name;
  json["function"] = result.spec;
  json["trace"] = result.origin;
  json["threads"] = result.threads;
  json["time_us"] = Microseconds(result.seconds);
  json["default_us"] = Microseconds(result.default_seconds);
  json["naive_us"] = Microseconds(result.naive_seconds);
  json["beside"] = Json::array();
  for (const BesideResult& other : result.beside) {
    json["beside"].push_back({{"trace", other.origin},
                              {"time_us", Microseconds(other.seconds)},
                              {"ratio", other.error.empty() ? Json(other.ratio.ratio) : Json()},
                              {"interval", other.error.empty() ? Interval(other.ratio) : Json()},
                              {"error", other.error.empty() ? Json() : Json(other.error)}});
  }
  Json peers = Json::object(), ratios = Json::object(), rejected = Json::object();
  for (const PeerResult& peer : result.peers) {
    if (peer.error.empty()) {
      peers[peer.name] = Microseconds(peer.seconds);
      ratios[peer.name] = {{"ratio", peer.ratio.ratio},
                           {"interval", Interval(peer.ratio)},
                           {"relaxed", peer.relaxed}};
    } else {
      rejected[peer.name] = peer.error;
    }
  }
  json["peers"] = std::move(peers);
  const bool compared = !result.best_peer.empty();
  json["best_peer"] = compared ? Json(result.best_peer) : Json(nullptr);
  json["ratio_to_best_peer"] = compared ? Json(result.best_ratio.ratio) : Json(nullptr);
  json["interval"] = compared ? Interval(result.best_ratio) : Json(nullptr);
  json["peer_ratios"] = std::move(ratios);
  json["rejected_peers"] = std::move(rejected);
  const bool timed = result.seconds > 0;
  json["roofline_fraction"] = timed ? Json(result.roofline_fraction) : Json(nullptr);
  json["flops"] = result.work.flops;
  json["bytes"] = result.work.bytes;
  json["gflops"] = timed ? Json(result.work.flops / result.seconds * 1e-9) : Json(nullptr);
  json["probes"] = timed ? Json{{"fma_gflops", result.peak_flops * 1e-9},
                                {"bandwidth_gb_s", result.bandwidth * 1e-9}}
                         : Json(nullptr);
  json["rounds"] = result.rounds;
  json["error"] = result.error.empty() ? Json(nullptr) : Json(result.error);
  json["notes"] = result.notes;
  return json;
}

// One aligned line: who, time, what that is.
std::string Line(const std::string& name, double seconds, const std::string& rest) {
  return absl::StrFormat("  %-22s %12.2f us  %s\n", name, seconds * 1e6, rest);
}

}  // namespace

Json ToJson(const BenchReport& report) {
  Json json;
  json["version"] = kBenchJsonVersion;
  json["lathe"] = report.lathe_version;
  json["device_kind"] = report.device_kind;
  json["cpus"] = report.cpus;
  json["threads"] = report.threads;
  json["seed"] = report.seed;
  Json versions = Json::object();
  for (const auto& [name, version] : report.peer_versions) versions[name] = version;
  json["peer_versions"] = std::move(versions);
  json["workloads"] = Json::array();
  for (const WorkloadResult& result : report.workloads) {
    json["workloads"].push_back(ToJson(result));
  }
  const double geomean = GeomeanRatio(report.workloads);
  json["geomean_ratio"] = geomean > 0 ? Json(geomean) : Json(nullptr);
  return json;
}

std::string PeerVersionsText(const BenchReport& report) {
  return absl::StrJoin(report.peer_versions, "; ", [](std::string* out, const auto& peer) {
    absl::StrAppend(out, peer.first, " ", peer.second);
  });
}

std::string ToText(const WorkloadResult& result) {
  std::string text = absl::StrCat(result.name, ", ", result.origin, ", ", result.threads,
                                  result.threads == 1 ? " thread\n" : " threads\n");
  if (!result.error.empty()) {
    absl::StrAppend(&text, "  no time: ", result.error, "\n");
    return text;
  }
  const Work& work = result.work;
  absl::StrAppend(&text, Line("lathe", result.seconds,
                              absl::StrFormat("%.1f GFLOP/s, %.1f GB/s, %.1f %% of the roofline",
                                              work.flops / result.seconds * 1e-9,
                                              work.bytes / result.seconds * 1e-9,
                                              result.roofline_fraction * 100)));
  if (result.default_seconds > 0) {
    absl::StrAppend(&text, Line("default", result.default_seconds,
                                absl::StrFormat("%.2fx", result.default_seconds / result.seconds)));
  }
  for (const BesideResult& other : result.beside) {
    if (!other.error.empty()) {
      absl::StrAppend(&text, "  ", other.origin, ": does not count: ", other.error, "\n");
      continue;
    }
    absl::StrAppend(&text, Line(other.origin, other.seconds,
                                absl::StrFormat("%.3fx [%.3f, %.3f]", other.ratio.ratio,
                                                other.ratio.low, other.ratio.high)));
  }
  if (result.naive_seconds > 0) {
    absl::StrAppend(&text, Line("naive", result.naive_seconds,
                                absl::StrFormat("%.1fx", result.naive_seconds / result.seconds)));
  }
  std::vector<const PeerResult*> peers;
  for (const PeerResult& peer : result.peers) peers.push_back(&peer);
  std::stable_sort(peers.begin(), peers.end(), [](const PeerResult* a, const PeerResult* b) {
    return a->error.empty() == b->error.empty() ? a->seconds < b->seconds : a->error.empty();
  });
  for (const PeerResult* peer : peers) {
    if (!peer->error.empty()) {
      absl::StrAppend(&text, "  ", peer->name, ": does not count: ", peer->error, "\n");
      continue;
    }
    absl::StrAppend(
        &text, Line(peer->name, peer->seconds,
                    absl::StrFormat("%.3fx [%.3f, %.3f]%s%s", peer->ratio.ratio, peer->ratio.low,
                                    peer->ratio.high, peer->relaxed ? ", relaxed" : "",
                                    peer->name == result.best_peer ? "  best" : "")));
  }
  absl::StrAppend(
      &text, absl::StrFormat("  machine: %.1f GFLOP/s, %.1f GB/s on this mix; %d rounds\n",
                             result.peak_flops * 1e-9, result.bandwidth * 1e-9, result.rounds));
  for (const std::string& note : result.notes) absl::StrAppend(&text, "  ", note, "\n");
  return text;
}

}  // namespace lathe
