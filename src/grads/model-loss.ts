import { add, expandDims, mean, type Scalar, slice, type Tensor, tidy, type Variable } from '@tensorflow/tfjs-core'
import type { LayersModel } from '@tensorflow/tfjs-layers'
import { SaltflatError } from '../errors.ts'
import { invalid } from '../options.ts'
import type { Loss } from './evaluate.ts'

/** A model of tfjs-layers, functional or sequential. */
export type Model = LayersModel

/** Inputs or targets of a model: one tensor each, examples along the first axis. */
export type Examples = Tensor | readonly Tensor[]

/** A part of the data: its loss, and how many examples are in it. */
export interface Batch {
  readonly loss: Loss
  readonly examples: number
}

type LossFunction = (target: Tensor, prediction: Tensor) => Tensor

/** What this file uses of a compiled model beyond its types. */
interface Compiled {
  readonly lossFunctions?: LossFunction[]
  calculateLosses(): Scalar[]
}

/**
 * The loss that a compiled model is trained on, batch by batch in order, with its layers as at inference (`training`:
 * as in training): the mean of each output's loss, summed, and the regularizers'.
 */
export function modelLoss(
  given: LayersModel,
  x: Examples,
  y: Examples,
  { batchSize, training }: { batchSize: number; training: boolean },
): { variables: Variable[]; batches: Batch[] } {
  // A Sequential trains through a model of its own.
  const model = (given as unknown as { model?: LayersModel }).model ?? given
  const { lossFunctions } = model as unknown as Compiled
  if (lossFunctions === undefined || model.optimizer == null) {
    throw new SaltflatError('ERR_STATE', 'Expected a compiled model, received one without a loss. Call compile first.')
  }
  const [inputs, targets] = [listed('x', x, model.inputs.length), listed('y', y, model.outputs.length)]
  const total = inputs[0]!.shape[0] ?? 0
  checkTargets(model, targets)
  for (const one of [...inputs, ...targets]) {
    if (one.shape[0] !== total) {
      throw new SaltflatError('ERR_SHAPE', `Expected ${total} examples in each tensor, received ${one.shape[0]}.`)
    }
  }
  if (total === 0) throw new SaltflatError('ERR_EMPTY', 'Expected at least one example, received none.')
  const batches: Batch[] = []
  for (let start = 0; start < total; start += batchSize) {
    const examples = Math.min(batchSize, total - start)
    const part = (one: Tensor) => {
      const cut = slice(one, start, examples)
      // As `fit` takes them: a number an example is a row of one.
      return cut.rank === 1 ? expandDims(cut, 1) : cut
    }
    const loss = () =>
      tidy(() => {
        const found = model.apply(inputs.length === 1 ? part(inputs[0]!) : inputs.map(part), { training })
        const outputs = (Array.isArray(found) ? found : [found]) as Tensor[]
        const losses = outputs.map((one, i) => mean(lossFunctions[i]!(part(targets[i]!), one)))
        return [...losses, ...(model as unknown as Compiled).calculateLosses()].reduce((a, b) => add(a, b)) as Scalar
      })
    batches.push({ loss, examples })
  }
  return { variables: model.trainableWeights.map((weight) => weight.read() as Variable), batches }
}

/** A target of another shape than the output would be broadcast, and give the Hessian of another loss. */
function checkTargets(model: LayersModel, targets: readonly Tensor[]): void {
  const kinds = ([] as unknown[]).concat((model as unknown as { loss: unknown }).loss)
  const { lossFunctions } = model as unknown as Required<Compiled>
  for (const [i, { shape }] of targets.entries()) {
    const output = model.outputs[i]!.shape
    const sparse = [kinds[i] ?? kinds[0], lossFunctions[i]!.name].includes('sparseCategoricalCrossentropy')
    const expected = sparse ? [...output.slice(0, -1), 1] : output
    const given = shape.length === 1 ? [shape[0], 1] : shape
    const fits = given.length === expected.length && given.every((n, d) => d === 0 || (expected[d] ?? n) === n)
    if (fits) continue
    const wanted = ['examples', ...expected.slice(1).map((n) => n ?? 'any')].join(', ')
    throw new SaltflatError('ERR_SHAPE', `Expected targets of shape [${wanted}] for y, received [${shape}].`)
  }
}

function listed(name: string, given: Examples, count: number): readonly Tensor[] {
  const list = (Array.isArray(given) ? given : [given]) as readonly Tensor[]
  if (list.length !== count) throw invalid(`${count} tensors for ${name}, one for each of the model's`, given)
  for (const one of list) {
    if (typeof one?.dataSync !== 'function') throw invalid(`tensors for ${name}`, one)
    if (one.isDisposed)
      throw new SaltflatError('ERR_DISPOSED', `Expected a live tensor for ${name}, received a disposed one.`)
  }
  return list
}
