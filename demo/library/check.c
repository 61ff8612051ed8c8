/* Linked against a fetched librcclx-dev.a: says which one it is, and that it works. */
#include "rcclx.h"

#include <stdio.h>

int main(void) {
  double a[] = {1, 2, 3}, b[] = {10, 20, 30};
  double *buffers[] = {a, b};
  rcclx_group group = {2, 3, buffers};
  if (rcclx_all_reduce_sum(&group) != 0 || a[2] != 33 || b[0] != 11) return 1;
  printf("rcclx %s for ROCm %s: all-reduce works\n", rcclx_version(), rcclx_rocm_version());
  return 0;
}
