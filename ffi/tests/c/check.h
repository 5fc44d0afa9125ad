/* What the C tests share: a check that counts and prints, and the last line of a program. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

#include "patchstream.h"

static int failures;

#define CHECK(condition)                                                                            \
  do {                                                                                              \
    if (!(condition)) {                                                                             \
      printf("line %d: %s (last error: %s)\n", __LINE__, #condition, patchstream_last_error());      \
      failures++;                                                                                   \
    }                                                                                               \
  } while (0)

/* Prints how many checks failed; the exit status. */
static int report(const char *name) {
  printf("%s: %d failures\n", name, failures);
  return failures == 0 ? 0 : 1;
}

#endif
