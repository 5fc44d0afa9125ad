// What the examples' test programs share: a list of tests, checks with sentences, a main that runs them all.
//
// Not here: any test. Include it once a program.

#ifndef EXAMPLES_CHECK_HPP
#define EXAMPLES_CHECK_HPP

#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

inline std::vector<std::pair<const char *, void (*)()>> &tests() {
  static std::vector<std::pair<const char *, void (*)()>> list;
  return list;
}
#define TEST(name)                                                                                                    \
  void name();                                                                                                        \
  [[maybe_unused]] const bool name##_is_listed = (tests().push_back({#name, name}), true);                            \
  void name()

inline void check(bool holds, const std::string &what) {
  if (!holds) throw std::runtime_error(what);
}

inline std::string number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.17g", value);
  return buffer;
}

inline void check_close(double got, double wanted, double tolerance, const std::string &what) {
  check(std::fabs(got - wanted) <= tolerance, what + ": " + number(got) + ", expected " + number(wanted));
}

inline int run_tests() {
  int failed = 0;
  for (const auto &test : tests()) {
    std::printf("%s ... ", test.first);
    std::fflush(stdout);
    try {
      test.second();
      std::printf("ok\n");
    } catch (const std::exception &error) {
      std::printf("FAILED: %s\n", error.what());
      ++failed;
    }
  }
  return failed == 0 ? 0 : 1;
}

#endif
