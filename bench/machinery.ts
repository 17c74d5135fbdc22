import type { Contestant, Group, Options, Question } from './harness/question.ts'
import { copies, machinery } from './native.ts'
import { shapes, short, total, widths } from './sizes.ts'

const pairs = { one: 'saltflat, k = 1', four: 'saltflat, k = 4' }
const copied = 'eight copies of a vector'
/** A read and a write each: a step with momentum has sixteen of them. */
const passes = 8
const torch = { published: "torch, the authors' form", minimal: 'torch, minimal' }

/** NSO with momentum and the free trace, gradients given: what does a step cost besides its gradients? */
export const machineryQuestion: Question = {
  about: 'a step of NSO with momentum on fixed gradients: noise, flip, trace, update',
  groups({ quick }) {
    const nets = quick ? [widths.tiny] : [widths.mlp, widths.large]
    return nets.flatMap((net) => [time(net, quick), memory(net)])
  },
  works: {
    machinery: (options) => step(options),
    copies: ({ size, threads }) => copies(size as number, passes, { threads: threads as number }),
    bytes: (options) => {
      const { bytes } = step(options)
      return { value: () => bytes }
    },
  },
}

function step(options: Options) {
  const { sizes, perturbations, threads } = options as { sizes: number[]; perturbations: number; threads: number }
  return machinery(sizes, 'momentum', perturbations, { threads })
}

function time(net: readonly number[], quick: boolean): Group {
  const sizes = shapes(net)
  const contestant = (name: string, host: 'native' | 'torch', options: Options): Contestant => ({
    ...{ name, host, work: 'machinery', options: { sizes, threads: 2, perturbations: 1, ...options } },
    ...{ unit: 'ns/parameter', scale: total(sizes) },
  })
  return {
    what: `machinery, ${short(total(sizes))} (${net.join('-')}), 2 threads`,
    ...{ rounds: quick ? 2 : 15, budget: quick ? 1 : 80 },
    contestants: [
      { ...contestant(pairs.one, 'native', {}), goal: { atMost: 2 } },
      contestant(pairs.four, 'native', { perturbations: 4 }),
      { ...contestant(copied, 'native', { size: total(sizes) }), work: 'copies' },
      contestant(torch.published, 'torch', { form: 'published' }),
      contestant(torch.minimal, 'torch', { form: 'minimal' }),
    ],
    claims: [
      { contestant: pairs.four, against: pairs.one, as: 'cost', goal: { atMost: 4.2 } },
      { contestant: pairs.one, against: copied, as: 'cost' },
      { contestant: pairs.one, against: torch.published, as: 'faster', goal: { atLeast: 6 }, headline: true },
      { contestant: pairs.one, against: torch.minimal, as: 'faster' },
    ],
  }
}

/** W, G and the momentum, and one vector more for any k > 1. */
function memory(net: readonly number[]): Group {
  const sizes = shapes(net)
  const contestant = (name: string, perturbations: number, atMost: number): Contestant => ({
    ...{ name, host: 'native', work: 'bytes', options: { sizes, perturbations, threads: 1 } },
    // Tensors begin on 64-byte boundaries, which is some bytes more than 4 a parameter.
    ...{ unit: 'vectors', scale: 4 * total(sizes), goal: { atMost } },
  })
  return {
    what: `memory besides the model's own values, ${short(total(sizes))}`,
    ...{ rounds: 1, budget: 0 },
    contestants: [contestant(pairs.one, 1, 3.01), contestant(pairs.four, 4, 4.01)],
    claims: [],
  }
}
