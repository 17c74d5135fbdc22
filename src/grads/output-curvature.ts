import {
  abs,
  add,
  clipByValue,
  div,
  grads,
  max,
  mean,
  min,
  mul,
  type Scalar,
  sub,
  sum,
  type Tensor,
} from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import type { Bend } from './jacobian-product.ts'
import type { LossFunction, ModelBatch, ModelLoss } from './model-loss.ts'
import { withSecondOrder } from './second-order/index.ts'

/** The Hessian of an output's mean loss in that output, times a tangent. */
type Curvature = (target: Tensor, output: Tensor, tangent: Tensor) => Tensor

interface Known {
  readonly curvature: Curvature
  /** What outputs must be for that. */
  readonly expected: string
  fits(output: Tensor): boolean
}

/** Below it, tfjs takes a probability for it. */
const epsilon = 1e-7

/**
 * Cross-entropies are bent by the Fisher information of the probabilities, diag(1/p): pulled back through softmax it is
 * diag(p) − ppᵀ, the Hessian in the logits, wherever in the model they are; and so through sigmoid.
 */
const known: Readonly<Record<string, Known>> = {
  meanSquaredError: {
    curvature: (_, output, tangent) => mul(tangent, 2 / output.size),
    expected: '',
    fits: () => true,
  },
  categoricalCrossentropy: categorical((target) => sum(target, -1, true)),
  sparseCategoricalCrossentropy: categorical(() => 1),
  binaryCrossentropy: {
    curvature: (_, output, tangent) => {
      const p = clipByValue(output, epsilon, 1 - epsilon)
      return div(tangent, mul(mul(p, sub(1, p)), output.size))
    },
    expected: 'probabilities, as sigmoid gives',
    fits: (output) => between(output),
  },
}

function categorical(weight: (target: Tensor) => Tensor | number): Known {
  return {
    curvature: (target, output, tangent) => {
      const p = clipByValue(output, epsilon, 1)
      const rows = output.size / output.shape.at(-1)!
      return mul(div(tangent, mul(p, rows)), weight(target))
    },
    expected: 'probabilities that sum up to 1, as softmax gives',
    fits: (output) => between(output) && extreme(max, abs(sub(sum(output, -1), 1))) < 1e-3,
  }
}

function between(output: Tensor): boolean {
  return extreme(min, output) >= 0 && extreme(max, output) <= 1 + 1e-6
}

function extreme(of: (one: Tensor) => Tensor, values: Tensor): number {
  return of(values).dataSync()[0]!
}

/** What bends the outputs of a model on a batch, by its losses. */
export function bendOf({ kinds, lossFunctions }: ModelLoss, batch: ModelBatch): Bend {
  return (outputs, tangents) => {
    const targets = batch.targets()
    return outputs.map((output, i) => {
      const kind = kinds[i] ?? null
      const curvature = kind === null ? ofFunction(lossFunctions[i]!) : known[kind]!.curvature
      return curvature(targets[i]!, output, tangents[i]!)
    })
  }
}

/** Refuses losses that make no Gauss–Newton matrix, by name. */
export function refuseLosses({ kinds }: ModelLoss): void {
  for (const kind of kinds) {
    if (kind === null || kind in known) continue
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected one of the losses ${Object.keys(known).join(', ')}, or a function, received ${kind}. Take hessian, or compile with a function that is convex in the output.`,
    )
  }
}

/** Refuses outputs that are not what the loss takes them for. */
export function refuseOutputs({ kinds }: ModelLoss, outputs: readonly Tensor[]): void {
  for (const [i, output] of outputs.entries()) {
    const kind = kinds[i] ?? null
    if (kind === null || known[kind]!.fits(output)) continue
    throw new SaltflatError(
      'ERR_UNSUPPORTED',
      `Expected ${known[kind]!.expected} as the output for ${kind}, received others. Give the last layer that activation, or compile with a function of logits.`,
    )
  }
}

/** Of a function: by the gradient of its gradient in the output. */
function ofFunction(loss: LossFunction): Curvature {
  return (target, output, tangent) =>
    withSecondOrder(() => {
      const slope = (z: Tensor) => mean(loss(target, z)) as Scalar
      // The second term, for a loss that is linear in the output: tfjs refuses a gradient in what nothing depends on.
      const along = (z: Tensor) => add(sum(mul(grads(slope as never)([z])[0]!, tangent)), sum(mul(z, 0)))
      return grads(along as never)([output])[0]!
    })
}
