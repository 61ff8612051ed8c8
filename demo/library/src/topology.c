#include "rcclx.h"

int rcclx_ring_next(int rank, int rank_count) { return rank + 1 == rank_count ? 0 : rank + 1; }
