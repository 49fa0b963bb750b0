// lathe target: what generated code may use, and the device kind.
#include "absl/strings/str_join.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "compiler/base/status_macros.h"
#include "compiler/target/isa_tables.h"

namespace lathe::cli {
namespace {

struct Options {
  std::string target = "host";
  bool list = false, json = false;
};

absl::StatusOr<ExitCode> PrintTarget(const Options& options) {
  if (options.list) {
    if (options.json) {
      PrintJson(NamedTargets());
    } else {
      Print("host\n" + absl::StrJoin(NamedTargets(), "\n") + "\n");
    }
    return kSuccess;
  }
  ASSIGN_OR_RETURN(Target target, ParseTarget(options.target));
  if (!options.json) {
    Print(ToText(target) + "\n");
    return kSuccess;
  }
  Json json = {{"text", ToText(target)},
               {"architecture", Name(target.architecture)},
               {"tuning", target.tuning},
               {"vector_bits", target.vector_bits},
               {"vector_registers", target.vector_registers},
               {"l1_bytes", target.l1_bytes},
               {"l2_bytes", target.l2_bytes},
               {"l3_bytes", target.l3_bytes},
               {"cores", target.cores},
               {"features", target.features}};
  if (options.target == "host") json["device_kind"] = LocalDeviceKind();
  PrintJson(json);
  return kSuccess;
}

}  // namespace

Action AddTarget(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.add_option("TARGET", options->target, "host, a name of --list, or a target line")
      ->capture_default_str();
  app.add_flag("--list", options->list, "List the named targets");
  AddJsonOption(app, options->json);
  return [options] { return PrintTarget(*options); };
}

}  // namespace lathe::cli
