// SPDX-License-Identifier: Apache-2.0
// All that a native test program needs: TEST(what) { … } bodies with EXPECT(condition, values to show…), run by main().
// Each prints a line; the last line counts, as tests/run.mjs reads it.
#pragma once
#include <iostream>
#include <vector>

namespace pf_test {

struct Test {
  const char* name;
  void (*body)();
};
inline std::vector<Test> tests;
inline int faults = 0;

template <class... Values>
void expect(bool ok, const char* file, int line, const char* condition, const Values&... values) {
  if (ok) return;
  ++faults;
  std::cout << file << ":" << line << ": not so: " << condition;
  ((std::cout << "  [" << values << "]"), ...);
  std::cout << "\n";
}

}  // namespace pf_test

#define EXPECT(condition, ...) ::pf_test::expect((condition), __FILE__, __LINE__, #condition __VA_OPT__(, ) __VA_ARGS__)
#define PF_TEST_JOIN_(a, b) a##b
#define PF_TEST_JOIN(a, b) PF_TEST_JOIN_(a, b)
#define TEST(name)                                                               \
  static void PF_TEST_JOIN(test_, __LINE__)();                                   \
  static const bool PF_TEST_JOIN(entered_, __LINE__) =                           \
      (::pf_test::tests.push_back({name, PF_TEST_JOIN(test_, __LINE__)}), true); \
  static void PF_TEST_JOIN(test_, __LINE__)()

int main() {
  int failed = 0;
  for (const auto& test : pf_test::tests) {
    pf_test::faults = 0;
    test.body();
    std::cout << (pf_test::faults ? "FAIL " : "ok   ") << test.name << std::endl;
    failed += pf_test::faults != 0;
  }
  std::cout << int(pf_test::tests.size()) - failed << " passed, " << failed << " failed\n";
  return failed != 0;
}
