import { SaltflatError, shown } from '../errors.ts'
import type { Device } from '../types.ts'

/** Every device. */
export const devices: readonly Device[] = ['auto', 'cpu', 'cuda']

/** The device that an option asks for, or SALTFLAT_DEVICE in its place. */
export function device(wanted: Device): Device {
  const asked = process.env.SALTFLAT_DEVICE || wanted
  const found = devices.find((one) => one === asked)
  if (found === undefined)
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected SALTFLAT_DEVICE to be one of ${devices.join(', ')}, received ${shown(asked)}.`,
    )
  return found
}
