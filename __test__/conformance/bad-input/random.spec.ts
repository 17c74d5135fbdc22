import test from 'ava'
import fc from 'fast-check'
import * as saltflat from '../../../src/index.ts'
import { fromNative, loadBinding } from '../../../src/native/index.ts'
import { bits, tf } from '../../helpers/backends.ts'
import { anything, leaf, leaving, nearly, outcome, runs } from '../../helpers/fuzz.ts'
import { World } from './case.ts'
import { factories } from './options.ts'
import { called, methods } from './workspace-methods.ts'

// Random values at every public function and every method of the addon: what comes is a valid result or a typed error,
// nothing is left behind, and weights that were not trained are bit-equal.

test.before(() => tf.setBackend('cpu'))

/** Options of everything, with values that are good somewhere. */
const options = nearly({
  ...{ learningRate: [0.1, saltflat.cosine({ initial: 0.1, steps: 3 })], momentum: [0.9], beta1: [0.9], beta2: [0.99] },
  ...{ epsilon: [1e-8], amsgrad: [true], decay: [0.9], centered: [true], weightDecay: [0.1], l2: [0.1] },
  ...{ clipNorm: [1], clipValue: [1], accumulation: [2], decayFilter: ['x'], distance: [0.1, [{ strength: 1 }]] },
  ...{ sigma: [0.1, saltflat.constant(0.1)], perturbations: [2], distribution: ['laplace'], mixing: [0.5] },
  ...{ filter: ['Variable'], data: ['split'], rounds: [7], rho: [0.1], seed: [1], batchNorm: ['last', 'clean'] },
})
const schedule = nearly({
  ...{
    initial: [0, 1],
    final: [1, 1e-300],
    steps: [1, 3],
    factor: [0.5, 1e300],
    every: [2],
    kind: ['linear', 'joined'],
  },
  ...{ value: [1], parts: [[], [{ schedule: 1, steps: 1 }]], last: [0.1] },
})
const batch = nearly({
  ...{ sigma: [0.1, [0.1]], perturbations: [1, 3], first: [1], signs: ['both', 'plus'], seed: [1] },
  ...{ distribution: ['uniform'], rounds: [7], stream: [2], step: [3] },
})
const floats = fc.oneof(fc.float32Array({ maxLength: 5 }), anything)

/** A loss, or something in its place; it ends a step that would take long. */
const loss = ({ loss: good, b }: World): fc.Arbitrary<unknown> => {
  let passes = 0
  const limited = (value: () => unknown) => () => {
    if (++passes > 40) throw new Error('enough')
    return value()
  }
  const made: (() => unknown)[] = [
    good,
    good,
    () => tf.tidy(() => tf.mul(good(), Number.NaN)),
    () => tf.tidy(() => tf.sum(tf.square(b))),
  ]
  return fc.oneof(fc.constantFrom(...made.map(limited)), anything)
}

const schedules: readonly ((given: never) => saltflat.ScheduleObject)[] = [
  ...[saltflat.constant, saltflat.linear, saltflat.warmup, saltflat.geometric, saltflat.cosine],
  ...[saltflat.stepDecay, saltflat.exponential, saltflat.joined],
]

