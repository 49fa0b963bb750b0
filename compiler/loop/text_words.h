// The words of the text form of loop programs, shared by printer and parser.
#ifndef LATHE_COMPILER_LOOP_TEXT_WORDS_H_
#define LATHE_COMPILER_LOOP_TEXT_WORDS_H_

#include <string_view>

#include "compiler/loop/program.h"

namespace lathe {

// "parallel", "mask", "workspace"; serial loops have no word in the text.
std::string_view Name(LoopKind kind);
std::string_view Name(Tail tail);
std::string_view Name(Scope scope);
// "in", "const", "out"; empty for buffers that are no arguments.
std::string_view Name(Access access);

// Whether a loop, stage, buffer or program may have this name: letters, digits
// and `_`, with dots inside; not a digit first; no word of the language.
bool IsProgramName(std::string_view name);

}  // namespace lathe

#endif  // LATHE_COMPILER_LOOP_TEXT_WORDS_H_
