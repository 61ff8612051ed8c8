#include "rcclx.h"

/* Ring all-reduce: each rank's chunk travels once around to be summed, and once more to be shared. */
int rcclx_all_reduce_sum(const rcclx_group *group) {
  if (group == NULL || group->rank_count < 1 || group->buffers == NULL) return -1;
  for (size_t at = 0; at < group->length; at++) {
    int rank = (int)(at % (size_t)group->rank_count);
    double sum = group->buffers[rank][at];
    for (int step = 1; step < group->rank_count; step++) {
      rank = rcclx_ring_next(rank, group->rank_count);
      sum += group->buffers[rank][at];
    }
    for (int step = 0; step < group->rank_count; step++) {
      group->buffers[rank][at] = sum;
      rank = rcclx_ring_next(rank, group->rank_count);
    }
  }
  return 0;
}
