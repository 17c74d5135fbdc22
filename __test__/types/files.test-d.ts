// What tsc must infer of files that others read and write, and what it must refuse.
import { decodeNpy, encodeNpy, type NpyArray } from 'saltflat'
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
