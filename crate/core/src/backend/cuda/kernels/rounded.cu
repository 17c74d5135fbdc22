// Passes over rounded copies of rows: 16 bits an element and a scale a tile, chunk by chunk the integers, then the scales.
// Must equal crate/core/src/rounded.rs and crate/core/src/backend/cpu/rounded.rs, to the bit.
#include "row.cuh"

// What a thread has of the s-th 16 elements of its tile, in one access of 8 bytes.
struct alignas(8) Shorts {
  short at[4];
};

// rounded::HEAVY
constexpr float HEAVY = 1.0f / 64.0f / 32767.0f;

// A chunk of a copy.
struct Part {
  short *integers;
  float *scales;
};

__device__ __forceinline__ u32 tiles(const Chunk &chunk) { return (chunk.len + TILE - 1) / TILE; }

__device__ __forceinline__ Part part(float *copy, const Chunk &chunk) {
  float *first = copy + chunk.flat / TILE * (TILE / 2 + 1);
  return Part{reinterpret_cast<short *>(first), first + tiles(chunk) * (TILE / 2)};
}

// round: w ← factor·w; its copy. Moves 10 bytes an element.
KERNEL(round_row, Sweep) {
  __shared__ float most[THREADS];
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    const Place at = place(chunk);
    Values w;
    float largest = 0.0f;
    if (at.live) {
      load(a.w, at, w);
      EACH_ELEMENT(i) {
        w.at[i] = a.factor * w.at[i];
        largest = fmaxf(largest, fabsf(w.at[i]));
      }
      store(a.w, at, w);
    }
    most[threadIdx.x] = largest;
    __syncthreads();
    if (at.live) {
      // The four threads of a tile stand side by side.
      const float *tile = most + threadIdx.x / 4 * 4;
      largest = fmaxf(fmaxf(tile[0], tile[1]), fmaxf(tile[2], tile[3]));
      const bool zero = largest < 1e-30f;
      const float inverse = zero ? 0.0f : __fdiv_rn(32767.0f, largest);
      const Part copy = part(a.copy, chunk);
#pragma unroll
      for (u32 s = 0; s < 4; s++) {
        Shorts x;
        EACH_OF_ROW(l) x.at[l] = static_cast<short>(__float2int_rn(inverse * w.at[4 * s + l]));
        *reinterpret_cast<Shorts *>(copy.integers + at.first + 16 * s) = x;
      }
      if (at.quad == 0) copy.scales[threadIdx.x / 4] = zero ? 0.0f : __fdiv_rn(largest, 32767.0f);
    }
  }
}

// subtract: w ← w + cᵢ·rowᵢ, in order · sum w·w. Moves 2 bytes an element and row, and 8.
KERNEL(subtract_rounded, Sweep) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    const Place at = place(chunk);
    if (at.live) {
      Values w;
      load(a.w, at, w);
#pragma unroll 2
      for (u32 row = 0; row < a.row_count; row++) {
        const Part copy = part(reinterpret_cast<float *>(a.rows[row]), chunk);
        const float factor = a.coefficients[row] * copy.scales[threadIdx.x / 4];
#pragma unroll
        for (u32 s = 0; s < 4; s++) {
          const Shorts x = *reinterpret_cast<const Shorts *>(copy.integers + at.first + 16 * s);
          EACH_OF_ROW(l) w.at[4 * s + l] = __fmaf_rn(factor, __int2float_rn(x.at[l]), w.at[4 * s + l]);
        }
      }
      store(a.w, at, w);
      multiply(products, at, w, w);
    }
    total(products, chunk.len, c, a.sums + c);
  }
}

// sums + x·w of a thread's elements of a tile: four products a lane in f32, their sum times the scale in f64.
__device__ __forceinline__ void add_light(double *sums, const short *x, float scale, const float4 *w) {
  float four[4];
#pragma unroll
  for (u32 s = 0; s < 4; s++) {
    const Shorts left = *reinterpret_cast<const Shorts *>(x + 16 * s);
    const Quad right = *reinterpret_cast<const Quad *>(w + 4 * s);
    EACH_OF_ROW(l) {
      const float each = __int2float_rn(left.at[l]);
      four[l] = s == 0 ? each * right.at[l] : __fmaf_rn(each, right.at[l], four[l]);
    }
  }
  EACH_OF_ROW(l) sums[l] = __fma_rn(static_cast<double>(four[l]), static_cast<double>(scale), sums[l]);
}

// The same of the row itself, all in f64.
__device__ __forceinline__ void add_heavy(double *sums, const float *x, const float4 *w) {
#pragma unroll 1
  for (u32 s = 0; s < 4; s++) {
    const Quad left = *reinterpret_cast<const Quad *>(x + 16 * s), right = *reinterpret_cast<const Quad *>(w + 4 * s);
    EACH_OF_ROW(l) sums[l] = __fma_rn(static_cast<double>(left.at[l]), static_cast<double>(right.at[l]), sums[l]);
  }
}

// dots: sums rowᵢ·w, those of a row side by side; `rows` has the copies, then the rows. w stays in shared memory; four
// threads a row, four lanes a thread. Reads 2 bytes an element and row.
KERNEL(dots_rounded, Sweep) {
  __shared__ float4 w[CHUNK / 4];
  __shared__ double lanes[LANES * THREADS / 4];
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    const Place at = place(chunk);
    if (at.live) {
#pragma unroll
      for (u32 s = 0; s < 4; s++)
        w[at.first / 4 + 4 * s] = *reinterpret_cast<const float4 *>(a.w + at.flat + 16 * s);
    }
    __syncthreads();
    const u32 quad = threadIdx.x % 4;
    for (u32 first = 0; first < a.row_count; first += THREADS / 4) {
      const u32 row = first + threadIdx.x / 4;
      if (row < a.row_count) {
        const Part copy = part(reinterpret_cast<float *>(a.rows[row]), chunk);
        const float *exact = reinterpret_cast<const float *>(a.rows[a.row_count + row]) + chunk.flat;
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
#pragma unroll 2
        for (u32 tile = 0; tile < tiles(chunk); tile++) {
          const float scale = copy.scales[tile];
          const u32 at_lane = TILE * tile + 4 * quad;
          if (scale < HEAVY)
            add_light(sums, copy.integers + at_lane, scale, w + at_lane / 4);
          else
            add_heavy(sums, exact + at_lane, w + at_lane / 4);
        }
#pragma unroll
        for (u32 l = 0; l < 4; l++) lanes[4 * threadIdx.x + l] = sums[l];
      }
      __syncthreads();
      if (row < a.row_count && quad == 0) {
        double sums[LANES];
#pragma unroll
        for (u32 l = 0; l < LANES; l++) sums[l] = lanes[4 * threadIdx.x + l];
        a.sums[static_cast<u64>(row) * a.count + c] = folded(sums);
      }
      __syncthreads();
    }
  }
}
