#include "compiler/base/version.h"

namespace lathe {

const char* LatheVersion() { return LATHE_VERSION; }

}  // namespace lathe
