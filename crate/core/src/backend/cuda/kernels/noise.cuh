// The draws of one thread: 16 elements of a tile. Twin of crate/core/src/rng.rs, transform.rs and noise.rs, word for
// word: every operation is exactly rounded or integer, FMA only where it is written.
#pragma once
#include "args.cuh"

// What one thread has of a vector: place 4·s + l is element 16·s + 4·quad + l of its tile.
struct alignas(16) Values {
  float at[16];
};

struct Words {
  u32 at[4];
};

// One round of rng::philox, and its keys for the next.
__device__ __forceinline__ void round(Words &c, u32 &key0, u32 &key1) {
  const u64 p0 = static_cast<u64>(0xD2511F53u) * c.at[0], p1 = static_cast<u64>(0xCD9E8D57u) * c.at[2];
  c = Words{{static_cast<u32>(p1 >> 32) ^ c.at[1] ^ key0, static_cast<u32>(p1),
             static_cast<u32>(p0 >> 32) ^ c.at[3] ^ key1, static_cast<u32>(p0)}};
  key0 += 0x9E3779B9u;
  key1 += 0xBB67AE85u;
}

// rng::philox, of 7 or 10 rounds.
__device__ __forceinline__ Words philox(Words c, u32 key0, u32 key1, u32 rounds) {
#pragma unroll
  for (u32 i = 0; i < 7; i++) round(c, key0, key1);
  if (rounds == 7) return c;
#pragma unroll
  for (u32 i = 0; i < 3; i++) round(c, key0, key1);
  return c;
}

__device__ __forceinline__ float whole(u32 word) { return __int2float_rn(static_cast<int>(word)); }

// transform::minus_two_ln
__device__ __forceinline__ float minus_two_ln(float given) {
  const float u = __float_as_uint(given) >> 31 ? given + 1.0f : given;
  const u32 shifted = __float_as_uint(u) - 0x3F400000u;
  const u32 mantissa = (shifted & 0x007FFFFFu) + 0x3F400000u;
  const float rounded = __uint_as_float(mantissa) - 1.0f;
  const float t = shifted >> 31 ? rounded : given;
  const float exponent = __int2float_rn(static_cast<int>(shifted) >> 23);
  const float linear = __fmaf_rn(exponent, -2.0f * 0.693147180559945309f, t * -2.0f);
  float q = -0.10826499f;
  q = __fmaf_rn(q, t, 0.24134739f);
  q = __fmaf_rn(q, t, -0.29967833f);
  q = __fmaf_rn(q, t, 0.33645624f);
  q = __fmaf_rn(q, t, -0.39954156f);
  q = __fmaf_rn(q, t, 0.49986884f);
  q = __fmaf_rn(q, t, -0.666671f);
  q = __fmaf_rn(q, t, 1.0000012f);
  return __fmaf_rn(q, t * t, linear);
}

// √x of what minus_two_ln gives, 2⁻³² to 46: what nvcc makes of __fsqrt_rn for such numbers, exactly rounded, without its
// way out for zeros, infinities and subnormals.
__device__ __forceinline__ float root(float x) {
#ifdef __CUDA_ARCH__
  float inverse;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(inverse) : "f"(x));
  const float near = x * inverse;
  return __fmaf_rn(__fmaf_rn(-near, near, x), 0.5f * inverse, near);
#else
  return __fsqrt_rn(x);
#endif
}

// transform::Gaussian: cosine and sine of one pair of words.
__device__ __forceinline__ void gaussian(u32 radius, u32 angle, float &first, float &second) {
  const float square = minus_two_ln(__fmaf_rn(whole(radius), 0x1p-32f, 0x1p-33f));
  const u32 sign = (angle + 0x40000000u) & 0x80000000u;
  const float x = whole(angle << 1) * static_cast<float>(3.14159265358979323846 / 4294967296.0), z = x * x;
  float s = 2.6000548e-6f;
  s = __fmaf_rn(s, z, -0.00019806615f);
  s = __fmaf_rn(s, z, 0.008333017f);
  s = __fmaf_rn(s, z, -0.16666657f);
  float c = 2.3194387e-5f;
  c = __fmaf_rn(c, z, -0.0013855927f);
  c = __fmaf_rn(c, z, 0.04166399f);
  c = __fmaf_rn(c, z, -0.4999993f);
  c = __fmaf_rn(c, z, 1.0f);
  s = __fmaf_rn(s * z, x, x);
  const float r = __uint_as_float(__float_as_uint(root(square)) ^ sign);
  first = r * c;
  second = r * s;
}

// transform::Uniform
__device__ __forceinline__ float uniform(u32 word) {
  return __fmaf_rn(whole(word), static_cast<float>(3.4641016151377546 / 4294967296.0),
                   static_cast<float>(3.4641016151377546 / 8589934592.0));
}

// transform::Laplace
__device__ __forceinline__ float laplace(u32 word) {
  const float log = minus_two_ln(__fmaf_rn(whole(word << 1), 0x1p-32f, 0x1p-32f));
  const u32 magnitude = __float_as_uint(log * (0.707106781186547524f / 2.0f));
  return __uint_as_float(magnitude | (word & 0x80000000u));
}

// noise::fill: this thread's elements of a tile of a tensor. A lane at a time, so that the code is there once: what hides
// its latency is the other warps. A register cannot be chosen by a running number, so lane l waits in own[STRIDE·l], in
// shared memory that no other thread touches: 16 bytes written and read at once, without conflicts of banks.
template <u32 STRIDE>
__device__ __forceinline__ void drawn(const Draw &draw, u32 tensor, u32 tile, u32 quad, float4 *own, Values &out) {
  Words counter{{16 * (draw.distribution == 1 ? tile / 32 : tile) + 4 * quad, tensor, draw.step, draw.index}};
  if (draw.distribution == 0) {
#pragma unroll 1
    for (u32 l = 0; l < 4; l++, counter.at[0]++) {
      const Words words = philox(counter, draw.key0, draw.key1, draw.rounds);
      float4 u;
      gaussian(words.at[0], words.at[1], u.x, u.y);
      gaussian(words.at[2], words.at[3], u.z, u.w);
      own[STRIDE * l] = u;
    }
  } else {
#pragma unroll 1
    for (u32 l = 0; l < 4; l++, counter.at[0]++) {
      const Words words = philox(counter, draw.key0, draw.key1, draw.rounds);
      float u[4];
#pragma unroll
      for (u32 s = 0; s < 4; s++)
        u[s] = draw.distribution == 1   ? __uint_as_float((~words.at[s] >> (tile % 32)) << 31 | 0x3F800000u)
               : draw.distribution == 2 ? uniform(words.at[s])
                                        : laplace(words.at[s]);
      own[STRIDE * l] = float4{u[0], u[1], u[2], u[3]};
    }
  }
#pragma unroll
  for (u32 l = 0; l < 4; l++) {
    const float4 u = own[STRIDE * l];
    out.at[l] = u.x;
    out.at[4 + l] = u.y;
    out.at[8 + l] = u.z;
    out.at[12 + l] = u.w;
  }
}
