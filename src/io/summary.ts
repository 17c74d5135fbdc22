import { double, doubles, float, message, text, whole } from './protobuf.ts'

// The messages of TensorBoard that we write: event.proto, summary.proto and the hparams plugin's plugin_data.proto.

/** What stands at one step of a run; `seconds` since 1970. */
export interface Moment {
  readonly seconds: number
  readonly step: number
}

/** The first event of each file. */
export function versionEvent(seconds: number): Buffer {
  return Buffer.concat([double(1, seconds), text(3, 'brain.Event:2')])
}

/** Says that the run begins at this step: a reader forgets what an earlier file has at it and after it. */
export function startEvent({ seconds, step }: Moment): Buffer {
  const start = 1
  return Buffer.concat([double(1, seconds), whole(2, step), message(7, whole(1, start))])
}

/** Values of one step. */
export function summaryEvent({ seconds, step }: Moment, values: readonly Uint8Array[]): Buffer {
  return Buffer.concat([double(1, seconds), whole(2, step), message(5, ...values)])
}

/** A number under a name, kept in single precision. */
export function scalarValue(tag: string, value: number): Buffer {
  return message(1, text(1, tag), float(2, value))
}

/** Bars of a histogram: `counts[i]` lies between `limits[i - 1]`, or `min`, and `limits[i]`. */
export interface Bars {
  readonly min: number
  readonly max: number
  readonly sum: number
  readonly sumOfSquares: number
  readonly limits: readonly number[]
  readonly counts: readonly number[]
}

/** A histogram under a name. */
export function histogramValue(tag: string, { min, max, sum, sumOfSquares, limits, counts }: Bars): Buffer {
  const total = counts.reduce((all, one) => all + one, 0)
  const moments = [double(1, min), double(2, max), double(3, total), double(4, sum), double(5, sumOfSquares)]
  return message(1, text(1, tag), message(5, ...moments, doubles(6, limits), doubles(7, counts)))
}

/** What a hyperparameter may be. */
export type Hyperparameter = number | string | boolean

/** The hyperparameters of a run, which TensorBoard tabulates beside its last scalars. */
export function hyperparametersValue(
  name: string,
  values: Readonly<Record<string, Hyperparameter>>,
  seconds: number,
): Buffer {
  const entries = Object.entries(values).map(([key, value]) => message(1, text(1, key), message(2, plain(value))))
  return pluginValue('session_start_info', message(3, ...entries, text(4, name), double(5, seconds)))
}

/** That the run has ended well. */
export function endValue(seconds: number): Buffer {
  const success = 1
  return pluginValue('session_end_info', message(4, whole(1, success), double(2, seconds)))
}

function pluginValue(kind: string, content: Buffer): Buffer {
  const data = Buffer.concat([whole(1, 0), content])
  const metadata = message(1, text(1, 'hparams'), text(2, data))
  // The reader wants a tensor in each value: one zero.
  const [dtypeFloat, ones] = [1, message(2, whole(1, 1))]
  const zero = Buffer.concat([whole(1, dtypeFloat), message(2, ones), message(5, Buffer.alloc(4))])
  return message(1, text(1, `_hparams_/${kind}`), message(8, zero), message(9, metadata))
}

/** google.protobuf.Value. */
function plain(value: Hyperparameter): Buffer {
  if (typeof value === 'number') return double(2, value)
  return typeof value === 'string' ? text(3, value) : whole(4, Number(value))
}
