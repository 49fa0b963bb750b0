// How much a test of many cases does.
#ifndef LATHE_TESTS_TESTING_EFFORT_H_
#define LATHE_TESTS_TESTING_EFFORT_H_

namespace lathe {

// Builds with checks verify programs after every step, under sanitizers tens of times
// slower: they take a share of the cases that release builds take.
#ifdef NDEBUG
inline constexpr bool kAllCases = true;
#else
inline constexpr bool kAllCases = false;
#endif

}  // namespace lathe

#endif  // LATHE_TESTS_TESTING_EFFORT_H_
