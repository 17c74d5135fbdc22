// What tsc must infer of files that others read and write, and what it must refuse.
import {
  type CurvatureResult,
  decodeNpy,
  diagonal,
  encodeNpy,
  loadResult,
  type NpyArray,
  type Operator,
  save,
  spectralDensity,
  topEigenvalues,
  trace,
  traceOf,
} from 'saltflat'
import { exactly } from './exact.ts'

exactly<NpyArray>()(decodeNpy(encodeNpy({ shape: [2], data: Float32Array.of(1, 2) })))
encodeNpy({ shape: [], data: Float64Array.of(1), dtype: 'int64' })
encodeNpy(decodeNpy(new Uint8Array(0)))
// @ts-expect-error a typed array
encodeNpy({ shape: [2], data: [1, 2] })
// @ts-expect-error numpy's name of the type
encodeNpy({ shape: [2], data: Float32Array.of(1, 2), dtype: 'f4' })
// @ts-expect-error bytes, not a path
decodeNpy('x.npy')

// Results, alone and by name.
declare const H: Operator
exactly<Promise<void>>()(save(await spectralDensity(H), 'x.html'))
save({ Adam: await trace(H), NSO: await trace(H) }, 'x', 'vl.json')
save(await diagonal(H), 'x.npy')
// @ts-expect-error a number has no picture
save(await traceOf(H, Math.exp), 'x.svg')
exactly<Promise<CurvatureResult | Readonly<Record<string, CurvatureResult>>>>()(loadResult('x.json'))
// @ts-expect-error await it first
save(topEigenvalues(H), 'x.svg')
// @ts-expect-error no such format
save(await topEigenvalues(H), 'x', 'pdf')
// @ts-expect-error a number has no picture
save(1, 'x.svg')
