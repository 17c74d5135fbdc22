import * as tf from '@tensorflow/tfjs'
import { adam, nso, registerKernels } from 'saltflat'
import type { Options, Work } from './harness/question.ts'
import { median } from './harness/statistics.ts'
import { Stopwatch } from './harness/stopwatch.ts'
import { convNet, type Model, mlp } from './models.ts'
import { Nso } from './pure-tfjs/nso.ts'

// What several questions ask of tfjs: a whole step of ours, of the twin, of stock Adam, and bare gradients. The kernels
// that tfjs lacks, or has slow, are there for every contestant, so that no ratio comes from them; but where tfjs is to be as it
// comes (`plain`).

const sigma = 0.01
const learningRate = 1e-3

/**
 * A net of these widths, or the conv net where there are none. `plain`: on the kernels that tfjs comes with, and with `kernels:
 * 'stock'` in a step of ours too, which else has its own.
 */
export function model({ widths, batch, plain = false, kernels }: Options): Model {
  if (!plain) registerKernels()
  const made = widths === undefined ? convNet(batch as number) : mlp(widths as number[], batch as number)
  return kernels === 'stock' ? { ...made, loss: onStockKernels(made.loss) } : made
}

/** A loss that puts back what a step has swapped in tfjs' registry; the gradient that follows finds it so. */
function onStockKernels(loss: Model['loss']): Model['loss'] {
  const stock = tf.getKernelsForBackend(tf.getBackend()).map((config) => [config, config.kernelFunc] as const)
  return () => {
    for (const [config, kernelFunc] of stock) config.kernelFunc = kernelFunc
    return loss()
  }
}

/** A whole step of an optimizer. */
function step(options: Options, make: () => tf.Optimizer): Work {
  const { variables, loss } = model(options)
  const optimizer = make()
  return {
    run() {
      optimizer.minimize(loss, false, variables)
    },
  }
}

/** NSO k = 1 on Adam, ours. */
export function saltflat(options: Options): Work {
  return step(options, () => nso(adam({ learningRate }), { sigma, seed: 1 }))
}

/** NSO k = 1 on tfjs' Adam, in tfjs operations. */
export function twin(options: Options): Work {
  return step(options, () => new Nso(tf.train.adam(learningRate), { sigma }))
}

/** A step of tfjs' Adam: one gradient. */
export function stockAdam(options: Options): Work {
  return step(options, () => tf.train.adam(learningRate))
}

/** Two gradients and nothing else: what NSO cannot do without. */
export function gradients(options: Options): Work {
  const { variables, loss } = model(options)
  return {
    run() {
      gradient(loss, variables)
      gradient(loss, variables)
    },
  }
}

/**
 * One gradient at weights that were assigned just before, which itself is not timed. wasm packs a matrix anew when its
 * values are new and keeps the packed copy otherwise: gradients at weights that stay are a price nobody who trains gets.
 */
export function renewed(options: Options): Work {
  const { variables, loss } = model(options)
  return {
    before() {
      for (const variable of variables) tf.tidy(() => variable.assign(tf.add(variable, 0)))
    },
    run: () => gradient(loss, variables),
  }
}

/**
 * What a call takes besides the gradients in it, as tfjs' engine computes them: of a small model these take a hundred times
 * as long, and what they take moves by more. For a process of its own, in which they are timed.
 */
export function outside({ run }: Work, quick: boolean): Work {
  const watch = new Stopwatch()
  watch.watch(tf.engine(), 'gradients', 'gradients', { opaque: true })
  const step = () => void run!()
  let warm = false
  return {
    value() {
      // V8 takes some thousand calls to compile all of a step, and who trains takes more of them, one after the other: the first
      // ones of a round find every cache as the neighbours have left it.
      for (let call = 0; call < (warm || quick ? 20 : 3000); call++) step()
      warm = true
      for (let call = 0; call < 20; call++) watch.call('rest', step)
      return median(watch.of('rest'))
    },
  }
}

function gradient(loss: () => tf.Scalar, variables: tf.Variable[]): void {
  const { value, grads } = tf.tidy(() => tf.variableGrads(loss, variables))
  tf.dispose([value, ...Object.values(grads)])
}
