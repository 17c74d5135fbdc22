import { serveCopy } from '../grads/copies.ts'
import { invalid } from '../options.ts'
import { FlatOptimizer } from './optimizer.ts'

/** Another copy of tfjs: its module, as imported. */
export interface TfjsModule {
  /** The class of its models. */
  LayersModel: HasPrototype
  /** The class of its recurrent layers. */
  RNN?: HasPrototype
  /** Where it looks up classes by name when it loads a model. */
  serialization: Registry
}

/** A class, as far as it matters here. */
export interface HasPrototype {
  /** What its instances inherit. */
  prototype: object
}

/** What registers classes. */
export interface Registry {
  /** Adds a class under its name. */
  registerClass(one: never): void
}

/**
 * Makes another copy of tfjs work with saltflat: `fit`, `fitDataset` and `trainOnBatch` of its models, stateful layers,
 * and the loading of models saved with an optimizer of ours.
 *
 * A second copy is there when a package brings a tfjs of another version, or a bundled one. The engine and its backends
 * are shared by all copies, so own loops always work; the classes of models are not. Where there is one copy only, as
 * `npm dedupe` gives, nothing need be called. Twice is harmless. Throws ERR_INVALID_ARGUMENT.
 *
 * @example
 * registerTfjs(await import('@tensorflow/tfjs')) // or whichever copy
 */
export function registerTfjs(tf: TfjsModule): void {
  if (typeof tf?.LayersModel?.prototype !== 'object' || typeof tf.serialization?.registerClass !== 'function') {
    throw invalid("a module of tfjs, as `import * as tf from '@tensorflow/tfjs'` gives", tf)
  }
  serveCopy(tf)
  tf.serialization.registerClass(FlatOptimizer as never)
}
