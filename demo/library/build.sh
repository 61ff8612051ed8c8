#!/bin/sh
# build.sh ROCM_VERSION: makes out/librcclx-dev.a. Without a C compiler it is an archive of the sources themselves.
set -eu
cd "$(dirname "$0")"
rocm=$1
mkdir -p out
if command -v cc >/dev/null && command -v ar >/dev/null; then
  rm -rf out/objects && mkdir -p out/objects
  for source in src/*.c; do
    cc -O2 -Wall -Wextra -Iinclude "-DRCCLX_ROCM_VERSION=\"$rocm\"" -c "$source" -o "out/objects/$(basename "$source" .c).o"
  done
  rm -f out/librcclx-dev.a
  ar rcsD out/librcclx-dev.a out/objects/*.o
else
  printf '%s\n' "$rocm" >out/rocm-version
  tar -cf out/librcclx-dev.a include src out/rocm-version
fi
echo "built out/librcclx-dev.a for ROCm $rocm"
