// A libcuda for tests: the functions of the driver API that the backend calls, with host memory for a device and the real
// kernels run by fibers. It never ships. What goes wrong on purpose is set by `fake_cuda_set`, or by SALTFLAT_FAKE_CUDA
// ("name=value,…") when it is loaded.
#include "shim.hpp"

#include "finish.cu"
#include "passes.cu"
#include "rows.cu"

#include <mutex>
#include <unordered_map>

typedef int Result;
typedef unsigned long long Pointer;

namespace {
constexpr Result INVALID = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, NOT_FOUND = 500, LAUNCH_FAILED = 719;

std::mutex guard;
std::map<std::string, long> settings = {{"version", 12040}, {"devices", 1}, {"reverse", 0}, {"init", 0},
                                        {"fail-alloc", -1}, {"fail-launch", -1}, {"fail-sync", -1}, {"fail-module", 0}};
std::unordered_map<void *, size_t> device, pinned;
size_t held = 0, launches = 0;
thread_local void *current = nullptr;

void set(const std::string &name, long value) {
  if (!settings.count(name)) {
    std::fprintf(stderr, "fake CUDA: no setting '%s'\n", name.c_str());
    std::abort();
  }
  settings[name] = value;
}

// Whether it is now that this fails: the count has come to 0.
bool strikes(const char *name) {
  long &left = settings[name];
  return left >= 0 && left-- == 0;
}

Result give(std::unordered_map<void *, size_t> &from, void **out, size_t bytes) {
  std::lock_guard<std::mutex> lock(guard);
  if (bytes == 0) return INVALID;
  if (strikes("fail-alloc")) return OUT_OF_MEMORY;
  void *memory = std::aligned_alloc(256, (bytes + 255) / 256 * 256);
  if (!memory) return OUT_OF_MEMORY;
  // Fresh memory of a GPU holds anything.
  std::memset(memory, 0xFF, bytes);
  from[memory] = bytes;
  held += bytes;
  *out = memory;
  return 0;
}

Result take(std::unordered_map<void *, size_t> &from, void *memory) {
  std::lock_guard<std::mutex> lock(guard);
  const auto found = from.find(memory);
  if (found == from.end()) return INVALID;
  held -= found->second;
  from.erase(found);
  std::free(memory);
  return 0;
}

// Whether this range lies within one allocation.
bool inside(const void *at, size_t bytes) {
  for (const auto &[memory, size] : device) {
    const char *first = static_cast<const char *>(memory), *from = static_cast<const char *>(at);
    if (from >= first && from + bytes <= first + size) return true;
  }
  return false;
}

struct FromEnvironment {
  FromEnvironment() {
    const char *text = std::getenv("SALTFLAT_FAKE_CUDA");
    std::string rest = text ? text : "";
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(','), rest.size()), equal = rest.find('=');
      set(rest.substr(0, equal), std::atol(rest.c_str() + equal + 1));
      rest = end < rest.size() ? rest.substr(end + 1) : "";
    }
  }
} fromEnvironment;
} // namespace

