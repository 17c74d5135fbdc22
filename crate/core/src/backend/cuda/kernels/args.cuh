// What kernels are told: twins of the structs in ../args.rs, field by field. Every kernel takes one of them by value.
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

// Threads of a block, one block a chunk: each thread has four lanes of one tile, 16 elements.
constexpr u32 THREADS = 256;
constexpr u32 CHUNK = 4096;
constexpr u32 TILE = 64;
constexpr u32 LANES = 16;
// Sums that a block folds; twin of launch::GROUP.
constexpr u32 GROUP = 512;
// Sums that a chunk has room for.
constexpr u32 SUMS = 3;
// Floats of a block's shared memory, all that every GPU gives without asking.
constexpr u32 STRIP = 12288;

struct Draw {
  u32 key0, key1, step, index, distribution, rounds;
};

struct Chunk {
  u64 flat;
  u32 tensor, start, len, unused;
};

struct Pull {
  float l2, keep, distance;
  u32 reached;
};

// The passes of a training step.
struct Pass {
  const Chunk *chunks;
  const float *scales;
  const Pull *pulls;
  float *w;
  const float *g;
  float *pair;
  float *sum;
  const float *bank;
  const float *origin;
  float *moments[3];
  float *target;
  float *out;
  double *sums;
  // Elements from one copy to the next.
  u64 stride;
  u32 count, copies, signs, first, paired, weighted, keeps, add;
  Draw draw;
  float factor, last, pair_factor, sum_factor, scale, rest, clip, keep_old, keep_new;
  float rule[7];
};

// Passes over a basis of long rows.
struct Sweep {
  const u64 *rows;
  const float *coefficients;
  const float *hv;
  const float *before;
  const float *v;
  float *w;
  float *copy;
  double *sums;
  u64 size;
  u32 count, row_count;
  float factor;
  u32 outcomes;
  Draw draw;
};

// Chunk sums to be folded, segment by segment of at most GROUP: `which` sums of `width` places each.
struct Fold {
  double *sums;
  double *totals;
  const u64 *firsts;
  u32 segments, width, which, unused;
};

#ifndef KERNEL
#define KERNEL(name, Args) extern "C" __global__ void __launch_bounds__(THREADS) name(const Args a)
#endif
