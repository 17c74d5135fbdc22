import * as tf from '@tensorflow/tfjs'
import { adam, nso, registerKernels } from 'saltflat'
import type { Options, Work } from './harness/question.ts'
import { convNet, type Model, mlp } from './models.ts'
import { Nso } from './pure-tfjs/nso.ts'

// What several questions ask of tfjs: a whole step of ours, of the twin, of stock Adam, and bare gradients. The kernels
// that wasm and cpu lack, or have slow, are there for every contestant: no ratio may come from them.

const sigma = 0.01
const learningRate = 1e-3

/** A net of these widths, or the conv net where there are none. */
function model({ widths, batch }: Options): Model {
  registerKernels()
  return widths === undefined ? convNet(batch as number) : mlp(widths as number[], batch as number)
}

/** A whole step of an optimizer. */
function step(options: Options, make: () => tf.Optimizer): Work {
  const { variables, loss, dispose } = model(options)
  const optimizer = make()
  return {
    run() {
      optimizer.minimize(loss, false, variables)
    },
    dispose() {
      optimizer.dispose()
      dispose()
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
  const { variables, loss, dispose } = model(options)
  return {
    run() {
      for (let pass = 0; pass < 2; pass++) {
        const { value, grads } = tf.tidy(() => tf.variableGrads(loss, variables))
        tf.dispose([value, ...Object.values(grads)])
      }
    },
    dispose,
  }
}
