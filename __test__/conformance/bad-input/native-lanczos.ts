import { type LanczosState, loadBinding } from '../../../src/native/index.ts'
import { assert, type Case, type Outcome, simple, type Theme, type World } from './case.ts'
import {
  type Argument,
  compute,
  flag,
  floats,
  name,
  native,
  numbers,
  optional,
  spoilt,
  type Wrong,
  whole,
} from './native-arguments.ts'

const { Lanczos, tridiagonalEigen } = loadBinding()
type Run = InstanceType<typeof Lanczos>

/** Places of which `good` is one. */
function places(what: string, good: number[], range = true): Argument {
  const wrongs = [[-1], [0.5], [Number.NaN], ['x'], [2 ** 31], ...(range ? [[7], [0, 0]] : [])]
  const all = [null, undefined, 'x', 1, {}, ...wrongs]
  return { name: what, good: () => good, wrongs: all.map((one): Wrong => [one, 'ERR_INVALID_ARGUMENT']) }
}

/** What addresses a draw. */
const drawn = [
  whole('seed', 7, 2 ** 53 - 1),
  name('distribution', 'gaussian'),
  whole('stream', 3, 255),
  whole('index', 0, 2 ** 24 - 1),
]

/** Every method with its arguments. */
const methods: readonly [string, readonly Argument[]][] = [
  ['start', [floats('vector', 3)]],
  ['startDrawn', drawn],
  ['read', [floats('values', 3, null)]],
  ['step', [floats('product', 3)]],
  ['restart', [places('kept', [0])]],
  ['lock', [places('stay', []), places('kept', [0])]],
  ['basis', [whole('place', 0, 1)]],
]

function begun(world: World): Run {
  const run = world.hold(new Lanczos(3, true))
  run.start(Float32Array.of(1, 1, 1))
  return run
}

/** A method with arguments that are good after a step. */
function call(run: Run, of: string): unknown {
  const given: Record<string, unknown[]> = {
    basis: [0],
    restart: [[0]],
    lock: [[], [0]],
    startDrawn: [7, 'gaussian', 3, 0],
  }
  return (run[of as 'step'] as (...all: unknown[]) => unknown)(...(given[of] ?? [new Float32Array(3)]))
}

type Spoil = (state: LanczosState, vectors: Float32Array[]) => [unknown, unknown]

/** States that no run has given. */
const states: readonly [string, Spoil, Outcome][] = [
  ['as it was', (state, vectors) => [state, vectors], 'works'],
  ['nothing', (_, vectors) => [undefined, vectors], 'ERR_INVALID_ARGUMENT'],
  ['no vectors', (state) => [state, undefined], 'ERR_INVALID_ARGUMENT'],
  ['a vector missing', (state, vectors) => [state, vectors.slice(1)], 'ERR_SHAPE'],
  ['a vector null', (state, vectors) => [state, [null, vectors[1]]], 'ERR_SHAPE'],
  ['a vector too many, and said to be', (s, v) => [{ ...s, vectors: 3 }, [...v, v[0]]], 'ERR_INVALID_ARGUMENT'],
  ['a vector of another length', (state, vectors) => [state, vectors.map(() => new Float32Array(2))], 'ERR_SHAPE'],
  ['vectors of float64', (state, vectors) => [state, vectors.map(() => new Float64Array(3))], 'ERR_DTYPE'],
  ['more locked than there are', (state, vectors) => [{ ...state, locked: 3 }, vectors], 'ERR_INVALID_ARGUMENT'],
  ['half a vector locked', (state, vectors) => [{ ...state, locked: 0.5 }, vectors], 'ERR_INVALID_ARGUMENT'],
  ['a number missing', (state, vectors) => [{ ...state, alphas: [] }, vectors], 'ERR_INVALID_ARGUMENT'],
  ['NaN', (state, vectors) => [{ ...state, alphas: [Number.NaN] }, vectors], 'ERR_INVALID_ARGUMENT'],
  ['no scale', ({ scale: _, ...rest }, vectors) => [rest, vectors], 'ERR_INVALID_ARGUMENT'],
]

/** A call that must leave the run where it was, where it refuses. */
const method = (run: Run, of: string) => (args: never[]) => {
  try {
    return (run[of as 'step'] as (...all: never[]) => unknown)(...args)
  } catch (error) {
    assert(Math.abs(run.vector()[0]! - Math.sqrt(1 / 3)) < 1e-6, 'its vector is as it was')
    const [alpha, beta] = run.step(Float32Array.of(1, 2, 3))
    assert(Math.abs(alpha! - Math.sqrt(12)) < 1e-5 && beta! > 0, 'a step works afterwards')
    throw error
  }
}

