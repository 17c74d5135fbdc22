import { tidy, type Variable } from '@tensorflow/tfjs-core'
import { SaltflatError } from '../errors.ts'
import { callingLoss, type Loss } from './evaluate.ts'
import { hessianProduct, still } from './hessian-product.ts'
import { throughOutputs } from './jacobian-product.ts'
import type { ModelBatch, ModelLoss } from './model-loss.ts'
import { bendOf, refuseLosses, refuseOutputs } from './output-curvature.ts'
import { averaged, perExample } from './per-example.ts'

/** A product of a batch's matrix with a vector, and what a first look at a batch refuses. */
export interface BatchProduct {
  product(batch: ModelBatch, variables: readonly Variable[], v: Float32Array): Float32Array
  inspect(batch: ModelBatch, variables: readonly Variable[]): void
}

/** Σ JᵀH_LJ over the outputs, plus the Hessian of the regularizers. */
export function gaussNewtonProduct(loss: ModelLoss): BatchProduct {
  refuseLosses(loss)
  const { penalty } = loss
  return {
    inspect: (batch, variables) => look(variables, () => refuseOutputs(loss, batch.outputs())),
    product(batch, variables, v) {
      const found = throughOutputs(() => batch.outputs(), bendOf(loss, batch), variables, v)
      const more = penalty === null ? null : ofPenalty(penalty, variables, v)
      return more === null ? found : found.map((value, i) => value + more[i]!)
    },
  }
}

/** Mean of gᵢgᵢᵀ over the gradients of single examples. */
export function fisherProduct(loss: ModelLoss): BatchProduct {
  return {
    inspect: (batch, variables) => look(variables, () => perExample(loss, batch)),
    product: (batch, variables, v) => throughOutputs(() => [perExample(loss, batch)], averaged, variables, v),
  }
}

function look(variables: readonly Variable[], f: () => unknown): void {
  callingLoss(() => still(variables, () => tidy(() => void f())))
}

function ofPenalty(penalty: Loss, variables: readonly Variable[], v: Float32Array): Float32Array | null {
  try {
    return hessianProduct(penalty, variables, v)
  } catch (error) {
    // None of these variables is regularized.
    if (error instanceof SaltflatError && error.code === 'ERR_NO_GRADIENT') return null
    throw error
  }
}
