import { loadBinding, packed, type UpdateOptions } from '../../../src/native/index.ts'
import { assert, type Case, detached, type Outcome, shared, type Theme, type World } from './case.ts'
import {
  type Argument,
  finite,
  flag,
  floats,
  list,
  name,
  native,
  numbers,
  object,
  spoilt,
  type Workspace,
  type Wrong,
  whole,
} from './native-arguments.ts'

const addon = loadBinding()
const sizes = [3, 2]
const most = 2 ** 24 - 1

/** An array a tensor; or one of them all, each at a multiple of 64 floats. */
const together = (apart: Argument): Argument => ({
  ...apart,
  wrongs: [
    ...apart.wrongs.map(
      ([value, code, ...called]): Wrong => [
        value,
        value == null || Array.isArray(value) ? code : 'ERR_DTYPE',
        ...called,
      ],
    ),
    ...[127, 129, 5, 0].map(
      (length): Wrong => [new Float32Array(length), 'ERR_SHAPE', `${length} floats in one array`],
    ),
    [new Float64Array(128), 'ERR_DTYPE', 'one array of doubles'],
    [shared(128), 'ERR_SHARED', 'one array of shared memory'],
    [detached(128), 'ERR_DETACHED', 'one array, detached'],
  ],
})
const out = together(list('outputs', sizes))
const g = together(list('gradients', sizes, true))
/** Where there are none, `out` holds them; nor does TensorFlow hold any. */
const before: Argument = {
  ...list('values before', sizes, true),
  wrongs: list('values before', sizes, true)
    .wrongs.filter(([value]) => value != null)
    .map(([value, code, ...called]): Wrong => [value, code === 'ERR_STATE' ? 'ERR_DTYPE' : code, ...called]),
}
const perturbation = whole('perturbation', 0, most)
const direction = object('direction', [finite('last', 1), finite('pair', 0), name('metric', 'plain')])
const keep: Argument = object('keep', [finite('old', 0), finite('new', 1)])
const finishing: UpdateOptions = {
  ...{ last: 1, pair: 1, sum: 1, scale: 1, paired: 1, clipNorm: 0, clipValue: 0, first: 1, lastOf: 1 },
  ...{ learningRate: 1, beta1: 0.5, beta2: 0.5, epsilon: 1, step: 1 },
}
const infinite = [1e39, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
/** What no number of an update may be. */
const refused: Readonly<Record<keyof UpdateOptions, readonly number[]>> = {
  ...{ last: infinite, pair: infinite, sum: infinite, scale: infinite },
  ...{ learningRate: infinite, epsilon: infinite, step: infinite },
  ...{ beta1: [...infinite, 1, -0.1, 1.5], beta2: [...infinite, 1, -0.1, 1.5] },
  ...{ clipNorm: [-1, Number.NaN], clipValue: [-1, Number.NaN] },
  ...{ paired: [-1, 2, 0.5, Number.NaN], first: [-1, 2, 0.5, Number.NaN], lastOf: [-1, 0.5, 2 ** 32] },
}
const gone = new Float64Array(14)
structuredClone(gone, { transfer: [gone.buffer] })
/** What `finish` is told. */
const update: Argument = {
  name: 'update',
  good: () => packed(finishing),
  wrongs: [
    ...[null, undefined].map((value) => [value, 'ERR_INVALID_ARGUMENT'] as const),
    ...[new Float32Array(14), Array.from({ length: 14 }, () => 1), finishing, 'x', 1].map(
      (value) => [value, 'ERR_DTYPE'] as const,
    ),
    ...[13, 15, 0].map((length) => [new Float64Array(length), 'ERR_SHAPE', `${length} numbers`] as const),
    [new Float64Array(shared(28).buffer, 0, 14), 'ERR_SHARED', 'shared memory'],
    [gone, 'ERR_DETACHED', 'a detached array'],
    ...Object.entries(refused).flatMap(([field, values]) =>
      values.map(
        (value) => [packed({ ...finishing, [field]: value }), 'ERR_INVALID_ARGUMENT', `${field} ${value}`] as const,
      ),
    ),
  ],
}

/** Every method with its arguments. */
export const methods: readonly [string, readonly Argument[]][] = [
  [
    'load',
    [{ ...list('weights', sizes), wrongs: list('weights', sizes).wrongs.filter(([, code]) => code !== 'ERR_OVERLAP') }],
  ],
  ['restore', [out]],
  [
    'begin',
    [
      whole('seed', 1, Number.MAX_SAFE_INTEGER),
      name('distribution', 'gaussian'),
      whole('rounds', 10, 10),
      whole('stream', 0, 255),
      whole('step', 0, 2 ** 32 - 1),
      floats('scales', 2, 'ERR_INVALID_ARGUMENT'),
      flag('first', true),
    ],
  ],
  ['perturb', [perturbation, out]],
  ['flip', [g, out, before]],
  ['accumulate', [perturbation, flag('first', true), g, out, before]],
  ['collect', [perturbation, finite('factor', 1), flag('first', true), g, out]],
  ['finish', [update, g, out, before]],
  ['products', [g]],
  ['norms', [direction, g]],
  [
    'ascend',
    [
      floats('scales', 2, 'ERR_INVALID_ARGUMENT'),
      direction,
      { ...keep, wrongs: keep.wrongs.filter(([value]) => value != null) },
      g,
      out,
    ],
  ],
  ['setPenalties', [numbers('l2', 2), numbers('decay', 2), numbers('distance', 2)]],
  ['vector', [name('name', 'moment0'), whole('tensor', 0, 1)]],
  ['setVector', [name('name', 'moment0'), whole('tensor', 0, 1), floats('values', 3, null)]],
  [
    'setBanked',
    [
      {
        name: 'reached',
        good: () => [true, false],
        wrongs: [
          [null, 'ERR_INVALID_ARGUMENT'],
          [[1, 0], 'ERR_INVALID_ARGUMENT'],
          [[true], 'ERR_SHAPE'],
          [{}, 'ERR_INVALID_ARGUMENT'],
        ],
      },
    ],
  ],
]

const ones = () => sizes.map((size) => new Float32Array(size).fill(1))

function workspace(world: World, rule = 'adam', vectors: object = { sums: 2, bank: true, origin: true }): Workspace {
  const made = world.hold(new addon.Workspace(sizes, rule, vectors as never))
  made.load(ones())
  made.begin(1, 'gaussian', 10, 0, 0, new Float32Array(2).fill(0.1), true)
  return made
}

/** A method of a workspace, which must leave W as it is where it refuses. */
const method = (made: Workspace, of: string) => (args: never[]) => {
  try {
    return (made[of as 'flip'] as (...all: never[]) => unknown)(...args)
  } catch (error) {
    const now = ones().map((one) => one.fill(7))
    made.restore(now)
    assert(
      now.every((one) => one.every((value) => value === 1)),
      'W is as it was',
    )
    throw error
  }
}

const good = (of: string) => (methods.find(([known]) => known === of)?.[1] ?? []).map((one) => one.good()) as never[]

const placeOfGradients = (of: string) => methods.find(([known]) => known === of)![1].indexOf(g)

/** A call that is right in itself, on a workspace that cannot take it. */
const orders: [string, string, string, object, Outcome, ((first: never, ...rest: unknown[]) => unknown[])?][] = [
  ['flip', 'without a vector for a pair', 'sgd', { sums: 0 }, 'ERR_STATE'],
  ['accumulate', 'without one for a total', 'sgd', { sums: 1 }, 'ERR_STATE'],
  ['collect', 'without one for a total', 'sgd', { sums: 0 }, 'ERR_STATE'],
  ['finish', 'of a pair without its vector', 'sgd', { sums: 0 }, 'ERR_STATE'],
  [
    'finish',
    'of a micro-batch without a bank',
    'sgd',
    { sums: 2 },
    'ERR_STATE',
    (_, ...rest) => [packed({ ...finishing, lastOf: 2 }), ...rest],
  ],
  [
    'finish',
    'of a single micro-batch that is not the first',
    'sgd',
    { sums: 2 },
    'ERR_INVALID_ARGUMENT',
    (_, ...rest) => [packed({ ...finishing, first: 0 }), ...rest],
  ],
  [
    'finish',
    'with two bounds',
    'sgd',
    { sums: 2 },
    'ERR_INVALID_ARGUMENT',
    (_, ...rest) => [packed({ ...finishing, clipNorm: 1, clipValue: 1 }), ...rest],
  ],
  [
    'finish',
    'with a bound of elements for the mean',
    'mean',
    { sums: 2 },
    'ERR_INVALID_ARGUMENT',
    (_, ...rest) => [packed({ ...finishing, clipValue: 1 }), ...rest],
  ],
  [
    'norms',
    'of a pair without its vector',
    'sgd',
    { sums: 0 },
    'ERR_STATE',
    (all: object, ...rest) => [{ ...all, pair: 1 }, ...rest],
  ],
  ['ascend', 'keeping what it has no vector for', 'sgd', { sums: 0 }, 'ERR_STATE'],
  [
    'setPenalties',
    'of a distance without its origin',
    'sgd',
    { sums: 0 },
    'ERR_STATE',
    (l2, decay) => [l2, decay, [1, 1]],
  ],
  ...['moment0', 'bank', 'origin'].map((vector): (typeof orders)[number] => [
    'vector',
    `${vector} that it has not`,
    'sgd',
    { sums: 1 },
    'ERR_INVALID_ARGUMENT',
    () => [vector, 0],
  ]),
  ...['flip', 'accumulate', 'collect', 'finish'].flatMap((of) =>
    [Number.NaN, Number.POSITIVE_INFINITY].map((value): (typeof orders)[number] => [
      of,
      `a gradient of ${value}`,
      'adam',
      { sums: 2 },
      'ERR_NOT_FINITE',
      (...args: unknown[]) =>
        args.map((one, i) => (i === placeOfGradients(of) ? [new Float32Array(3).fill(value), null] : one)),
    ]),
  ),
]

/** Every method of a workspace, argument by argument, out of order and after its end. */
export const workspaces: Theme = {
  name: 'native workspaces',
  on: 'once',
  cases: [
    ...methods.flatMap(([of, signature]) =>
      spoilt(`Workspace.${of}`, signature, (world) => method(workspace(world), of)),
    ),
    ...methods.map(
      ([of]): Case => ({
        of: `native Workspace.${of}`,
        what: 'good arguments',
        outcome: 'works',
        given(world) {
          const made = workspace(world)
          return native(() => method(made, of)(good(of)))
        },
      }),
    ),
    ...[...methods.map(([of]) => of), 'checkWhole', 'banked']
      .filter((of) => of in addon.Workspace.prototype)
      .map(
        (of): Case => ({
          of: `native Workspace.${of}`,
          what: 'after dispose',
          outcome: 'ERR_DISPOSED',
          given(world) {
            const made = workspace(world)
            made.dispose()
            return native(() => (made[of as 'flip'] as (...all: never[]) => unknown)(...good(of)))
          },
        }),
      ),
    ...orders.map(
      ([of, what, rule, vectors, outcome, change]): Case => ({
        of: `native Workspace.${of}`,
        what,
        outcome,
        given(world) {
          const made = workspace(world, rule, vectors)
          const args = good(of)
          return native(() =>
            method(made, of)((change?.(...(args as unknown as [never, ...unknown[]])) ?? args) as never[]),
          )
        },
      }),
    ),
    {
      of: 'native Workspace.flip',
      what: 'a gradient that shares memory with an output',
      outcome: 'ERR_OVERLAP',
      given(world) {
        const [made, memory] = [workspace(world), new Float32Array(5)]
        const [left, right] = [memory.subarray(0, 3), memory.subarray(3)]
        return native(() =>
          method(
            made,
            'flip',
          )([
            [left, null],
            [left, right],
          ] as never[]),
        )
      },
    },
    {
      of: 'native Workspace.flip',
      what: 'a gradient that shares memory with the one array of the outputs',
      outcome: 'ERR_OVERLAP',
      given(world) {
        const [made, memory] = [workspace(world), new Float32Array(128)]
        return native(() => method(made, 'flip')([[memory.subarray(64, 67), null], memory] as never[]))
      },
    },
    {
      of: 'native Workspace.perturb',
      what: 'one array of all outputs: the same bits, and what lies between them is not touched',
      outcome: 'works',
      given(world) {
        const [made, apart, memory] = [workspace(world), ones(), new Float32Array(128).fill(7)]
        return native(() => {
          made.perturb(0, apart)
          made.perturb(0, memory)
          const expected = new Float32Array(128).fill(7)
          for (const [i, one] of apart.entries()) expected.set(one, 64 * i)
          assert(Buffer.from(memory.buffer).equals(Buffer.from(expected.buffer)), 'the bits are the same')
        })
      },
    },
    {
      of: 'native Workspace.finish',
      what: 'one array of all gradients: the same bits',
      outcome: 'works',
      given(world) {
        const gradients = sizes.map((size, t) => Float32Array.from({ length: size }, (_, i) => i - t + 0.5))
        // What lies between them counts for nothing.
        const memory = new Float32Array(128).fill(Number.NaN)
        for (const [t, one] of gradients.entries()) memory.set(one, 64 * t)
        const [apart, whole] = [gradients, memory].map((given) => {
          const [made, outputs] = [workspace(world), ones()]
          made.perturb(0, outputs)
          made.flip(given, outputs)
          const dots = made.finish(packed({ ...finishing, sum: 0 }), given, outputs)
          return Buffer.concat([...outputs, Float64Array.from(dots)].map(({ buffer }) => Buffer.from(buffer)))
        })
        return native(() => assert(apart!.equals(whole!), 'the bits are the same'))
      },
    },
    {
      of: 'native Workspace.flip',
      what: 'one array of all gradients that is an output too',
      outcome: 'ERR_OVERLAP',
      given(world) {
        const [made, memory] = [workspace(world), new Float32Array(128)]
        return native(() => method(made, 'flip')([memory, memory] as never[]))
      },
    },
    {
      of: 'native Workspace.flip',
      what: 'gradients that share memory with each other alone',
      outcome: 'works',
      given(world) {
        const [made, memory] = [workspace(world), new Float32Array(3)]
        return native(() => method(made, 'flip')([[memory, memory.subarray(0, 2)], out.good()] as never[]))
      },
    },
    {
      of: 'native Workspace.ascend',
      what: 'scales that share memory with an output',
      outcome: 'ERR_OVERLAP',
      given(world) {
        const [made, memory] = [workspace(world), new Float32Array(5)]
        const outputs = [memory.subarray(0, 3), memory.subarray(3)]
        return native(() =>
          method(made, 'ascend')([memory.subarray(3), direction.good(), null, g.good(), outputs] as never[]),
        )
      },
    },
    {
      of: 'native Workspace.perturb',
      what: 'outputs of which one, when it is fetched, detaches another',
      outcome: 'ERR_DETACHED',
      given(world) {
        const [made, first] = [workspace(world), new Float32Array(3)]
        const outputs = [first, new Float32Array(2)]
        Object.defineProperty(outputs, 1, {
          get() {
            structuredClone(first, { transfer: [first.buffer] })
            return new Float32Array(2)
          },
        })
        return native(() => method(made, 'perturb')([0, outputs] as never[]))
      },
    },
    {
      of: 'native Workspace.dispose',
      what: 'twice',
      outcome: 'works',
      given(world) {
        const made = workspace(world)
        return () => {
          made.dispose()
          made.dispose()
          assert(made.bytes === 0, 'no bytes are held')
        }
      },
    },
    ...['bytes', 'device', 'deviceBytes', 'moments'].map(
      (of): Case => ({
        of: `native Workspace.${of}`,
        what: 'of something else',
        outcome: 'ERR_INVALID_ARGUMENT',
        given: () => native(() => Object.getOwnPropertyDescriptor(addon.Workspace.prototype, of)!.get!.call({})),
      }),
    ),
  ],
}
