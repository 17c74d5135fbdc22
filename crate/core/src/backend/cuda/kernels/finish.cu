// What ends a step. Shapes as in passes.cu. Must equal crate/core/src/backend/cpu/finish.rs and the rules of
// crate/core/src/optimizer.rs, to the bit.
#include "chunk.cuh"
#include "rules.cuh"

// finish::Mean: rest·(bank + scale·(sum·G + (pair·P + last·g))), one row of it
__device__ __forceinline__ Quad mean(const Pass &a, const Place &at, u32 s) {
  Quad m = load(a.g, at, s), pair{}, sum{}, bank{};
  if (a.pair) pair = load(a.pair, at, s);
  if (a.sum) sum = load(a.sum, at, s);
  if (a.bank) bank = load(a.bank, at, s);
  if (a.last != 1.0f) EACH_OF_ROW(i) m.at[i] = a.last * m.at[i];
  if (a.pair) EACH_OF_ROW(i) m.at[i] = __fmaf_rn(a.pair_factor, pair.at[i], m.at[i]);
  if (a.sum) EACH_OF_ROW(i) m.at[i] = __fmaf_rn(a.sum_factor, sum.at[i], m.at[i]);
  EACH_OF_ROW(i) m.at[i] = a.scale * m.at[i];
  if (a.bank) EACH_OF_ROW(i) m.at[i] = a.rest * (bank.at[i] + m.at[i]);
  return m;
}

// mean_norm: sum mean². Reads 4 to 16 bytes a weight.
KERNEL(mean_norm, Pass) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    if (at.live) {
      EACH_ROW(s) {
        const Quad m = mean(a, at, s);
        multiply(products, at, s, m.at, m.at);
      }
    }
    total(products, chunk.len, c, a.sums + SUMS * c);
  }
}

// One row of the products −σU·(g − P), of the half of a pair that is in `out`.
__device__ __forceinline__ void multiply_offset(const Pass &a, const Place &at, u32 s, const Quad &w, Products &products) {
  Quad d = load(a.out, at, s);
  Quad g = load(a.g, at, s);
  const Quad p = load(a.pair, at, s);
  EACH_OF_ROW(i) d.at[i] = d.at[i] - w.at[i];
  EACH_OF_ROW(i) g.at[i] = g.at[i] - p.at[i];
  multiply(products, at, s, d.at, g.at);
}

// store_mean: target ← mean, or += · out ← W · sum −σU·(g − P). Moves 16 to 32 bytes a weight.
KERNEL(store_mean, Pass) {
  __shared__ Products products;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    const bool half = a.paired && a.scales[chunk.tensor] != 0.0f;
    if (at.live) {
      EACH_ROW(s) {
        const Quad w = load(a.w, at, s);
        if (half) multiply_offset(a, at, s, w, products);
        const Quad before = a.add ? load(a.target, at, s) : Quad{};
        Quad m = mean(a, at, s);
        if (a.add) EACH_OF_ROW(i) m.at[i] = before.at[i] + m.at[i];
        store(a.target, at, s, m);
        store(a.out, at, s, w);
      }
    }
    if (half) {
      total(products, chunk.len, c, a.sums + SUMS * c);
    } else if (threadIdx.x == 0) {
      a.sums[SUMS * c] = 0.0;
    }
  }
}

// One row of an update.
template <class Rule>
__device__ __forceinline__ void update(const Pass &a, const Pull &pull, const Place &at, u32 s, bool half,
                                       Products &products) {
  if (half) multiply_offset(a, at, s, load(a.w, at, s), products);
  Quad w = load(a.w, at, s), m[Rule::MOMENTS + 1], &x = m[Rule::MOMENTS];
#pragma unroll
  for (int k = 0; k < Rule::MOMENTS; k++) m[k] = load(a.moments[k], at, s);
  x = mean(a, at, s);
  const bool clips = a.clip < __uint_as_float(0x7F800000u);
  if (clips) {
    EACH_OF_ROW(i) {
      const float below = x.at[i] < a.clip ? x.at[i] : a.clip;
      x.at[i] = below > -a.clip ? below : -a.clip;
    }
  }
  if (clips || pull.l2 != 0.0f || pull.distance != 0.0f) {
    EACH_OF_ROW(i) x.at[i] = __fmaf_rn(pull.l2, w.at[i], x.at[i]);
  }
  if (pull.distance != 0.0f) {
    const Quad origin = load(a.origin, at, s);
    EACH_OF_ROW(i) x.at[i] = __fmaf_rn(pull.distance, w.at[i] - origin.at[i], x.at[i]);
  }
  EACH_OF_ROW(i) {
    float moments[Rule::MOMENTS + 1];
#pragma unroll
    for (int k = 0; k < Rule::MOMENTS; k++) moments[k] = m[k].at[i];
    w.at[i] = Rule::update(a.rule, pull.keep * w.at[i], x.at[i], moments);
#pragma unroll
    for (int k = 0; k < Rule::MOMENTS; k++) m[k].at[i] = kept(moments[k]);
  }
#pragma unroll
  for (int k = 0; k < Rule::MOMENTS; k++) store(a.moments[k], at, s, m[k]);
  store(a.w, at, s, w);
  store(a.out, at, s, w);
}

// Update: W ← rule(W, mean) · out ← W · sum −σU·(g − P). Moves 16 bytes a weight, 8 a moment, 4 for each of P, G, bank, W₀ and
// W' read. W and g are read twice by their thread, the second time from a cache.
template <class Rule> __device__ __forceinline__ void update(const Pass &a, Products &products) {
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    const Pull pull = a.pulls[chunk.tensor];
    const bool half = pull.reached && a.paired && a.scales[chunk.tensor] != 0.0f;
    if (at.live) {
      EACH_ROW(s) {
        if (pull.reached) {
          update<Rule>(a, pull, at, s, half, products);
        } else {
          store(a.out, at, s, load(a.w, at, s));
        }
      }
    }
    if (half) {
      total(products, chunk.len, c, a.sums + SUMS * c);
    } else if (threadIdx.x == 0) {
      a.sums[SUMS * c] = 0.0;
    }
  }
}

#define UPDATE(name, Rule)                                                                                             \
  KERNEL(update_##name, Pass) {                                                                                        \
    __shared__ Products products;                                                                                      \
    update<Rule>(a, products);                                                                                         \
  }

UPDATE(sgd, Sgd)
UPDATE(momentum, Momentum<false>)
UPDATE(nesterov, Momentum<true>)
UPDATE(adam, Adam<false>)
UPDATE(amsgrad, Adam<true>)
typedef RmsProp<false, false> Rms;
typedef RmsProp<true, false> RmsCentered;
typedef RmsProp<false, true> RmsMomentum;
typedef RmsProp<true, true> RmsCenteredMomentum;
UPDATE(rmsprop, Rms)
UPDATE(rmsprop_centered, RmsCentered)
UPDATE(rmsprop_momentum, RmsMomentum)
UPDATE(rmsprop_centered_momentum, RmsCenteredMomentum)
UPDATE(lion, Lion)
