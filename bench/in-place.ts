import * as tf from '@tensorflow/tfjs'
import { openStore } from '../src/params/registry.ts'
import type { OpenStore } from '../src/params/store.ts'
import { openAligned, openTensorflow } from '../src/params/tensorflow.ts'
import { Variables } from '../src/params/variables.ts'
import { Weights } from '../src/params/weights.ts'
import type { Group, Options, Question, Work } from './harness/question.ts'
import { shapes, short, total, widths } from './sizes.ts'

const op = 'read in place'
const copy = 'copied'

/** tfjs-node's gradients: what does it gain to read them where TensorFlow has them? */
export const inPlace: Question = {
  about: 'the passes of NSO with momentum on tensors of tfjs-node, gradients read in place or copied',
  groups({ quick }) {
    const nets = quick ? [widths.tiny] : [widths.mlp, widths.large]
    return nets.map((net) => group(net, quick))
  },
  works: {
    op: (options) => passes(options, openTensorflow),
    copy: (options) => passes(options, openAligned),
  },
}

function group(net: readonly number[], quick: boolean): Group {
  const sizes = shapes(net)
  const contestant = (name: string, work: string) => ({
    ...{ name, host: 'tensorflow' as const, work, options: { sizes }, unit: 'ns/parameter', scale: total(sizes) },
  })
  return {
    what: `passes on tfjs-node, ${short(total(sizes))} (${net.join('-')})`,
    ...{ rounds: quick ? 2 : 31, budget: quick ? 1 : 80 },
    // Passes alone, as in noise.ts.
    contestants: [{ ...contestant(op, 'op'), goal: { atMost: 2 }, by: 'least' }, contestant(copy, 'copy')],
    claims: [{ contestant: op, against: copy, as: 'faster', goal: { atLeast: 1 }, headline: true }],
  }
}

/** A step of NSO without its gradients, which are made anew before each: a training step never reads the same twice. */
function passes({ sizes }: Options, open: OpenStore): Work {
  const variables = (sizes as number[]).map((size) => tf.variable(tf.zeros([size])))
  const source = variables.map(({ size }, i) => tf.randomNormal([size], 0, 1, 'float32', i + 1))
  const weights = new Weights(new On(variables, open), { rule: 'momentum', sums: 1 })
  const scales = new Float32Array(variables.length).fill(0.01)
  let gradients: tf.Tensor[][] = []
  let step = 0
  return {
    before() {
      tf.dispose(gradients)
      gradients = [1, -1].map((sign) => source.map((one) => tf.mul(one, sign * 0.5)))
    },
    run() {
      weights.begin({ seed: 1, distribution: 'gaussian', rounds: 10, stream: 0, step: step++ }, scales, true)
      weights.perturb(0)
      weights.flip(gradients[0]!)
      weights.finish({ ...update, step }, gradients[1]!)
    },
  }
}

const update = {
  ...{ learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  ...{ clipNorm: 0, clipValue: 0, first: 1, lastOf: 1, last: 1, pair: 1, sum: 0, scale: 0.5, paired: 1 },
}

/** Variables in a store of choice. */
class On extends Variables {
  readonly #open: OpenStore

  constructor(variables: readonly tf.Variable[], open: OpenStore) {
    super(variables)
    this.#open = open
  }

  override open() {
    return openStore(this.tensors, [this.#open])
  }
}
