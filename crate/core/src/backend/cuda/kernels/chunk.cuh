// A block's view of its chunk, and sums in the order that all backends promise: 16 lanes (i mod 16) in order, in f64 with
// exact products, then folded by halves. Twin of crate/core/src/backend/cpu/pass.rs.
#pragma once
#include "noise.cuh"

// One thread's place in the chunk.
struct Place {
  // First of its elements, within the chunk and within the flat vectors.
  u32 first;
  u64 flat;
  u32 tensor, tile, quad;
  // Whether the tile holds anything. Flat vectors are padded to whole tiles, so the rest of it may be touched.
  bool live;
};

__device__ __forceinline__ Place place(const Chunk &chunk) {
  const u32 tile = threadIdx.x / 4, quad = threadIdx.x % 4, first = TILE * tile + 4 * quad;
  return Place{first, chunk.flat + first, chunk.tensor, chunk.start / TILE + tile, quad, TILE * tile < chunk.len};
}

// Four accesses of 16 bytes.
__device__ __forceinline__ void load(const float *from, const Place &at, Values &values) {
#pragma unroll
  for (u32 s = 0; s < 4; s++)
    *reinterpret_cast<float4 *>(&values.at[4 * s]) = *reinterpret_cast<const float4 *>(from + at.flat + 16 * s);
}

__device__ __forceinline__ void store(float *to, const Place &at, const Values &values) {
#pragma unroll
  for (u32 s = 0; s < 4; s++)
    *reinterpret_cast<float4 *>(to + at.flat + 16 * s) = *reinterpret_cast<const float4 *>(&values.at[4 * s]);
}

// passes::moved
__device__ __forceinline__ float moved(float scale, float u, float w) {
  return scale == 0.0f ? w : __fmaf_rn(scale, u, w);
}

// What a chunk keeps in shared memory: draws, and the factors of its products. Between two barriers a thread touches only
// elements of its own place.
struct alignas(16) Factors {
  float a[CHUNK];
  float b[CHUNK];
  double lanes[SUMS * LANES];
};

__device__ __forceinline__ void keep(float *factors, const Place &at, const Values &values) {
#pragma unroll
  for (u32 s = 0; s < 4; s++)
    *reinterpret_cast<float4 *>(factors + at.first + 16 * s) = *reinterpret_cast<const float4 *>(&values.at[4 * s]);
}

__device__ __forceinline__ void kept(const float *factors, const Place &at, Values &values) {
#pragma unroll
  for (u32 s = 0; s < 4; s++)
    *reinterpret_cast<float4 *>(&values.at[4 * s]) = *reinterpret_cast<const float4 *>(factors + at.first + 16 * s);
}

// The draw's elements, 0 where nothing is drawn.
__device__ __forceinline__ void noise(const Draw &draw, bool any, const Place &at, float *out) {
  if (any) {
    drawn(draw, at.tensor, at.tile, at.quad, out + at.first);
  } else {
    keep(out, at, Values{});
  }
}

// lanes::fold_lanes
__device__ __forceinline__ double folded(const double *lanes) {
  double sums[LANES];
#pragma unroll
  for (u32 i = 0; i < LANES; i++) sums[i] = lanes[i];
#pragma unroll
  for (u32 i = 0; i < 8; i++) sums[i] += sums[i + 8];
#pragma unroll
  for (u32 i = 0; i < 4; i++) sums[i] += sums[i + 4];
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// out ← a·b; for COUNT = 3: a·a, a·b, b·b. The whole block calls it.
template <u32 COUNT> __device__ __forceinline__ void total(Factors &factors, u32 len, double *out) {
  __syncthreads();
  if (threadIdx.x < COUNT * LANES) {
    const u32 which = threadIdx.x / LANES;
    const float *x = which < 2 ? factors.a : factors.b, *y = COUNT == 1 || which > 0 ? factors.b : factors.a;
    double sum = 0.0;
#pragma unroll 8
    for (u32 i = threadIdx.x % LANES; i < len; i += LANES)
      sum = __fma_rn(static_cast<double>(x[i]), static_cast<double>(y[i]), sum);
    factors.lanes[threadIdx.x] = sum;
  }
  __syncthreads();
  if (threadIdx.x < COUNT) out[threadIdx.x] = folded(factors.lanes + LANES * threadIdx.x);
}

// The next chunk's factors may be written once this one's have been read.
#define EACH_CHUNK(a, c) for (u32 c = blockIdx.x; c < (a).count; c += gridDim.x, __syncthreads())
#define EACH_ELEMENT(i) _Pragma("unroll") for (u32 i = 0; i < 16; i++)
