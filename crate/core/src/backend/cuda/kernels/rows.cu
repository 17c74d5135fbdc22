// Passes over a basis of long rows, and the fold of chunk sums. Shapes: vectors of `size` f32, padded with zeros to whole
// tiles. Must equal crate/core/src/backend/cpu/rows.rs and layout::fold_chunks, to the bit.
#include "row.cuh"

// project: w ← hv + factor·before (hv where there is none) · sum w·v. Moves 12 or 16 bytes an element.
KERNEL(project, Sweep) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    const Place at = place(chunk);
    if (at.live) {
      Values w, x;
      load(a.hv, at, w);
      if (a.before) {
        load(a.before, at, x);
        EACH_ELEMENT(i) w.at[i] = __fmaf_rn(a.factor, x.at[i], w.at[i]);
      }
      store(a.w, at, w);
      load(a.v, at, x);
      multiply(products, at, w, x);
    }
    total(products, chunk.len, c, a.sums + c);
  }
}

// subtract: w ← w + cᵢ·rowᵢ, in order · sum w·w. Moves 4 bytes an element and row, and 8.
KERNEL(subtract, Sweep) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    const Place at = place(chunk);
    if (at.live) {
      Values w, x;
      load(a.w, at, w);
#pragma unroll 1
      for (u32 row = 0; row < a.row_count; row++) {
        load(reinterpret_cast<const float *>(a.rows[row]), at, x);
        const float factor = a.coefficients[row];
        EACH_ELEMENT(i) w.at[i] = __fmaf_rn(factor, x.at[i], w.at[i]);
      }
      store(a.w, at, w);
      multiply(products, at, w, w);
    }
    total(products, chunk.len, c, a.sums + c);
  }
}

