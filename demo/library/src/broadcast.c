#include "rcclx.h"

#include <string.h>

int rcclx_broadcast(const rcclx_group *group, int root) {
  if (group == NULL || group->buffers == NULL || root < 0 || root >= group->rank_count) return -1;
  for (int rank = 0; rank < group->rank_count; rank++) {
    if (rank != root) memcpy(group->buffers[rank], group->buffers[root], group->length * sizeof(double));
  }
  return 0;
}
