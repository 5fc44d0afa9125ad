/* Cutting patches out of a periodic field in C: a rank's part, the whole, the proteins around. Prints each check that
 * fails. */
#include <stddef.h>
#include <string.h>

#include "check.h"

enum { NX = 37 };

static void ranks_cut_their_parts_of_a_window(void) {
  enum { GRID = 48, HALF = GRID / 2, C = 2 };
  static double planes[C][GRID * GRID];
  static float whole[NX * NX * C], sum[NX * NX * C];
  for (int i = 0; i < C * GRID * GRID; i++) planes[i / (GRID * GRID)][i % (GRID * GRID)] = i * 0.25;
  const void *pointers[C] = {planes[0], planes[1]};
  patchstream_field field = {sizeof field, PATCHSTREAM_F64, GRID, GRID, C, 0, 0, 0, 0, NULL, pointers};
  const int64_t grid[2] = {GRID, GRID}, zero[2] = {0, 0};
  const double position[2] = {0.3, 39.0};
  int64_t low[2] = {0, 0};
  double center[2] = {0, 0};
  CHECK(patchstream_window(position, grid, 30.0 / 36, NX, NX, low, center) == PATCHSTREAM_OK);
  size_t filled = 0;
  CHECK(patchstream_cut(&field, zero, grid, low, NX, NX, whole, &filled) == PATCHSTREAM_OK);
  CHECK(filled == NX * NX);
  size_t total = 0;
  for (int rank = 0; rank < 2; rank++) {
    const int64_t owned_low[2] = {0, rank * HALF};
    const void *part[C] = {planes[0] + rank * HALF * GRID, planes[1] + rank * HALF * GRID};
    patchstream_field half = {sizeof half, PATCHSTREAM_F64, GRID, HALF, C, 0, 0, 0, 0, NULL, part};
    static float window[NX * NX * C];
    memset(window, 0, sizeof window);
    CHECK(patchstream_cut(&half, owned_low, grid, low, NX, NX, window, &filled) == PATCHSTREAM_OK);
    total += filled;
    for (int i = 0; i < NX * NX * C; i++) sum[i] += window[i];
  }
  CHECK(total == NX * NX);
  CHECK(memcmp(sum, whole, sizeof whole) == 0);
  CHECK(patchstream_cut(&field, zero, grid, low, NX, NX, NULL, NULL) == PATCHSTREAM_ERR_ARGUMENT);
  CHECK(patchstream_cut(&field, NULL, grid, low, NX, NX, whole, NULL) == PATCHSTREAM_ERR_ARGUMENT);

  const patchstream_protein all[3] = {{1, 3, 1, 39.0, 1.0}, {2, 6, 0, 1.0, 1.0}, {3, 0, -1, 20.0, 20.0}};
  patchstream_protein near[3];
  const double box[2] = {40, 40}, at[2] = {0.0, 0.0};
  size_t found = 0;
  CHECK(patchstream_proteins_near(all, 3, box, at, 15, near, 3, &found) == PATCHSTREAM_OK);
  CHECK(found == 2 && near[0].x_nm * near[0].x_nm == 1 && near[0].partner == 1 && near[1].partner == 0);
  CHECK(patchstream_proteins_near(all, 3, box, at, 15, near, 1, &found) == PATCHSTREAM_ERR_ARGUMENT);
}

int main(void) {
  ranks_cut_their_parts_of_a_window();
  return report("cut_test");
}
