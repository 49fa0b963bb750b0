// Ctrl-C during a long command.
#ifndef LATHE_CLI_INTERRUPT_H_
#define LATHE_CLI_INTERRUPT_H_

#include "tuner/cancellation.h"

namespace lathe::cli {

// Requested by the first SIGINT or SIGTERM from now on; one that comes a second or more
// after it ends the process (Interruptions).
const Cancellation& StopOnSignals();

}  // namespace lathe::cli

#endif  // LATHE_CLI_INTERRUPT_H_
