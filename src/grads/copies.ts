import type { LayersModel as StockModel } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import { watchStates } from './layer-states.ts'
import { wrapTrainFunction } from './train-function.ts'

/** A class of a copy of tfjs, whose type is another one than ours to TypeScript. */
interface Class {
  prototype: object
}

/** What is used of the classes of a copy of tfjs-layers. */
export interface Copy {
  LayersModel: Class
  RNN?: Class
}

/** Serves the models of another copy of tfjs too. */
export function serveCopy({ LayersModel, RNN }: Copy): void {
  wrapTrainFunction(LayersModel as typeof StockModel)
  if (RNN !== undefined) watchStates(RNN)
}

/**
 * Refuses a step of a model whose class was never served: it would report the metrics of each pass one after the other,
 * and leak them. All copies of tfjs share one engine and its classes, so only the loss itself can tell where it comes
 * from: a model's reads `this.metricsTensors`, and names of properties survive minifiers.
 */
export function refuseUnserved(loss: unknown): void {
  if (typeof loss !== 'function' || !String(loss).includes('.metricsTensors')) return
  throw new SaltflatError(
    'ERR_UNSUPPORTED',
    'Expected a model of the tfjs-layers that saltflat imports, received one of another copy. Remove the second copy (npm dedupe), or call registerTfjs(tf) with it first.',
  )
}