// dots: sums rowᵢ·w, those of a row side by side. w stays in shared memory, as f64; four threads a row, four lanes a
// thread. Reads 4 bytes an element and row.
KERNEL(dots, Sweep) {
  __shared__ double2 w[CHUNK / 2];
  __shared__ double lanes[LANES * THREADS / 4];
  // 16-byte loads of a row that a thread has under way.
  constexpr u32 DEPTH = 8;
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    const Place at = place(chunk);
    if (at.live) {
      Values x;
      load(a.w, at, x);
#pragma unroll
      for (u32 i = 0; i < 16; i += 2)
        w[(at.first + 16 * (i / 4) + i % 4) / 2] = double2{static_cast<double>(x.at[i]), static_cast<double>(x.at[i + 1])};
    }
    __syncthreads();
    const u32 quad = threadIdx.x % 4;
    for (u32 first = 0; first < a.row_count; first += THREADS / 4) {
      const u32 row = first + threadIdx.x / 4;
      if (row < a.row_count) {
        const float *x = reinterpret_cast<const float *>(a.rows[row]) + chunk.flat;
        double sums[4] = {0.0, 0.0, 0.0, 0.0};
        auto add = [&](const Quad &left, u32 i) {
          const double2 low = w[i / 2], high = w[i / 2 + 1];
          sums[0] = __fma_rn(static_cast<double>(left.at[0]), low.x, sums[0]);
          sums[1] = __fma_rn(static_cast<double>(left.at[1]), low.y, sums[1]);
          sums[2] = __fma_rn(static_cast<double>(left.at[2]), high.x, sums[2]);
          sums[3] = __fma_rn(static_cast<double>(left.at[3]), high.y, sums[3]);
        };
        u32 i = 4 * quad;
        for (; i + (DEPTH - 1) * LANES < chunk.len; i += DEPTH * LANES) {
          Quad ahead[DEPTH];
#pragma unroll
          for (u32 d = 0; d < DEPTH; d++) ahead[d] = *reinterpret_cast<const Quad *>(x + i + d * LANES);
#pragma unroll
          for (u32 d = 0; d < DEPTH; d++) add(ahead[d], i + d * LANES);
        }
        // Padding is 0 in both and adds nothing.
        for (; i < chunk.len; i += LANES) add(*reinterpret_cast<const Quad *>(x + i), i);
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

// scale: w ← factor·w. Moves 8 bytes an element.
KERNEL(scale, Sweep) {
  EACH_CHUNK_APART(a, c) {
    const Place at = place(cut(a, c));
    if (!at.live) continue;
    Values w;
    load(a.w, at, w);
    EACH_ELEMENT(i) w.at[i] = a.factor * w.at[i];
    store(a.w, at, w);
  }
}

// draw: w ← U of tensor 0, and 0 beyond its end. Writes 4 bytes an element.
KERNEL(draw, Sweep) {
  __shared__ float4 lanes[4 * THREADS];
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    const Place at = place(chunk);
    if (!at.live) continue;
    Values w;
    drawn<THREADS>(a.draw, 0, at.tile, at.quad, lanes + threadIdx.x, w);
    EACH_ELEMENT(i) w.at[i] = at.first + 16 * (i / 4) + i % 4 < chunk.len ? w.at[i] : 0.0f;
    store(a.w, at, w);
  }
}

// rotate: the first `outcomes` rows ← combinations of all of them, in place. A strip of every row lies in shared memory
// before the first is written: `row_count` is at most STRIP. Moves 4 bytes an element and row, and 4 an element and outcome.
KERNEL(rotate, Sweep) {
  __shared__ float strip[STRIP];
  u32 width = TILE;
  while (width * a.row_count > STRIP) width /= 2;
  EACH_CHUNK(a, c) {
    const Chunk chunk = cut(a, c);
    for (u32 first = 0; first < chunk.len; first += width) {
      const u64 flat = chunk.flat + first;
      for (u32 i = threadIdx.x; i < width * a.row_count; i += THREADS)
        strip[i] = reinterpret_cast<const float *>(a.rows[i / width])[flat + i % width];
      __syncthreads();
      for (u32 i = threadIdx.x; i < width * ((a.outcomes + 3) / 4); i += THREADS) {
        const u32 outcome = 4 * (i / width), element = i % width;
        float sums[4] = {0.0f, 0.0f, 0.0f, 0.0f};
        for (u32 row = 0; row < a.row_count; row++) {
          const float x = strip[row * width + element];
#pragma unroll
          for (u32 which = 0; which < 4; which++) {
            // Past the last outcome the last one is summed up again, and dropped.
            const u32 place = outcome + which < a.outcomes ? outcome + which : a.outcomes - 1;
            sums[which] = __fmaf_rn(a.coefficients[place * a.row_count + row], x, sums[which]);
          }
        }
#pragma unroll
        for (u32 which = 0; which < 4; which++)
          if (outcome + which < a.outcomes)
            reinterpret_cast<float *>(a.rows[outcome + which])[flat + element] = sums[which];
      }
      __syncthreads();
    }
  }
}

// fold: sums of each segment by neighbours: 2a with 2a + 1, an odd last one passes up. One block a segment and sum.
KERNEL(fold, Fold) {
  __shared__ double tree[GROUP];
  for (u32 job = blockIdx.x; job < a.segments * a.which; job += gridDim.x, __syncthreads()) {
    const u32 segment = job / a.which, which = job % a.which;
    const u64 first = a.firsts[segment];
    const u32 count = static_cast<u32>(a.firsts[segment + 1] - first);
    for (u32 i = threadIdx.x; i < count; i += THREADS) tree[i] = a.sums[(first + i) * a.width + which];
    for (u32 step = 1; step < count; step *= 2) {
      __syncthreads();
      const u32 left = 2 * step * threadIdx.x;
      if (left + step < count) tree[left] += tree[left + step];
    }
    if (threadIdx.x == 0) a.totals[static_cast<u64>(segment) * a.width + which] = count ? tree[0] : 0.0;
  }
}
