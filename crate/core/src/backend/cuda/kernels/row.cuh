// What passes over rows share: how a long vector is cut into chunks.
#pragma once
#include "chunk.cuh"

__device__ __forceinline__ Chunk cut(const Sweep &a, u32 c) {
  const u64 flat = static_cast<u64>(CHUNK) * c, left = a.size - flat;
  return Chunk{flat, 0, static_cast<u32>(flat), left < CHUNK ? static_cast<u32>(left) : CHUNK, 0};
}
