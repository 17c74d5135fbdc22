// What ends a step. Shapes as in passes.cu. Must equal crate/core/src/backend/cpu/finish.rs and the rules of
// crate/core/src/optimizer.rs, to the bit.
#include "chunk.cuh"
#include "rules.cuh"

// finish::Mean: rest·(bank + scale·(sum·G + (pair·P + last·g)))
__device__ __forceinline__ void mean(const Pass &a, const Place &at, const Values &g, Values &m) {
  Values x;
  EACH_ELEMENT(i) m.at[i] = a.last == 1.0f ? g.at[i] : a.last * g.at[i];
  if (a.pair) {
    load(a.pair, at, x);
    EACH_ELEMENT(i) m.at[i] = __fmaf_rn(a.pair_factor, x.at[i], m.at[i]);
  }
  if (a.sum) {
    load(a.sum, at, x);
    EACH_ELEMENT(i) m.at[i] = __fmaf_rn(a.sum_factor, x.at[i], m.at[i]);
  }
  EACH_ELEMENT(i) m.at[i] = a.scale * m.at[i];
  if (a.bank) {
    load(a.bank, at, x);
    EACH_ELEMENT(i) m.at[i] = a.rest * (x.at[i] + m.at[i]);
  }
}

// mean_norm: sum mean². Reads 4 to 16 bytes a weight.
KERNEL(mean_norm, Pass) {
  __shared__ Factors factors;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    if (at.live) {
      Values g, m;
      load(a.g, at, g);
      mean(a, at, g, m);
      keep(factors.a, at, m);
      keep(factors.b, at, m);
    }
    total<1>(factors, chunk.len, a.sums + SUMS * c);
  }
}

// store_mean: target ← mean, or += · out ← W · sum U·g. Moves 16 to 28 bytes a weight.
KERNEL(store_mean, Pass) {
  __shared__ Factors factors;
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    if (at.live) {
      Values g, m, x;
      load(a.g, at, g);
      noise(a.draw, a.noisy && a.scales[at.tensor] != 0.0f, at, factors.a);
      keep(factors.b, at, g);
      mean(a, at, g, m);
      if (a.add) {
        load(a.target, at, x);
        EACH_ELEMENT(i) m.at[i] = x.at[i] + m.at[i];
      }
      store(a.target, at, m);
      load(a.w, at, x);
      store(a.out, at, x);
    }
    total<1>(factors, chunk.len, a.sums + SUMS * c);
  }
}

// Update: W ← rule(W, mean) · out ← W · sum U·g. Moves 16 bytes a weight, 8 a moment, 4 for each of P, G, bank, W₀ read.
template <class Rule> __device__ __forceinline__ void update(const Pass &a, Factors &factors) {
  EACH_CHUNK(a, c) {
    const Chunk chunk = a.chunks[c];
    const Place at = place(chunk);
    const Pull pull = a.pulls[chunk.tensor];
    if (!pull.reached) {
      if (at.live) {
        Values w;
        load(a.w, at, w);
        store(a.out, at, w);
      }
      if (threadIdx.x == 0) a.sums[SUMS * c] = 0.0;
      continue;
    }
    if (at.live) {
      Values g, w, m[Rule::MOMENTS + 1], &x = m[Rule::MOMENTS];
      load(a.g, at, g);
      noise(a.draw, a.noisy && a.scales[at.tensor] != 0.0f, at, factors.a);
      keep(factors.b, at, g);
      mean(a, at, g, x);
      load(a.w, at, w);
      const bool clips = a.clip < __uint_as_float(0x7F800000u);
      if (clips) {
        EACH_ELEMENT(i) {
          const float below = x.at[i] < a.clip ? x.at[i] : a.clip;
          x.at[i] = below > -a.clip ? below : -a.clip;
        }
      }
      if (clips || pull.l2 != 0.0f || pull.distance != 0.0f) {
        EACH_ELEMENT(i) x.at[i] = __fmaf_rn(pull.l2, w.at[i], x.at[i]);
      }
      if (pull.distance != 0.0f) {
        load(a.origin, at, g);
        EACH_ELEMENT(i) x.at[i] = __fmaf_rn(pull.distance, w.at[i] - g.at[i], x.at[i]);
      }
#pragma unroll
      for (int k = 0; k < Rule::MOMENTS; k++) load(a.moments[k], at, m[k]);
      EACH_ELEMENT(i) {
        float moments[Rule::MOMENTS + 1];
#pragma unroll
        for (int k = 0; k < Rule::MOMENTS; k++) moments[k] = m[k].at[i];
        w.at[i] = Rule::update(a.rule, pull.keep * w.at[i], x.at[i], moments);
#pragma unroll
        for (int k = 0; k < Rule::MOMENTS; k++) m[k].at[i] = moments[k];
      }
#pragma unroll
      for (int k = 0; k < Rule::MOMENTS; k++) store(a.moments[k], at, m[k]);
      store(a.w, at, w);
      store(a.out, at, w);
    }
    total<1>(factors, chunk.len, a.sums + SUMS * c);
  }
}

#define UPDATE(name, Rule)                                                                                             \
  KERNEL(update_##name, Pass) {                                                                                        \
    __shared__ Factors factors;                                                                                        \
    update<Rule>(a, factors);                                                                                          \
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
