// Just enough of CUDA C++ to run the kernels on the host: every thread of a block is a fiber, blocks run one after the
// other, and `__syncthreads` hands on to the next fiber. For tests; no part of what ships.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(count)
#define __shared__ static

struct Index {
  unsigned x;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) double2 {
  double x, y;
};

inline Index threadIdx, blockIdx, blockDim, gridDim;

inline float __int2float_rn(int x) { return static_cast<float>(x); }
inline int __float2int_rn(float x) { return static_cast<int>(__builtin_rintf(x)); }
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
inline float __fsqrt_rn(float x) { return __builtin_sqrtf(x); }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline unsigned __float_as_uint(float x) {
  unsigned bits;
  std::memcpy(&bits, &x, 4);
  return bits;
}
inline float __uint_as_float(unsigned bits) {
  float x;
  std::memcpy(&x, &bits, 4);
  return x;
}

// A kernel that a module has.
struct Kernel {
  void (*run)(const void *);
  size_t bytes;
};

inline std::map<std::string, Kernel> &kernels() {
  static std::map<std::string, Kernel> all;
  return all;
}

struct Registered {
  Registered(const char *name, Kernel kernel) { kernels()[name] = kernel; }
};

#define KERNEL(name, Args)                                                                              \
  static void kernel_##name(const Args a);                                                              \
  static Registered registered_##name(                                                                  \
      #name, Kernel{[](const void *args) { kernel_##name(*static_cast<const Args *>(args)); }, sizeof(Args)}); \
  static void kernel_##name(const Args a)

// The fibers of one block. They are made once and take up one block after the other; between them only registers change
// hands, since `swapcontext` would ask the kernel about signals each time.
struct Block {
  static constexpr size_t STACK = 1 << 16;
  struct Fiber {
    std::vector<char> stack;
    jmp_buf at;
    bool started = false, done = false;
  };
  std::vector<Fiber> fibers;
  jmp_buf scheduler;
  const Kernel *kernel = nullptr;
  const void *args = nullptr;

  static Block &get() {
    static Block block;
    return block;
  }

  static void body() {
    for (Block &block = get();;) {
      block.kernel->run(block.args);
      block.fibers[threadIdx.x].done = true;
      block.leave();
    }
  }

  void leave() {
    if (_setjmp(fibers[threadIdx.x].at) == 0) _longjmp(scheduler, 1);
  }

  void enter(Fiber &fiber) {
    if (_setjmp(scheduler) != 0) return;
    if (fiber.started) _longjmp(fiber.at, 1);
    fiber.started = true;
    fiber.stack.resize(STACK);
    ucontext_t context;
    getcontext(&context);
    context.uc_stack.ss_sp = fiber.stack.data();
    context.uc_stack.ss_size = STACK;
    context.uc_link = nullptr;
    makecontext(&context, body, 0);
    setcontext(&context);
  }

  void run(const Kernel &which, const void *with, unsigned threads, bool reverse) {
    kernel = &which;
    args = with;
    if (fibers.size() != threads) fibers = std::vector<Fiber>(threads);
    for (Fiber &fiber : fibers) fiber.done = false;
    for (size_t left = threads; left > 0;) {
      size_t finished = 0;
      for (unsigned turn = 0; turn < threads; turn++) {
        threadIdx.x = reverse ? threads - 1 - turn : turn;
        Fiber &fiber = fibers[threadIdx.x];
        if (fiber.done) continue;
        enter(fiber);
        finished += fiber.done;
      }
      // A barrier that only some threads reach hangs a GPU, or lets it go on with half of the work.
      if (finished != 0 && finished != left) {
        std::fprintf(stderr, "fake CUDA: %zu of %zu threads left a block whose others wait\n", finished, left);
        std::abort();
      }
      left -= finished;
    }
  }
};

inline void __syncthreads() { Block::get().leave(); }
