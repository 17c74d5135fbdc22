// A libcuda for tests: the functions of the driver API that the backend calls, with host memory for a device and the real
// kernels run by fibers. It never ships. What is asked for on the stream is done when somebody waits for it and not
// before, as late as a GPU may do it. What goes wrong on purpose is set by `fake_cuda_set`, or by SALTFLAT_FAKE_CUDA
// ("name=value,…"), at any time; what is held at the end is written to the file that SALTFLAT_FAKE_CUDA_REPORT names.
#include "shim.hpp"

#include "finish.cu"
#include "passes.cu"
#include "rows.cu"
#include "rounded.cu"

#include <deque>
#include <functional>
#include <mutex>
#include <unordered_map>

typedef int Result;
typedef unsigned long long Pointer;

namespace {
constexpr Result INVALID = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, NOT_FOUND = 500, LAUNCH_FAILED = 719;

std::mutex guard;
const std::map<std::string, long> usual = {
    {"version", 12040},   {"devices", 1},     {"capability", 90}, {"reverse", 0},   {"init", 0},       {"fail-alloc", -1},
    {"fail-launch", -1},  {"fail-copy", -1},  {"fail-sync", -1},  {"fail-module", 0}, {"sticky", 0}};
std::map<std::string, long> settings = usual;
std::string environment;
std::unordered_map<void *, size_t> device, pinned;
size_t held = 0, launches = 0;
// A context whose kernel has crashed answers nothing else any more.
bool lost = false;
thread_local void *current = nullptr;

// What the stream has still to do, in order, and how much it was ever asked for and has done.
std::deque<std::function<void()>> queue;
size_t asked = 0, done = 0;

void ask(std::function<void()> what) {
  queue.push_back(std::move(what));
  asked++;
}

void finish(size_t until) {
  for (; done < until; done++) {
    queue.front()();
    queue.pop_front();
  }
}

void set(const std::string &name, long value) {
  if (!settings.count(name)) {
    std::fprintf(stderr, "fake CUDA: no setting '%s'\n", name.c_str());
    std::abort();
  }
  settings[name] = value;
  lost = false;
}

// Takes over what the environment says now, where that has changed.
void read_environment() {
  const char *text = std::getenv("SALTFLAT_FAKE_CUDA");
  if (environment == (text ? text : "")) return;
  std::string rest = environment = text ? text : "";
  settings = usual;
  lost = false;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(','), rest.size()), equal = rest.find('=');
    set(rest.substr(0, equal), std::atol(rest.c_str() + equal + 1));
    rest = end < rest.size() ? rest.substr(end + 1) : "";
  }
}

// Whether it is now that this fails: the count has come to 0.
bool strikes(const char *name) {
  read_environment();
  long &left = settings[name];
  const bool now = left >= 0 && left-- == 0;
  if (now && settings["sticky"] != 0) lost = true;
  return now || lost;
}

long setting(const char *name) {
  read_environment();
  return settings[name];
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
  finish(asked);
  std::free(memory);
  return lost ? LAUNCH_FAILED : 0;
}

// Whether this range lies within one allocation.
bool inside(const void *at, size_t bytes) {
  for (const auto &[memory, size] : device) {
    const char *first = static_cast<const char *>(memory), *from = static_cast<const char *>(at);
    if (from >= first && from + bytes <= first + size) return true;
  }
  return false;
}

bool locked(const void *at, size_t bytes) {
  for (const auto &[memory, size] : pinned) {
    const char *first = static_cast<const char *>(memory), *from = static_cast<const char *>(at);
    if (from >= first && from + bytes <= first + size) return true;
  }
  return false;
}

struct Report {
  ~Report() {
    const char *path = std::getenv("SALTFLAT_FAKE_CUDA_REPORT");
    std::FILE *file = path ? std::fopen(path, "w") : nullptr;
    if (!file) return;
    std::fprintf(file, "{\"held\": %zu, \"launches\": %zu}\n", held, launches);
    std::fclose(file);
  }
} report;
} // namespace

