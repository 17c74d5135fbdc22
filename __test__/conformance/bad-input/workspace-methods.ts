import { loadBinding, type UpdateOptions } from '../../../src/native/index.ts'
import { packed } from '../../native/packed.ts'
import { assert, detached, shared, type World } from './case.ts'
import {
  type Argument,
  finite,
  flag,
  floats,
  list,
  name,
  numbers,
  object,
  type Workspace,
  type Wrong,
  whole,
} from './native-arguments.ts'

export const addon: ReturnType<typeof loadBinding> = loadBinding()
export const sizes: readonly number[] = [3, 2]
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
export const out: Argument = together(list('outputs', sizes))
export const g: Argument = together(list('gradients', sizes, true))
/** Where there are none, `out` holds them; nor does TensorFlow hold any. */
const before: Argument = {
  ...list('values before', sizes, true),
  wrongs: list('values before', sizes, true)
    .wrongs.filter(([value]) => value != null)
    .map(([value, code, ...called]): Wrong => [value, code === 'ERR_STATE' ? 'ERR_DTYPE' : code, ...called]),
}
const perturbation = whole('perturbation', 0, most)
export const direction: Argument = object('direction', [finite('last', 1), finite('pair', 0), name('metric', 'plain')])
const keep: Argument = object('keep', [finite('old', 0), finite('new', 1)])
export const finishing: UpdateOptions = {
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
const gone = new Float64Array(16)
structuredClone(gone, { transfer: [gone.buffer] })
/** What `finish` is told. */
const update: Argument = {
  name: 'update',
  good: () => packed(finishing, sizes.length),
  wrongs: [
    ...[null, undefined].map((value) => [value, 'ERR_INVALID_ARGUMENT'] as const),
    ...[new Float32Array(16), Array.from({ length: 16 }, () => 1), finishing, 'x', 1].map(
      (value) => [value, 'ERR_DTYPE'] as const,
    ),
    ...[14, 15, 17, 0].map((length) => [new Float64Array(length), 'ERR_SHAPE', `${length} numbers`] as const),
    [new Float64Array(shared(32).buffer, 0, 16), 'ERR_SHARED', 'shared memory'],
    [gone, 'ERR_DETACHED', 'a detached array'],
    ...Object.entries(refused).flatMap(([field, values]) =>
      values.map(
        (value) =>
          [
            packed({ ...finishing, [field]: value }, sizes.length),
            'ERR_INVALID_ARGUMENT',
            `${field} ${value}`,
          ] as const,
      ),
    ),
  ],
}

type Rows = readonly (readonly [string, readonly Argument[]])[]
/** Methods that are functions of `passes()` too. */
const passes: Rows = [
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
  ['finish', [update, g, out, before]],
]
const short = 'passes().'

/** Every method with its arguments. */
export const methods: Rows = [
  ...passes,
  ...passes.map(([of, signature]) => [`${short}${of}`, signature] as const),
  [
    'load',
    [{ ...list('weights', sizes), wrongs: list('weights', sizes).wrongs.filter(([, code]) => code !== 'ERR_OVERLAP') }],
  ],
  ['collect', [perturbation, finite('factor', 1), flag('first', true), g, out]],
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

export const ones = (): Float32Array[] => sizes.map((size) => new Float32Array(size).fill(1))

export function workspace(
  world: World,
  rule = 'adam',
  vectors: object = { sums: 2, bank: true, origin: true },
): Workspace {
  const made = world.hold(new addon.Workspace([...sizes], rule, vectors as never))
  made.load(ones())
  made.begin(1, 'gaussian', 10, 0, 0, new Float32Array(2).fill(0.1), true)
  return made
}

/** A method of a workspace, or a function of its `passes()`. */
export function called(made: Workspace, of: string): (...all: never[]) => unknown {
  const [from, name] = of.startsWith(short) ? [made.passes(), of.slice(short.length)] : [made, of]
  const found = from[name as never] as (...all: never[]) => unknown
  return (...all) => found.apply(made, all)
}

/** The same, which must leave W as it is where it refuses. */
export const method =
  (made: Workspace, of: string) =>
  (args: never[]): unknown => {
    try {
      return called(made, of)(...args)
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

export const good = (of: string) =>
  (methods.find(([known]) => known === of)?.[1] ?? []).map((one) => one.good()) as never[]
