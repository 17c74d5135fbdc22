import { SaltflatError, shown } from '../errors.ts'

const devices = ['cpu', 'cuda'] as const

/** Where optimizers keep their vectors and run their passes: what SALTFLAT_DEVICE says, or the CPU. */
export function device(): (typeof devices)[number] {
  const asked = process.env.SALTFLAT_DEVICE || 'cpu'
  const found = devices.find((one) => one === asked)
  if (found === undefined)
    throw new SaltflatError(
      'ERR_INVALID_ARGUMENT',
      `Expected SALTFLAT_DEVICE to be one of ${devices.join(', ')}, received ${shown(asked)}.`,
    )
  return found
}
