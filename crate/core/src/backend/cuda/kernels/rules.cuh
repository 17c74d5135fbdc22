// Base optimizers for one element: twins of crate/core/src/optimizer.rs. c: the rule's coefficients in the order of its
// struct's fields; m: its moments.
#pragma once
#include "args.cuh"

// A moment as it is kept: never subnormal (see the twin).
__device__ __forceinline__ float kept(float moment) { return (moment + 0x1p-96f) - 0x1p-96f; }

// βm + (1 − β)x
__device__ __forceinline__ float decayed(float beta, float rest, float m, float x) {
  return __fmaf_rn(beta, m, rest * x);
}

__device__ __forceinline__ float larger(float a, float b) { return a > b ? a : b; }
__device__ __forceinline__ float smaller(float a, float b) { return a < b ? a : b; }

struct Sgd {
  static constexpr int MOMENTS = 0;
  static __device__ __forceinline__ float update(const float *c, float w, float g, float *) {
    return __fmaf_rn(c[0], g, w);
  }
};

template <bool AHEAD> struct Momentum {
  static constexpr int MOMENTS = 1;
  static __device__ __forceinline__ float update(const float *c, float w, float g, float *m) {
    m[0] = __fmaf_rn(c[0], m[0], g);
    const float step = AHEAD ? __fmaf_rn(c[0], m[0], g) : m[0];
    return __fmaf_rn(c[1], step, w);
  }
};

template <bool MAX> struct Adam {
  static constexpr int MOMENTS = MAX ? 3 : 2;
  static __device__ __forceinline__ float update(const float *c, float w, float g, float *m) {
    m[0] = decayed(c[0], c[1], m[0], g);
    m[1] = __fmaf_rn(c[2], m[1], c[3] * g * g);
    float top = m[1];
    if (MAX) top = m[MOMENTS - 1] = larger(m[MOMENTS - 1], top);
    const float denominator = __fmaf_rn(__fsqrt_rn(top), c[5], c[6]);
    return __fmaf_rn(c[4], __fdiv_rn(m[0], denominator), w);
  }
};

template <bool CENTERED, bool HEAVY> struct RmsProp {
  static constexpr int MOMENTS = 1 + CENTERED + HEAVY;
  static __device__ __forceinline__ float update(const float *c, float w, float g, float *m) {
    m[0] = __fmaf_rn(c[0], m[0], c[1] * g * g);
    float spread = m[0];
    if (CENTERED) {
      const float mean = m[CENTERED] = decayed(c[0], c[1], m[CENTERED], g);
      spread = larger(__fmaf_rn(0.0f - mean, mean, spread), 0.0f);
    }
    float step = __fdiv_rn(g, __fsqrt_rn(spread) + c[4]);
    if (HEAVY) step = m[MOMENTS - 1] = __fmaf_rn(c[2], m[MOMENTS - 1], step);
    return __fmaf_rn(c[3], step, w);
  }
};

struct Lion {
  static constexpr int MOMENTS = 1;
  static __device__ __forceinline__ float update(const float *c, float w, float g, float *m) {
    const float huge = 0x1p127f, large = decayed(c[0], c[1], m[0], g) * huge * huge;
    const float sign = larger(smaller(large, 1.0f), -1.0f);
    m[0] = decayed(c[2], c[3], m[0], g);
    return __fmaf_rn(c[4], sign, w);
  }
};
