import * as tf from '@tensorflow/tfjs'
import { loadBinding } from '../src/native/index.ts'
import { stores } from '../src/params/registry.ts'
import type { OpenStore } from '../src/params/store.ts'
import type { BackendName } from './backends.ts'
import type { Contestant, Group, Options, Question, Work } from './harness/question.ts'
import { median } from './harness/statistics.ts'
import { Stopwatch } from './harness/stopwatch.ts'
import { widths } from './sizes.ts'
import { gradients, renewed, saltflat } from './works.ts'

/** The parts of a step, in the order in which tables show them. */
const parts = {
  gradients: 'two gradients, by tfjs',
  perturb: 'native: perturb',
  flip: 'native: flip',
  finish: 'native: finish',
  begin: 'native: begin',
  read: 'reading gradients',
  write: 'writing weights',
  loss: 'reading the loss',
  free: 'freeing gradients',
  rest: "saltflat's TypeScript",
}
const whole = 'whole step'
const bare = 'its two gradients'
const timed = 'whole step, with stopwatch'

const models: [string, Options][] = [
  ['MLP of 670k, batch 128', { widths: widths.mlp, batch: 128 }],
  ['conv net of 106k, batch 64', { batch: 64 }],
  ['MLP of 3.3k, batch 32', { widths: widths.small, batch: 32 }],
]

/** Where does the time of a step go? */
export const profile: Question = {
  about: 'the parts of a step of nso(adam), k = 1',
  groups({ quick }) {
    if (quick) return [group(['tiny net', { widths: widths.tiny, batch: 8 }], 'cpu', { rounds: 2, budget: 1 })]
    const pace = { rounds: 15, budget: 200 }
    const last = models.at(-1)!
    return [
      ...models.map((model) => group(model, 'tensorflow', pace)),
      ...models.map((model) => group(model, 'wasm', pace)),
      group(last, 'cpu', pace),
    ]
  },
  works: {
    saltflat,
    gradients,
    renewed,
    timed(options) {
      const { run } = saltflat(options) as Required<Work>
      const watch = stopwatch()
      return { run: () => watch.call(parts.rest, run) }
    },
    part: ({ part }) => ({ value: () => median(stopwatch().of(part as string)) }),
  },
}

/** Parts are read from the rounds of the timed step, in whose process they are. */
function group(
  [what, options]: [string, Options],
  backend: BackendName,
  pace: { rounds: number; budget: number },
): Group {
  const contestant = (name: string, kind: '' | ' stock' | ' timed', work: string, more: Options): Contestant => ({
    ...{ name, host: `${backend}${kind}`, work, options: more, unit: 'µs', scale: 1e3 },
  })
  return {
    what: `${what}, ${backend}`,
    ...pace,
    contestants: [
      contestant(whole, '', 'saltflat', options),
      // On wasm at new weights, as a step has them: one, counted twice.
      ...(backend === 'wasm'
        ? [{ ...contestant(bare, ' stock', 'renewed', options), scale: 500 }]
        : [contestant(bare, ' stock', 'gradients', options)]),
      contestant(timed, ' timed', 'timed', options),
      ...Object.values(parts).map((part) => contestant(part, ' timed', 'part', { part })),
    ],
    claims: [
      { contestant: whole, against: bare, as: 'cost' },
      { contestant: whole, against: bare, as: 'beyond' },
    ],
  }
}

let made: Stopwatch | null = null

/** The stopwatch of this process, on the methods that a step goes through. */
function stopwatch(): Stopwatch {
  if (made !== null) return made
  made = new Stopwatch()
  watchPasses(loadBinding().Workspace.prototype, made)
  made.watch(tf.engine(), 'gradients', parts.gradients)
  made.watch(tf.Tensor.prototype, 'dataSync', parts.loss)
  made.watch(tf.Tensor.prototype, 'dispose', parts.free, { top: true })
  const list = stores as OpenStore[]
  for (const [i, open] of list.entries()) list[i] = watched(open, made)
  return made
}

/** Every workspace gives its passes watched. */
function watchPasses(workspaces: { passes(): object }, watch: Stopwatch): void {
  const { passes } = workspaces
  workspaces.passes = function () {
    const own = passes.call(this)
    for (const name of ['begin', 'perturb', 'flip', 'finish'] as const) {
      watch.watch(own, name, parts[name], { opaque: true })
    }
    return own
  }
}

/** A store whose `write` is charged for all but the passes and the reading that it is given to do. */
function watched(open: OpenStore, watch: Stopwatch): OpenStore {
  return (variables, backend) => {
    const store = open(variables, backend)
    if (store === null) return null
    watch.watch(store, 'values', parts.read, { opaque: true })
    watch.watch(store, 'write', parts.write)
    return store
  }
}