/** Calls of public functions with values that come from here. */
const calls: [string, (world: World) => fc.Arbitrary<() => unknown>][] = [
  ...factories.map(([name, make]): (typeof calls)[number] => [
    name,
    () => fc.oneof(options, anything).map((given) => () => make(given as never).dispose()),
  ]),
  ...[saltflat.nso, saltflat.oneSided, saltflat.sam].map((wrap): (typeof calls)[number] => [
    `${wrap.name}, base`,
    () =>
      fc.tuple(anything, options).map(
        ([base, given]) =>
          () =>
            wrap(base as never, given as never).dispose(),
      ),
  ]),
  ...schedules.map((make): (typeof calls)[number] => [
    make.name,
    () =>
      fc.tuple(fc.oneof(schedule, anything, fc.array(schedule)), leaf).map(([given, step]) => () => {
        const made = make(given as never)
        const value = saltflat.valueAt(made, step as number)
        if (!(value >= 0 && Number.isFinite(value))) throw new Error(`a schedule gave ${value}`)
      }),
  ]),
  [
    'valueAt',
    () => fc.tuple(fc.oneof(schedule, anything), leaf).map((all) => () => saltflat.valueAt(...(all as [never, never]))),
  ],
  ['curvature', () => anything.map((given) => () => saltflat.curvature(given as never))],
  [
    'perturbBatch',
    () =>
      fc.tuple(fc.oneof(floats, fc.array(floats, { maxLength: 3 })), fc.oneof(batch, anything)).map(
        ([weights, given]) =>
          () =>
            saltflat.perturbBatch(weights as never, given as never),
      ),
  ],
  [
    'reestimateBatchNorm',
    () =>
      fc
        .tuple(anything, anything, anything)
        .map((all) => () => saltflat.reestimateBatchNorm(...(all as [never, never, never]))),
  ],
  ['FlatOptimizer', () => anything.map((given) => () => new saltflat.FlatOptimizer(given as never))],
  [
    'FlatOptimizer.fromConfig',
    () =>
      anything.map(
        (settings) => () => saltflat.FlatOptimizer.fromConfig(saltflat.FlatOptimizer as never, { settings } as never),
      ),
  ],
  [
    'minimize',
    () => {
      const gradient = fc.oneof(
        fc.constantFrom(
          (x: Float32Array) => x,
          (x: Float32Array) => ({ loss: 1, gradient: x.slice() }),
        ),
        anything.map((value) => () => value),
        anything,
      )
      const given = fc.oneof(nearly({ steps: [1, 2], onStep: [() => {}], signal: [AbortSignal.abort()] }), anything)
      return fc.tuple(gradient, floats, options, given).map(([f, x0, made, all]) => async () => {
        const optimizer = saltflat.nso(saltflat.sgd(), made as never)
        try {
          await saltflat.minimize(f as never, x0 as never, optimizer, all as never)
        } finally {
          optimizer.dispose()
        }
      })
    },
  ],
  [
    'smoothedTrace',
    (world) =>
      fc
        .tuple(
          loss(world),
          fc.oneof(nearly({ variables: [world.variables], sigma: [0.1], pairs: [2], seed: [1] }), anything),
        )
        .map(
          ([f, given]) =>
            () =>
              tidied(() => saltflat.smoothedTrace(f as never, given as never)),
        ),
  ],
  [
    'FlatOptimizer.minimize',
    (world) =>
      fc.tuple(loss(world), options, fc.oneof(fc.constant(world.variables), fc.array(anything))).map(
        ([f, given, variables]) =>
          () =>
            withOptimizer(given, (optimizer) =>
              tidied(() => optimizer.minimize(f as never, false, variables as never)),
            ),
      ),
  ],
  ...Object.entries({
    setWeights: (optimizer: saltflat.FlatOptimizer, value: unknown) => optimizer.setWeights(value as never),
    applyGradients: (optimizer: saltflat.FlatOptimizer, value: unknown) => optimizer.applyGradients(value as never),
    learningRate: (optimizer: saltflat.FlatOptimizer, value: unknown) => {
      optimizer.learningRate = value as never
    },
  }).map(([name, give]): (typeof calls)[number] => [
    `FlatOptimizer.${name}`,
    (world) => {
      const optimizer = world.hold(saltflat.nso(saltflat.adam(), { seed: 1 }))
      optimizer.minimize(world.loss, false, world.variables)
      return anything.map((value) => () => give(optimizer, value))
    },
  ]),
]

for (const [name, arbitrary] of calls) {
  test.serial(`${name}: any values`, async (t) => {
    const world = new World()
    let refusals = 0
    const property = fc.asyncProperty(arbitrary(world), async (call) => {
      const before = world.variables.map(bits)
      const code = await leaving(() => outcome(call))
      if (code === null) return
      refusals++
      if (`${before}` !== `${world.variables.map(bits)}`) throw new Error(`${code}, and the weights are others`)
    })
    await t.notThrowsAsync(fc.assert(property, runs(150)))
    t.true(refusals > 0)
    world.dispose()
  })
}

const { Workspace } = loadBinding()

for (const [of, signature] of methods) {
  test(`native ${of}: any values`, async (t) => {
    const workspace = new Workspace([3, 2], 'adam', { sums: 2, bank: true, origin: true })
    workspace.load([new Float32Array(3), new Float32Array(2)])
    const args = fc.tuple(
      ...signature.map(({ good, wrongs }) =>
        fc.oneof(fc.constant(null).map(good), fc.constantFrom(...wrongs.map(([value]) => value)), anything),
      ),
    )
    const call = (given: unknown[]) => {
      try {
        called(workspace, of)(...(given as never[]))
      } catch (error) {
        throw fromNative(error)
      }
    }
    const property = fc.asyncProperty(args, async (given) => {
      await outcome(() => call(given))
      const now = [new Float32Array(3), new Float32Array(2)]
      workspace.restore(now)
      const finite = now.every((one) => one.every(Number.isFinite))
      if (!finite && of !== 'load') throw new Error(`W is ${now}`)
    })
    await t.notThrowsAsync(fc.assert(property, runs(200)))
    workspace.dispose()
  })
}

/** What a loss drops it makes inside tf.tidy, as stock losses do. */
function tidied(run: () => unknown): void {
  tf.engine().startScope()
  try {
    run()
  } finally {
    tf.engine().endScope()
  }
}

function withOptimizer(given: object, run: (optimizer: saltflat.FlatOptimizer) => unknown): unknown {
  const { momentum: _, ...rest } = given as Record<string, unknown>
  const wrapped = ['sigma', 'perturbations', 'distribution', 'mixing', 'filter', 'data', 'rounds', 'seed', 'batchNorm']
  const outer = Object.fromEntries(Object.entries(rest).filter(([key]) => wrapped.includes(key)))
  const inner = Object.fromEntries(
    Object.entries(rest).filter(([key]) =>
      ['learningRate', 'l2', 'clipNorm', 'distance', 'accumulation'].includes(key),
    ),
  )
  const optimizer = saltflat.nso(saltflat.sgd(inner as never), outer as never)
  try {
    return run(optimizer)
  } finally {
    optimizer.dispose()
  }
}