extern "C" {
void fake_cuda_set(const char *name, long value) {
  std::lock_guard<std::mutex> lock(guard);
  set(name, value);
}
size_t fake_cuda_held() { return held; }
size_t fake_cuda_launches() { return launches; }

Result cuInit(unsigned) { return setting("devices") == 0 ? NO_DEVICE : static_cast<Result>(setting("init")); }
Result cuDriverGetVersion(int *version) { return *version = static_cast<int>(setting("version")), 0; }
Result cuDeviceGetCount(int *count) { return *count = static_cast<int>(setting("devices")), 0; }
Result cuDeviceGet(int *out, int ordinal) {
  if (ordinal < 0 || ordinal >= setting("devices")) return 101;
  return *out = ordinal, 0;
}
Result cuDeviceGetName(char *name, int length, int) {
  return std::snprintf(name, static_cast<size_t>(length), "Fake CUDA device for tests"), 0;
}
Result cuDeviceTotalMem_v2(size_t *bytes, int) { return *bytes = size_t(1) << 34, 0; }
Result cuDeviceGetAttribute(int *value, int which, int) {
  switch (which) {
  case 16: return *value = 2, 0;  // multiprocessors: few, so that blocks take several chunks
  case 75: return *value = static_cast<int>(setting("capability") / 10), 0;
  case 76: return *value = static_cast<int>(setting("capability") % 10), 0;
  default: return *value = 0, 0;
  }
}
Result cuDevicePrimaryCtxRetain(void **out, int) { return *out = &settings, 0; }
Result cuDevicePrimaryCtxRelease_v2(int) { return 0; }
Result cuCtxSetCurrent(void *context) { return current = context, 0; }
Result cuCtxGetCurrent(void **out) { return *out = current, 0; }
Result cuCtxSynchronize() {
  std::lock_guard<std::mutex> lock(guard);
  return finish(asked), 0;
}
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
  return ask([=] { std::memset(reinterpret_cast<void *>(to), value, bytes); }), 0;
}
// Pages that are not locked are copied before these return, up or down.
Result cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes, void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (strikes("fail-copy")) return LAUNCH_FAILED;
  if (!inside(reinterpret_cast<void *>(to), bytes)) return INVALID;
  ask([=] { std::memcpy(reinterpret_cast<void *>(to), from, bytes); });
  if (!locked(from, bytes)) finish(asked);
  return 0;
}
Result cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes, void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (strikes("fail-copy")) return LAUNCH_FAILED;
  if (!inside(reinterpret_cast<void *>(from), bytes)) return INVALID;
  ask([=] { std::memcpy(to, reinterpret_cast<void *>(from), bytes); });
  if (!locked(to, bytes)) finish(asked);
  return 0;
}
Result cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t bytes, void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (!inside(reinterpret_cast<void *>(to), bytes) || !inside(reinterpret_cast<void *>(from), bytes)) return INVALID;
  return ask([=] { std::memcpy(reinterpret_cast<void *>(to), reinterpret_cast<void *>(from), bytes); }), 0;
}
Result cuModuleLoadData(void **out, const void *image) {
  if (setting("fail-module")) return static_cast<Result>(setting("fail-module"));
  return *out = const_cast<void *>(image), std::strstr(static_cast<const char *>(image), ".target sm_75") ? 0 : 218;
}
Result cuModuleUnload(void *) { return 0; }
Result cuModuleGetFunction(void **out, void *, const char *name) {
  const auto found = kernels().find(name);
  if (found == kernels().end()) return NOT_FOUND;
  return *out = &found->second, 0;
}
Result cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, void *, int, size_t, unsigned) {
  return *blocks = 2, 0;
}
Result cuLaunchKernel(void *function, unsigned grid, unsigned gridY, unsigned gridZ, unsigned block, unsigned blockY,
                      unsigned blockZ, unsigned shared, void *, void **parameters, void **extra) {
  std::lock_guard<std::mutex> lock(guard);
  if (strikes("fail-launch")) return LAUNCH_FAILED;
  if (grid == 0 || gridY * gridZ * blockY * blockZ != 1 || block != THREADS || shared || extra) return INVALID;
  launches++;
  const Kernel kernel = *static_cast<const Kernel *>(function);
  const char *args = static_cast<const char *>(parameters[0]);
  const bool reverse = setting("reverse") != 0;
  ask([=, copy = std::vector<char>(args, args + kernel.bytes)] {
    gridDim.x = grid;
    blockDim.x = block;
    for (blockIdx.x = 0; blockIdx.x < grid; blockIdx.x++) Block::get().run(kernel, copy.data(), block, reverse);
  });
  return 0;
}
Result cuStreamSynchronize(void *) {
  std::lock_guard<std::mutex> lock(guard);
  if (strikes("fail-sync")) return LAUNCH_FAILED;
  return finish(asked), 0;
}
// An event is a number of things that the stream has been asked for; the memory of one counts as held.
Result cuEventCreate(void **out, unsigned) {
  std::lock_guard<std::mutex> lock(guard);
  if (strikes("fail-alloc")) return OUT_OF_MEMORY;
  held += sizeof(size_t);
  return *out = new size_t(0), 0;
}
Result cuEventRecord(void *event, void *) {
  std::lock_guard<std::mutex> lock(guard);
  return *static_cast<size_t *>(event) = asked, lost ? LAUNCH_FAILED : 0;
}
Result cuEventSynchronize(void *event) {
  std::lock_guard<std::mutex> lock(guard);
  if (strikes("fail-sync")) return LAUNCH_FAILED;
  return finish(*static_cast<size_t *>(event)), 0;
}
Result cuEventDestroy_v2(void *event) {
  std::lock_guard<std::mutex> lock(guard);
  held -= sizeof(size_t);
  return delete static_cast<size_t *>(event), 0;
}
// A copy of anything takes a second: what programs divide by.
Result cuEventElapsedTime(float *milliseconds, void *, void *) { return *milliseconds = 1000.0f, 0; }
Result cuGetErrorName(Result error, const char **out) {
  return *out = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_FAKE", 0;
}
Result cuGetErrorString(Result, const char **out) { return *out = "an error on purpose", 0; }
}
