import { resolve } from 'node:path'
import type { RunState, RunStore } from '../curvature/run-store.ts'
import { invalid, knownKeys, whole } from '../options.ts'
import { ignoring, replaceFile } from './durable.ts'
import { readWhole } from './large.ts'
import type { FileTensor } from './safetensors.ts'
import { decodeSealed, encodeSealed, refused, type Seal } from './sealed.ts'

/** Options of `runFile`. */
export interface RunFileOptions {
  /** Products from one save to the next: a whole number ≥ 1. Default 20. */
  every?: number
}

const seal: Seal = { what: 'a saved run', format: 'saltflat.run', version: 1 }

/**
 * Keeps a long run of `trace`, `traceOf`, `diagonal`, `topEigenvalues` or `spectralDensity` in a file, so that the same
 * program, started again after a kill, goes on with it to the bit.
 *
 * Saves every so many products, and when its signal ends the run. A save costs as much on disk as the run has in vectors, and
 * twice that in memory while it lasts. One safetensors file, written whole or not at all: a temporary file in the same
 * folder, fsync, rename; its checksum is verified when it is read. The file stays when the run is done: remove it before the
 * model, the data or the seed change, which it knows nothing of. Two runs must not share a file.
 *
 * Throws ERR_INVALID_ARGUMENT; and the run it is given to throws ERR_STATE where the file is damaged, or of another run,
 * ERR_UNSUPPORTED for more than a Buffer holds (4 GiB in Node 20), ERR_OUT_OF_MEMORY, and what the file system throws.
 *
 * @example
 * const H = hessian(model, x, y)
 * const { values } = await topEigenvalues(H, { count: 5, checkpoint: runFile('top.safetensors', { every: 50 }) })
 */
export function runFile(path: string, options: RunFileOptions = {}): RunStore {
  if (typeof path !== 'string' || path === '') throw invalid('a path for the file of a run', path)
  knownKeys('the options of runFile', options, ['every'])
  const { every = 20 } = options
  whole('every', every, 1, Number.MAX_SAFE_INTEGER)
  // The working directory may change meanwhile.
  const file = resolve(path)
  return {
    every,
    async load() {
      const bytes = await readWhole(file).catch(ignoring('ENOENT'))
      return bytes === undefined ? null : decode(bytes)
    },
    save: (state) => replaceFile(file, encode(state)),
  }
}

function encode({ kind, at, vectors }: RunState): Buffer {
  const tensors = vectors.map(
    (values, i): FileTensor => ({
      ...{ name: `vector/${i}`, dtype: values.BYTES_PER_ELEMENT === 8 ? 'float64' : 'float32', shape: [values.length] },
      bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    }),
  )
  return encodeSealed(seal, { tensors, metadata: { kind, at: JSON.stringify(at) } })
}

function decode(file: Buffer): RunState {
  const { tensors, metadata } = decodeSealed(seal, file)
  const { kind, at } = metadata
  if (kind === undefined || at === undefined) throw refused('the kind and place of a run', 'something else')
  // Views of a file are not aligned.
  const vectors = tensors.map(({ dtype, bytes }) => {
    const { buffer } = Uint8Array.from(bytes)
    return dtype === 'float64' ? new Float64Array(buffer) : new Float32Array(buffer)
  })
  return { kind, at: JSON.parse(at), vectors }
}
