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

// One access of 16 bytes: what the thread has of the s-th 16 elements of its tile.
struct alignas(16) Quad {
  float at[4];
};

__device__ __forceinline__ Quad load(const float *from, const Place &at, u32 s) {
  return *reinterpret_cast<const Quad *>(from + at.flat + 16 * s);
}

__device__ __forceinline__ void store(float *to, const Place &at, u32 s, const Quad &values) {
  *reinterpret_cast<Quad *>(to + at.flat + 16 * s) = values;
}

// w ← passes::moved
__device__ __forceinline__ void move(float scale, const Values &u, Values &w) {
  if (scale != 0.0f) {
#pragma unroll
    for (u32 i = 0; i < 16; i++) w.at[i] = __fmaf_rn(scale, u.at[i], w.at[i]);
  }
}

// lanes::fold_lanes
__device__ __forceinline__ double folded(double *sums) {
#pragma unroll
  for (u32 i = 0; i < 8; i++) sums[i] += sums[i + 8];
#pragma unroll
  for (u32 i = 0; i < 4; i++) sums[i] += sums[i + 4];
  return (sums[0] + sums[2]) + (sums[1] + sums[3]);
}

// The products of a chunk in shared memory: exact, made by all threads, since converting to f64 takes longer than adding.
// In odd tiles lane l stands at l ^ 2: eight threads that store 16 bytes each then touch every bank once. Between two
// barriers a thread touches only what is of its own place.
struct alignas(16) Products {
  double at[CHUNK];
};

__device__ __forceinline__ u32 turned(u32 element) { return element >> 5 & 2; }

// The products of the s-th row of this thread's elements.
__device__ __forceinline__ void multiply(Products &products, const Place &at, u32 s, const float *x, const float *y) {
  double *row = products.at + at.first + 16 * s;
  const u32 turn = turned(at.first);
#pragma unroll
  for (u32 l = 0; l < 4; l += 2)
    *reinterpret_cast<double2 *>(row + (l ^ turn)) =
        double2{static_cast<double>(x[l]) * static_cast<double>(y[l]),
                static_cast<double>(x[l + 1]) * static_cast<double>(y[l + 1])};
}

__device__ __forceinline__ void multiply(Products &products, const Place &at, const Values &x, const Values &y) {
#pragma unroll
  for (u32 s = 0; s < 4; s++) multiply(products, at, s, x.at + 4 * s, y.at + 4 * s);
}

// The draw's elements, 0 where nothing is drawn.
__device__ __forceinline__ void noise(const Draw &draw, bool any, const Place &at, Products &room, Values &u) {
  if (any) {
    // Where the first pair of each row of its products will stand.
    float4 *own = reinterpret_cast<float4 *>(room.at + at.first + turned(at.first));
    drawn<LANES / 2>(draw, at.tensor, at.tile, at.quad, own, u);
  } else {
    u = Values{};
  }
}

// out ← the sum of the products. The whole block calls it, but one warp adds: another one in each block, for a quarter of
// the processor has every fourth of them.
__device__ __forceinline__ void total(Products &products, u32 len, u32 turn, double *out) {
  __syncthreads();
  const u32 lane = threadIdx.x - 32 * (turn % (THREADS / 32));
  if (lane < LANES) {
    const double *straight = products.at + lane, *crossed = products.at + (lane ^ 2);
    double sum = 0.0;
    u32 i = 0;
#pragma unroll 2
    for (; i + 2 * TILE <= len; i += 2 * TILE) {
#pragma unroll
      for (u32 row = 0; row < TILE; row += LANES) sum += straight[i + row];
#pragma unroll
      for (u32 row = TILE; row < 2 * TILE; row += LANES) sum += crossed[i + row];
    }
    for (; i + lane < len; i += LANES) sum += turned(i) ? crossed[i] : straight[i];
    // Of the first row a lane has read its own place alone.
    products.at[lane] = sum;
  }
  __syncthreads();
  if (lane == 0) {
    double sums[LANES];
#pragma unroll
    for (u32 i = 0; i < LANES; i++) sums[i] = products.at[i];
    *out = folded(sums);
  }
}

// The next chunk's products may be written once this one's have been read.
#define EACH_CHUNK(a, c) for (u32 c = blockIdx.x; c < (a).count; c += gridDim.x, __syncthreads())
// The same where threads share nothing.
#define EACH_CHUNK_APART(a, c) for (u32 c = blockIdx.x; c < (a).count; c += gridDim.x)
#define EACH_ELEMENT(i) _Pragma("unroll") for (u32 i = 0; i < 16; i++)
// A row at a time where much is done to an element: few registers, short code.
#define EACH_ROW(s) _Pragma("unroll 1") for (u32 s = 0; s < 4; s++)
#define EACH_OF_ROW(i) _Pragma("unroll") for (u32 i = 0; i < 4; i++)
