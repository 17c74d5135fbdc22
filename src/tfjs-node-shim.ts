/**
 * Lets `@tensorflow/tfjs-node` and `@tensorflow/tfjs-node-gpu` 4.22 run on Node 23 and later. In nearly every operation they call
 * `util.isNullOrUndefined`, which Node 23 took away, and in some `util.isArray`, which is to go: they load, and the first operation
 * then fails with `TypeError: (0, util_1.isNullOrUndefined) is not a function`. Upstream has the fix but never released it
 * (tensorflow/tfjs pull request 8425). Imported before tfjs-node, this defines the two where they are missing, and nothing else: on
 * earlier Nodes it does nothing.
 *
 * ```ts
 * import 'saltflat/tfjs-node-shim'
 * import * as tf from '@tensorflow/tfjs-node'
 * ```
 *
 * Without a change to the program: `node --import saltflat/tfjs-node-shim train.js`. CommonJS: `require('saltflat/tfjs-node-shim')`.
 */
import util from 'node:util'

const known = util as unknown as Record<'isArray' | 'isNullOrUndefined', unknown>

/** Did this Node lack them? */
export const needed: boolean = known.isNullOrUndefined === undefined || known.isArray === undefined

known.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined
known.isArray ??= Array.isArray
