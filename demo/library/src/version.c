#include "rcclx.h"

#ifndef RCCLX_ROCM_VERSION
#define RCCLX_ROCM_VERSION "unknown"
#endif

const char *rcclx_version(void) { return "1.0"; }

const char *rcclx_rocm_version(void) { return RCCLX_ROCM_VERSION; }
