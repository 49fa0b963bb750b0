#include "tuner/model_file.h"

#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "compiler/analysis/features.h"
#include "compiler/base/digest.h"
#include "compiler/base/source_error.h"
#include "compiler/base/status_macros.h"
#include "compiler/base/version.h"
#include "nlohmann/json.hpp"

namespace lathe {
namespace {

using Json = nlohmann::ordered_json;

// Followed by 64 hexadecimal digits and a newline. The number grows when what
// follows, or what scores are made of it, changes.
constexpr std::string_view kMagic = "lathe cost model 1 ";
constexpr size_t kDigestLength = 64;
constexpr char kTrainAgain[] = "; train it again with `lathe model train`";

Json ToJson(const RankingMetrics& metrics) {
  Json regrets = Json::array();
  for (const auto& [k, regret] : metrics.top_k_regret) {
    regrets.push_back({{"k", k}, {"regret", regret}});
  }
  return {{"tasks", metrics.tasks},
          {"rows", metrics.rows},
          {"rank_correlation", metrics.rank_correlation},
          {"top_k_regret", std::move(regrets)}};
}

RankingMetrics MetricsOf(const Json& json) {
  RankingMetrics metrics;
  metrics.tasks = json.at("tasks").get<int64_t>();
  metrics.rows = json.at("rows").get<int64_t>();
  metrics.rank_correlation = json.at("rank_correlation").get<double>();
  for (const Json& entry : json.at("top_k_regret")) {
    metrics.top_k_regret.emplace_back(entry.at("k").get<int>(), entry.at("regret").get<double>());
  }
  return metrics;
}

Json ToJson(const ModelInfo& info) {
  Json json = {{"feature_version", info.feature_version},
               {"features_hash", info.features_hash},
               {"lathe_version", info.lathe_version},
               {"rows", info.rows},
               {"groups", info.groups}};
  if (!info.held_out.empty()) json["held_out"] = info.held_out;
  if (info.metrics) json["metrics"] = ToJson(*info.metrics);
  return json;
}

// DataLoss when it is not what ToJson writes.
absl::StatusOr<ModelInfo> InfoOf(std::string_view line) {
  try {
    Json json = Json::parse(line);
    ModelInfo info;
    info.feature_version = json.at("feature_version").get<int>();
    info.features_hash = json.at("features_hash").get<std::string>();
    info.lathe_version = json.at("lathe_version").get<std::string>();
    info.rows = json.at("rows").get<int64_t>();
    info.groups = json.at("groups").get<int64_t>();
    if (json.contains("held_out")) info.held_out = json["held_out"].get<std::string>();
    if (json.contains("metrics")) info.metrics = MetricsOf(json["metrics"]);
    return info;
  } catch (const Json::exception&) {
    return absl::DataLossError("its description cannot be read");
  }
}

}  // namespace

std::string FeaturesHash() {
  std::string names;
  for (const std::string& name : FeatureNames()) absl::StrAppend(&names, name, "\n");
  return Sha256Hex(names);
}

absl::StatusOr<std::string> ModelFileText(const BoostedTrees& model, ModelInfo info) {
  ASSIGN_OR_RETURN(std::string bytes, model.Bytes());
  info.feature_version = kFeatureVersion;
  info.features_hash = FeaturesHash();
  info.lathe_version = LatheVersion();
  info.rows = model.rows();
  info.groups = model.groups();
  std::string body = absl::StrCat(ToJson(info).dump(), "\n", bytes);
  return absl::StrCat(ToAbsl(kMagic), Sha256Hex(body), "\n", body);
}

absl::StatusOr<ModelFile> ParseModelFile(std::string_view bytes, const std::string& path) {
  const size_t head = kMagic.size() + kDigestLength + 1;
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": this is not a cost model of this version of Lathe", kTrainAgain));
  }
  auto damaged = [&](absl::string_view why) {
    return absl::DataLossError(
        absl::StrCat(path, ": the cost model is damaged: ", why, kTrainAgain));
  };
  // Nothing that the digest does not cover reaches a parser.
  if (bytes.size() < head || bytes[head - 1] != '\n' ||
      Sha256Hex(bytes.substr(head)) != bytes.substr(kMagic.size(), kDigestLength)) {
    return damaged("its digest is another one");
  }
  std::string_view body = bytes.substr(head);
  size_t line = body.find('\n');
  if (line == std::string_view::npos) return damaged("there are no trees");
  absl::StatusOr<ModelInfo> info = InfoOf(body.substr(0, line));
  if (!info.ok()) return damaged(info.status().message());
  if (info->feature_version != kFeatureVersion || info->features_hash != FeaturesHash()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the cost model was trained by Lathe ", info->lathe_version,
                     " on features of version ", info->feature_version,
                     ", which this Lathe (features of version ", kFeatureVersion,
                     ") does not compute", kTrainAgain));
  }
  auto model = BoostedTrees::FromBytes(body.substr(line + 1), info->rows, info->groups);
  if (!model.ok()) return damaged(model.status().message());
  return ModelFile{*std::move(info), *std::move(model)};
}

absl::StatusOr<ModelFile> ReadModelFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string contents{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open()) {
    return absl::NotFoundError(absl::StrCat(path, ": no cost model can be read", kTrainAgain));
  }
  return ParseModelFile(contents, path);
}

absl::StatusOr<std::string> BoostedTrees::Serialize() const { return ModelFileText(*this, {}); }

absl::StatusOr<std::unique_ptr<CostModel>> ParseCostModel(std::string_view bytes,
                                                          const std::string& origin) {
  ASSIGN_OR_RETURN(ModelFile file, ParseModelFile(bytes, origin));
  return std::unique_ptr<CostModel>(std::move(file.model));
}

absl::StatusOr<std::unique_ptr<CostModel>> LoadCostModel(const std::string& path) {
  ASSIGN_OR_RETURN(ModelFile file, ReadModelFile(path));
  return std::unique_ptr<CostModel>(std::move(file.model));
}

}  // namespace lathe
