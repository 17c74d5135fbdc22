import { hessian } from 'saltflat'
import type { BackendName } from './backends.ts'
import type { Contestant, Group, Options, Question } from './harness/question.ts'
import { widths } from './sizes.ts'
import { gradients, model } from './works.ts'

const product = 'saltflat, Hv'
const one = 'one gradient'

const mlp = widths.mlp.join('-')
const cases: readonly [string, Options][] = [
  [`MLP ${mlp}, batch 128`, { widths: widths.mlp, batch: 128 }],
  ['conv net of 106k, batch 64', { batch: 64 }],
]

/** An exact product with the Hessian: how many gradients does it cost? */
export const hessianQuestion: Question = {
  about: 'an exact Hessian-vector product against a gradient',
  groups({ quick }) {
    if (quick) return [group(['tiny net', { widths: widths.tiny, batch: 8 }], 'cpu', { rounds: 2, budget: 1 })]
    return [
      ...cases.map((net) => group(net, 'tensorflow', { rounds: 21, budget: 200 })),
      ...cases.map((net) => group(net, 'wasm', { rounds: 9, budget: 300 })),
      // A product takes seconds: a call a round.
      ...cases.map((net) => group(net, 'cpu', { rounds: 3, budget: 300 })),
    ]
  },
  works: {
    gradients,
    product(options) {
      const { variables, loss, size } = model(options)
      const H = hessian(loss, { variables })
      const v = Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1))
      return {
        run() {
          H.matvec(v)
        },
      }
    },
  },
}

function group(
  [name, options]: [string, Options],
  backend: BackendName,
  pace: Pick<Group, 'rounds' | 'budget'>,
): Group {
  const contestant = (what: string, host: Contestant['host'], work: string, scale: number): Contestant => ({
    ...{ name: what, host, work, options, unit: 'ms', scale },
  })
  const limit = backend === 'tensorflow' ? { goal: { atMost: 3.3 } } : {}
  return {
    what: `${name}, ${backend}`,
    ...pace,
    contestants: [
      contestant(product, backend, 'product', 1e6),
      // The work takes two.
      contestant(one, `${backend} stock`, 'gradients', 2e6),
    ],
    claims: [{ contestant: product, against: one, as: 'cost', ...limit }],
  }
}