/** The iteration and the eigenvalues, argument by argument, out of order and after its end. */
export const nativeLanczos: Theme = {
  name: 'native Lanczos',
  on: 'once',
  cases: [
    ...spoilt(
      'Lanczos',
      [whole('size', 3, 2 ** 31 - 1), flag('keep', true), compute, optional(whole('vectors', 3, 2 ** 31 - 1))],
      (world) => (args) => world.hold(new Lanczos(...(args as unknown as ConstructorParameters<typeof Lanczos>))),
    ),
    simple(
      'native Lanczos',
      'no elements',
      'ERR_INVALID_ARGUMENT',
      native(() => new Lanczos(0, true)),
    ),
    ...methods.flatMap(([of, signature]) => spoilt(`Lanczos.${of}`, signature, (world) => method(begun(world), of))),
    ...['vector', 'read', 'step', 'ritz', 'restart', 'basis'].map(
      (of): Case => ({
        of: `native Lanczos.${of}`,
        what: 'before a start',
        outcome: ['restart', 'basis'].includes(of) ? 'ERR_INVALID_ARGUMENT' : 'ERR_STATE',
        given: (world) => native(() => call(world.hold(new Lanczos(3, true)), of)),
      }),
    ),
    {
      of: 'native Lanczos.start',
      what: 'a vector of zeros',
      outcome: 'ERR_INVALID_ARGUMENT',
      given(world) {
        const run = begun(world)
        return native(() => method(run, 'start')([new Float32Array(3)] as never[]))
      },
    },
    ...['restart', 'lock'].map(
      (of): Case => ({
        of: `native Lanczos.${of}`,
        what: 'of a basis that is not kept',
        outcome: 'ERR_STATE',
        given(world) {
          const run = world.hold(new Lanczos(3, false))
          run.start(Float32Array.of(1, 1, 1))
          run.step(Float32Array.of(1, 2, 3))
          return native(() => (of === 'lock' ? run.lock([], [0]) : run.restart([0])))
        },
      }),
    ),
    ...states.map(
      ([what, spoil, outcome]): Case => ({
        of: 'native Lanczos.restore',
        what,
        outcome,
        given(world) {
          const run = begun(world)
          run.step(Float32Array.of(1, 2, 3))
          const before = [...run.vector()]
          const [state, vectors] = spoil(run.state(), [run.basis(0), run.basis(1)])
          return native(() => {
            try {
              run.restore(state as LanczosState, vectors as Float32Array[])
            } finally {
              assert(`${before}` === `${[...run.vector()]}`, 'its vector is as it was')
            }
          })
        },
      }),
    ),
    {
      of: 'native Lanczos.step',
      what: 'after the space is spanned',
      outcome: 'ERR_STATE',
      given(world) {
        const run = begun(world)
        run.step(run.vector())
        return native(() => run.step(Float32Array.of(1, 2, 3)))
      },
    },
    ...['start', 'startDrawn', 'vector', 'read', 'step', 'ritz', 'restart', 'lock', 'basis', 'state', 'restore'].map(
      (of): Case => ({
        of: `native Lanczos.${of}`,
        what: 'after dispose',
        outcome: 'ERR_DISPOSED',
        given(world) {
          const run = begun(world)
          const state = run.state()
          run.dispose()
          return native(() => (of === 'restore' ? run.restore(state, [new Float32Array(3)]) : call(run, of)))
        },
      }),
    ),
    {
      of: 'native Lanczos.dispose',
      what: 'twice',
      outcome: 'works',
      given(world) {
        const run = begun(world)
        return () => {
          run.dispose()
          run.dispose()
          assert(run.bytes === 0, 'no bytes are held')
        }
      },
    },
    ...['bytes', 'device', 'vectorsARow'].map(
      (of): Case => ({
        of: `native Lanczos.${of}`,
        what: 'of something else',
        outcome: 'ERR_INVALID_ARGUMENT',
        given: () => native(() => Object.getOwnPropertyDescriptor(Lanczos.prototype, of)!.get!.call({})),
      }),
    ),
    ...spoilt(
      'tridiagonalEigen',
      [numbers('diagonal', 2), numbers('off', 1), name('rows', 'first')],
      () => (args) => tridiagonalEigen(...(args as unknown as Parameters<typeof tridiagonalEigen>)),
    ),
  ],
}
