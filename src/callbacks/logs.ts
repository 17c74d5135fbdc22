import { dispose, type Scalar } from '@tensorflow/tfjs-core'
import type { Logs } from '@tensorflow/tfjs-layers'

/**
 * Makes numbers of the scalars in logs, in place, as tfjs does for callbacks that are plain objects: later callbacks and the
 * history get numbers, and a throw leaves no tensor behind. Waits for the backend where there are scalars.
 */
export async function resolved(logs: object = {}): Promise<Logs> {
  const given = logs as Record<string, number | Scalar>
  for (const [key, value] of Object.entries(given)) {
    if (typeof value === 'number') continue
    given[key] = (await value.data())[0]!
    dispose(value)
  }
  return given as Logs
}

/**
 * What is worth writing of the logs of an epoch. NaN in the model's loss or metrics says something; elsewhere, that this
 * epoch was not measured.
 */
export function written(logs: Logs, params: object): [string, number][] {
  const { metrics = [] } = params as { metrics?: readonly string[] }
  return Object.entries(logs).filter(([key, value]) => !Number.isNaN(value) || metrics.includes(key))
}
