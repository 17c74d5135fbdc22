// The fused passes between two gradients. Shapes: flat vectors of `Layout::total()` f32, tensors at whole tiles; one block
// a chunk. Must equal crate/core/src/backend/cpu/passes.rs and batch.rs, kernel by kernel, to the bit.
#include "chunk.cuh"

// perturb: out ← W ± σU, `copies` draws of one read of W. Moves 4 bytes a weight, and 4 a weight and copy written.
KERNEL(perturb, Pass) {
  __shared__ float4 lanes[4 * THREADS];
  EACH_CHUNK_APART(a, c) {
    const Place at = place(a.chunks[c]);
    if (!at.live) continue;
    const float scale = a.scales[at.tensor];
    Values w, u{}, plus, minus;
    load(a.w, at, w);
    float *out = a.out;
    for (u32 copy = 0; copy < a.copies; copy++) {
      Draw draw = a.draw;
      draw.index += copy;
      if (scale != 0.0f) drawn<THREADS>(draw, at.tensor, at.tile, at.quad, lanes + threadIdx.x, u);
      plus = w;
      move(scale, u, plus);
      // 1: plus, 2: minus, 3: both.
      if (a.signs & 1) {
        store(out, at, plus);
        out += a.stride;
      }
      if (a.signs & 2) {
        minus = w;
        if (scale != 0.0f) EACH_ELEMENT(i) minus.at[i] = w.at[i] - (plus.at[i] - w.at[i]);
        store(out, at, minus);
        out += a.stride;
      }
    }
  }
}

// io::EarlierAt: ±σU as it was added, W' − W; 0 where nothing was.
__device__ __forceinline__ void offset(const Pass &a, const Place &at, float scale, const Values &w, Values &d) {
  if (scale != 0.0f) {
    load(a.out, at, d);
    EACH_ELEMENT(i) d.at[i] = d.at[i] - w.at[i];
  } else {
    d = Values{};
  }
}

// flip: P ← g · sum g² · out ← W − σU. Moves 20 bytes a weight.
KERNEL(flip, Pass) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    if (at.live) {
      Values d, x;
      load(a.w, at, x);
      offset(a, at, a.scales[at.tensor], x, d);
      EACH_ELEMENT(i) x.at[i] = x.at[i] - d.at[i];
      store(a.out, at, x);
      load(a.g, at, x);
      store(a.pair, at, x);
      multiply(products, at, x, x);
    }
    total(products, chunk.len, c, a.sums + SUMS * c);
  }
}

// accumulate: G += P + g · sum −σU·(g − P) · out ← W + σU of the next draw. Moves 28 bytes a weight.
KERNEL(accumulate, Pass) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    if (at.live) {
      const float scale = a.scales[at.tensor];
      Values d, x, y;
      noise(a.draw, scale != 0.0f, at, products, y);
      load(a.w, at, x);
      offset(a, at, scale, x, d);
      move(scale, y, x);
      store(a.out, at, x);
      load(a.pair, at, x);
      load(a.g, at, y);
      Values change;
      EACH_ELEMENT(i) change.at[i] = y.at[i] - x.at[i];
      multiply(products, at, d, change);
      EACH_ELEMENT(i) x.at[i] = x.at[i] + y.at[i];
      if (!a.first) {
        load(a.sum, at, y);
        EACH_ELEMENT(i) x.at[i] = y.at[i] + x.at[i];
      }
      store(a.sum, at, x);
    }
    total(products, chunk.len, c, a.sums + SUMS * c);
  }
}

// collect: G += c·g · out ← W + σU of the next draw · sum g². Moves 20 bytes a weight.
KERNEL(collect, Pass) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    if (at.live) {
      const float scale = a.scales[at.tensor];
      Values x, y;
      load(a.w, at, x);
      noise(a.draw, scale != 0.0f, at, products, y);
      move(scale, y, x);
      store(a.out, at, x);
      load(a.g, at, x);
      multiply(products, at, x, x);
      EACH_ELEMENT(i) x.at[i] = a.factor * x.at[i];
      if (!a.first) {
        load(a.sum, at, y);
        EACH_ELEMENT(i) x.at[i] = y.at[i] + x.at[i];
      }
      store(a.sum, at, x);
    }
    total(products, chunk.len, c, a.sums + SUMS * c);
  }
}

// products: sums g·g, g·P, P·P, or the first alone where there is no P. Reads 8 bytes a weight.
KERNEL(products, Pass) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    Values g, p;
    if (at.live) {
      load(a.g, at, g);
      if (a.pair) load(a.pair, at, p);
      multiply(products, at, g, g);
    }
    total(products, chunk.len, c, a.sums + SUMS * c);
    if (a.pair) {
      __syncthreads();
      if (at.live) multiply(products, at, g, p);
      total(products, chunk.len, c + 1, a.sums + SUMS * c + 1);
      __syncthreads();
      if (at.live) multiply(products, at, p, p);
      total(products, chunk.len, c + 2, a.sums + SUMS * c + 2);
    }
  }
}

// passes::mixed
__device__ __forceinline__ float mixed(const Pass &a, float g, float p) {
  const float last = a.last == 1.0f ? g : a.last * g;
  return a.pair_factor == 0.0f ? last : __fmaf_rn(a.pair_factor, p, last);
}

__device__ __forceinline__ void pair(const Pass &a, const Place &at, Values &p) {
  if (a.pair) {
    load(a.pair, at, p);
  } else {
    EACH_ELEMENT(i) p.at[i] = 0.0f;
  }
}

// length: sum x² of x = last·g + pair·P, or (w·x)². Reads 4 to 12 bytes a weight.
KERNEL(length, Pass) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    if (at.live) {
      Values x, p;
      load(a.g, at, x);
      pair(a, at, p);
      EACH_ELEMENT(i) x.at[i] = mixed(a, x.at[i], p.at[i]);
      if (a.weighted) {
        load(a.w, at, p);
        EACH_ELEMENT(i) x.at[i] = p.at[i] * x.at[i];
      }
      multiply(products, at, x, x);
    }
    total(products, chunk.len, c, a.sums + SUMS * c);
  }
}

// ascend: out ← W + c·x, or W + c·w²x · P ← old·P + new·g. Moves 12 to 20 bytes a weight.
KERNEL(ascend, Pass) {
  EACH_CHUNK_APART(a, c) {
    const Place at = place(a.chunks[c]);
    if (!at.live) continue;
    const float scale = a.scales[at.tensor];
    Values w, g, p;
    load(a.w, at, w);
    load(a.g, at, g);
    pair(a, at, p);
    EACH_ELEMENT(i) {
      float x = mixed(a, g.at[i], p.at[i]);
      if (a.weighted) x = w.at[i] * w.at[i] * x;
      if (scale != 0.0f) w.at[i] = __fmaf_rn(scale, x, w.at[i]);
    }
    store(a.out, at, w);
    if (a.keeps) {
      EACH_ELEMENT(i) {
        const float old = a.keep_old == 0.0f ? 0.0f : a.keep_old * p.at[i];
        p.at[i] = __fmaf_rn(a.keep_new, g.at[i], old);
      }
      store(a.pair, at, p);
    }
  }
}
