#include "rcclx.h"

#include <string.h>

int rcclx_all_gather(const rcclx_group *group, double *gathered) {
  if (group == NULL || gathered == NULL || group->buffers == NULL) return -1;
  for (int rank = 0; rank < group->rank_count; rank++) {
    memcpy(gathered + (size_t)rank * group->length, group->buffers[rank], group->length * sizeof(double));
  }
  return 0;
}
