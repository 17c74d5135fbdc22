import * as tf from '@tensorflow/tfjs'
import { adamw } from 'saltflat'
import type { BackendName } from './backends.ts'
import type { Contestant, Goal, Group, Options, Question, Work } from './harness/question.ts'
import { mlp } from './models.ts'
import { update } from './native.ts'
import { shapes, short, total, widths } from './sizes.ts'

const own = 'saltflat, adamw'
const native = 'saltflat, adamw, arithmetic alone'
const stock = 'tf.train.adam'

/** The update by the base optimizer, gradients given. */
export const optimizer: Question = {
  about: 'applyGradients: AdamW of saltflat, with weight decay, against tf.train.adam, without',
  groups({ quick }) {
    const net = quick ? widths.tiny : widths.mlp
    const pace = quick ? { rounds: 2, budget: 1 } : { rounds: 15, budget: 100 }
    if (quick) return [apply(net, 'cpu', pace)]
    return [
      apply(net, 'tensorflow', pace, { atLeast: 4 }),
      apply(net, 'wasm', pace),
      apply(net, 'cpu', { rounds: 9, budget: 200 }, { atLeast: 50 }),
    ]
  },
  works: {
    update: ({ widths: net, threads }) => update(shapes(net as number[]), 'adamw', { threads: threads as number }),
    adamw: (options) => applying(options, () => adamw()),
    adam: (options) => applying(options, () => tf.train.adam()),
  },
}

function apply(
  net: readonly number[],
  backend: BackendName,
  pace: { rounds: number; budget: number },
  goal?: Goal,
): Group {
  const size = total(shapes(net))
  const contestant = (name: string, host: Contestant['host'], work: string): Contestant => ({
    ...{ name, host, work, options: { widths: net, threads: 2 }, unit: 'ns/parameter', scale: size },
  })
  const arithmetic = backend === 'tensorflow'
  return {
    what: `applyGradients, ${short(size)}, ${backend}`,
    ...pace,
    contestants: [
      contestant(own, backend, 'adamw'),
      contestant(stock, `${backend} stock`, 'adam'),
      ...(arithmetic ? [contestant(native, 'native', 'update')] : []),
    ],
    claims: [
      { contestant: own, against: stock, as: 'faster', headline: true, ...(goal && { goal }) },
      { contestant: native, against: stock, as: 'faster', goal: { atLeast: 10 } },
    ],
  }
}

function applying({ widths: net }: Options, make: () => tf.Optimizer): Work {
  const { variables, loss } = mlp(net as number[], 8)
  const { value, grads } = tf.tidy(() => tf.variableGrads(loss, variables))
  value.dispose()
  const one = make()
  return { run: () => one.applyGradients(grads) }
}