extern "C" {
void fake_cuda_set(const char *name, long value) {
  std::lock_guard<std::mutex> lock(guard);
  set(name, value);
}
size_t fake_cuda_held() { return held; }
size_t fake_cuda_launches() { return launches; }

Result cuInit(unsigned) { return settings["devices"] == 0 ? NO_DEVICE : static_cast<Result>(settings["init"]); }
Result cuDriverGetVersion(int *version) { return *version = static_cast<int>(settings["version"]), 0; }
Result cuDeviceGetCount(int *count) { return *count = static_cast<int>(settings["devices"]), 0; }
Result cuDeviceGet(int *out, int ordinal) {
  if (ordinal < 0 || ordinal >= settings["devices"]) return 101;
  return *out = ordinal, 0;
}
Result cuDeviceGetName(char *name, int length, int) {
  return std::snprintf(name, static_cast<size_t>(length), "Fake CUDA device for tests"), 0;
}
Result cuDeviceTotalMem_v2(size_t *bytes, int) { return *bytes = size_t(1) << 34, 0; }
Result cuDeviceGetAttribute(int *value, int which, int) {
  switch (which) {
  case 16: return *value = 2, 0;  // multiprocessors: few, so that blocks take several chunks
  case 75: return *value = 9, 0;  // compute capability
  case 76: return *value = 0, 0;
  default: return *value = 0, 0;
  }
}
Result cuDevicePrimaryCtxRetain(void **out, int) { return *out = &settings, 0; }
Result cuDevicePrimaryCtxRelease_v2(int) { return 0; }
Result cuCtxSetCurrent(void *context) { return current = context, 0; }
Result cuCtxGetCurrent(void **out) { return *out = current, 0; }
Result cuCtxSynchronize() { return 0; }
Result cuMemGetInfo_v2(size_t *free, size_t *total) {
  *total = size_t(1) << 34;
  return *free = *total - held, 0;
}
Result cuMemAlloc_v2(Pointer *out, size_t bytes) {
  void *memory = nullptr;
  const Result result = give(device, &memory, bytes);
  return *out = reinterpret_cast<Pointer>(memory), result;
}
Result cuMemFree_v2(Pointer memory) { return take(device, reinterpret_cast<void *>(memory)); }
Result cuMemHostAlloc(void **out, size_t bytes, unsigned) { return give(pinned, out, bytes); }
Result cuMemFreeHost(void *memory) { return take(pinned, memory); }
Result cuMemsetD8Async(Pointer to, unsigned char value, size_t bytes, void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (!inside(reinterpret_cast<void *>(to), bytes)) return INVALID;
  return std::memset(reinterpret_cast<void *>(to), value, bytes), 0;
}
Result cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes, void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (!inside(reinterpret_cast<void *>(to), bytes)) return INVALID;
  return std::memcpy(reinterpret_cast<void *>(to), from, bytes), 0;
}
Result cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes, void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (!inside(reinterpret_cast<void *>(from), bytes)) return INVALID;
  return std::memcpy(to, reinterpret_cast<void *>(from), bytes), 0;
}
Result cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t bytes, void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (!inside(reinterpret_cast<void *>(to), bytes) || !inside(reinterpret_cast<void *>(from), bytes)) return INVALID;
  return std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes), 0;
}
Result cuModuleLoadData(void **out, const void *image) {
  if (settings["fail-module"]) return static_cast<Result>(settings["fail-module"]);
  return *out = const_cast<void *>(image), std::strstr(static_cast<const char *>(image), ".target sm_75") ? 0 : 218;
}
Result cuModuleUnload(void *) { return 0; }
Result cuModuleGetFunction(void **out, void *, const char *name) {
  const auto found = kernels().find(name);
  if (found == kernels().end()) return NOT_FOUND;
  return *out = &found->second, 0;
}
Result cuLaunchKernel(void *function, unsigned grid, unsigned gridY, unsigned gridZ, unsigned block, unsigned blockY,
                      unsigned blockZ, unsigned shared, void *, void **parameters, void **extra) {
  std::lock_guard<std::mutex> lock(guard);
  if (strikes("fail-launch")) return LAUNCH_FAILED;
  if (grid == 0 || gridY * gridZ * blockY * blockZ != 1 || block != THREADS || shared || extra) return INVALID;
  launches++;
  gridDim.x = grid;
  blockDim.x = block;
  for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++)
    Block::get().run(*static_cast<const Kernel *>(function), parameters[0], block, settings["reverse"] != 0);
  return 0;
}
Result cuStreamSynchronize(void *) {
  std::lock_guard<std::mutex> lock(guard);
  return strikes("fail-sync") ? LAUNCH_FAILED : 0;
}
Result cuGetErrorName(Result error, const char **out) {
  return *out = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE", 0;
}
Result cuGetErrorString(Result, const char **out) { return *out = "an error on purpose", 0; }
}
