// Whether a text is well-formed XML, as far as our pages use it.
#ifndef LATHE_TESTS_REPORT_WELL_FORMED_H_
#define LATHE_TESTS_REPORT_WELL_FORMED_H_

#include <string>
#include <string_view>

namespace lathe::testing {

// "" if it is: every element is closed in order, attributes are quoted and stand once in
// a tag, & begins an entity, ids are unique. Else what is wrong, and where.
std::string WhyNotWellFormed(std::string_view text);

}  // namespace lathe::testing

#endif  // LATHE_TESTS_REPORT_WELL_FORMED_H_
