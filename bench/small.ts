import type { BackendName } from './backends.ts'
import type { Contestant, Group, Question } from './harness/question.ts'
import { shapes, short, total, widths } from './sizes.ts'
import { gradients, outside, renewed, saltflat, twin } from './works.ts'

const own = 'saltflat, nso(adam)'
const bare = 'its two gradients'
const apart = 'its two gradients, process without saltflat'
const fresh = 'two gradients at new weights'
const pure = 'pure tfjs, nso(adam)'
const around = 'saltflat, nso(adam), besides its gradients'
const bareAround = 'its two gradients, besides themselves'

/** Where there is little to compute, what does the machinery around it cost? */
export const small: Question = {
  about: 'a whole step of nso(adam), k = 1, where a model is small and fixed costs show',
  groups: ({ quick }) =>
    quick ? [group('cpu', quick)] : (['cpu', 'wasm', 'tensorflow'] as const).map((one) => group(one, quick)),
  works: {
    ...{ saltflat, gradients, renewed, twin },
    around: (options) => outside(saltflat(options), options.quick === true),
    bareAround: (options) => outside(gradients(options), options.quick === true),
  },
}

function group(backend: BackendName, quick: boolean): Group {
  const net = widths[quick ? 'tiny' : 'small']
  const contestant = (name: string, host: Contestant['host'], work: string): Contestant => ({
    ...{ name, host, work, options: { widths: net, batch: 32, quick }, unit: 'µs', scale: 1e3 },
  })
  const goal = backend === 'cpu' ? { goal: { atMost: 60 } } : {}
  const timed = `${backend} timed` as const
  return {
    what: `MLP ${net.join('-')} (${short(total(shapes(net)))}), batch 32, ${backend}`,
    ...(quick ? { rounds: 2, budget: 1 } : { rounds: 41, budget: 80 }),
    contestants: [
      contestant(own, backend, 'saltflat'),
      contestant(bare, backend, 'gradients'),
      contestant(apart, `${backend} stock`, 'gradients'),
      ...(backend === 'wasm' ? [{ ...contestant(fresh, backend, 'renewed'), scale: 500 }] : []),
      contestant(pure, `${backend} stock`, 'twin'),
      contestant(around, timed, 'around'),
      contestant(bareAround, timed, 'bareAround'),
    ],
    claims: [
      // In one process, for two of them differ by more than what is looked for here.
      { contestant: own, against: bare, as: 'beyond' },
      { contestant: own, against: fresh, as: 'beyond' },
      { contestant: own, against: apart, as: 'beyond' },
      // What a step adds to the calls of tfjs that its gradients are.
      { contestant: around, against: bareAround, as: 'beyond', headline: backend === 'cpu', ...goal },
      { contestant: own, against: pure, as: 'faster', headline: true, goal: { atLeast: 1 } },
    ],
  }
}
