#ifndef RCCLX_H
#define RCCLX_H

#include <stddef.h>

/* A small collective-communication library over ranks that live in one process. */

typedef struct {
  int rank_count;
  size_t length;
  double **buffers; /* one of `length` values for each rank */
} rcclx_group;

/* Every function returns 0, or -1 for arguments that cannot be used. */
int rcclx_all_reduce_sum(const rcclx_group *group);
int rcclx_all_gather(const rcclx_group *group, double *gathered);
int rcclx_broadcast(const rcclx_group *group, int root);
int rcclx_ring_next(int rank, int rank_count);

const char *rcclx_version(void);
const char *rcclx_rocm_version(void);

#endif
