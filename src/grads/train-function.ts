import { type Scalar, scalar, slice, type Tensor, type Variable } from '@tensorflow/tfjs-core'
import { LayersModel } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import { constraintsOf, type LayerWeight } from './constraints.ts'
import type { Loss } from './evaluate.ts'

/** How an optimizer of ours takes a step of a model: `pass` evaluates one loss closure, made afresh by the model. */
export interface ModelOptimizer {
  /** Called by `minimize` of the wrapped train function; set while a step of ours runs. */
  passHandler: ((loss: Loss) => Scalar) | null
  /** Parts that a batch is split into; 1 where perturbations share it. */
  readonly dataParts: number
  /** Updates made: a step of micro-batches need not be one. */
  readonly iterations: number
  /** One step; `run` takes the model's closure on a part of the batch through the handler. */
  stepModel(variables: Variable[], run: RunPass): number
}

/** One pass over part `part` of the batch (-1: all of it). Only passes that are `reported` count in the metrics. */
export type RunPass = (part: number, handler: (loss: Loss) => Scalar, reported: boolean) => void

type Train = (data: Tensor[]) => Tensor[]
interface Internals {
  optimizer_: unknown
  collectedTrainableWeights: LayerWeight[]
  layers: readonly Layer[]
  makeTrainFunction(): Train
}
interface Layer {
  name: string
  stateful?: boolean
  layers?: readonly Layer[]
}

const brand: unique symbol = Symbol.for('saltflat.optimizer') as never

/** Marks a class whose instances take whole steps of models. */
export function brandOptimizer(prototype: object): void {
  Object.defineProperty(prototype, brand, { value: true })
}

function isOurs(optimizer: unknown): optimizer is ModelOptimizer {
  return (optimizer as Record<symbol, unknown> | null)?.[brand] === true
}

const wrapped: unique symbol = Symbol.for('saltflat.makeTrainFunction') as never

/**
 * Lets `fit`, `fitDataset` and `trainOnBatch` serve an optimizer that evaluates the loss several times a step: each pass
 * gets its own closure from the model, so metrics are right for every pass, averaged once, and none is leaked. Active
 * only for models whose optimizer is ours.
 */
export function wrapTrainFunction(model: typeof LayersModel = LayersModel): void {
  const prototype = model.prototype as unknown as Internals & Record<symbol, boolean>
  if (prototype[wrapped]) return
  const original = prototype.makeTrainFunction
  prototype.makeTrainFunction = function (this: Internals): Train {
    const train = original.call(this)
    return (data) => (isOurs(this.optimizer_) ? trainStep(this, this.optimizer_, train, data) : train(data))
  }
  Object.defineProperty(prototype, wrapped, { value: true })
}

function trainStep(model: Internals, optimizer: ModelOptimizer, train: Train, data: Tensor[]): Tensor[] {
  if (optimizer.dataParts > 1) refuseStateful(model.layers)
  const constrain = constraintsOf(model.collectedTrainableWeights)
  const { iterations } = optimizer
  const sums: number[] = []
  let passes = 0
  const parts = split(data, optimizer.dataParts)
  try {
    const loss = optimizer.stepModel(
      model.collectedTrainableWeights.map((weight) => weight.read()),
      (part, handler, reported) => {
        optimizer.passHandler = handler
        let outputs: Tensor[] = []
        try {
          outputs = train(part < 0 ? data : parts[part]!)
        } finally {
          optimizer.passHandler = null
        }
        if (reported) {
          for (const [i, output] of outputs.slice(1).entries()) sums[i] = (sums[i] ?? 0) + output.dataSync()[0]!
          passes++
        }
        for (const output of new Set(outputs)) output.dispose()
      },
    )
    if (optimizer.iterations > iterations) constrain()
    return [scalar(loss), ...sums.map((sum) => scalar(sum / passes))]
  } finally {
    for (const part of parts) if (part !== data) for (const one of part) one?.dispose()
  }
}

/** Cuts a batch into equal parts, the first ones longer by one where it does not divide; too small a one is shared. */
function split(data: Tensor[], parts: number): Tensor[][] {
  const size = data[0]?.shape[0] ?? 0
  if (parts === 1 || size < parts) return Array.from({ length: parts }, () => data)
  const starts = Array.from({ length: parts + 1 }, (_, part) => Math.ceil((part * size) / parts))
  return starts.slice(0, -1).map((start, part) => {
    const length = starts[part + 1]! - start
    return data.map((one) =>
      // Absent sample weights come as null.
      one == null ? one : slice(one, start, length),
    )
  })
}

/** A stateful layer has a state for each example of a batch of one size. */
function refuseStateful(layers: readonly Layer[]): void {
  for (const layer of layers) {
    if (layer.stateful) {
      throw new SaltflatError(
        'ERR_UNSUPPORTED',
        `Expected layers without state where data is 'split', received '${layer.name}' with stateful: true, which needs all examples of a batch in each pass. Take data: 'shared'.`,
      )
    }
    if (layer.layers !== undefined) refuseStateful(layer.layers)
  }
}
