import { device, devices } from '../native/index.ts'
import { oneOf } from '../options.ts'
import type { Device } from '../types.ts'

/** Where a run keeps its vectors. */
export interface PlacedOptions {
  /**
   * Where vectors lie and passes over them run: 'cpu'; 'cuda', the first GPU of NVIDIA's; 'auto', that GPU where there is one
   * with room for all of them, else the CPU, and the CPU in any case for fewer than 65,536 elements. The environment variable
   * SALTFLAT_DEVICE overrides it. The results have the same bits. Default 'auto'.
   */
  device?: Device
}

/** The device that is asked for. */
export function deviceOf({ device: wanted = 'auto' }: PlacedOptions): Device {
  return device(oneOf('device', wanted, devices))
}
