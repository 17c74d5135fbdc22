import { loadBinding } from '../../../src/native/index.ts'
import { assert, type Case, simple, type Theme, type World } from './case.ts'
import { type Argument, compute, flag, floats, name, native, numbers, spoilt, whole } from './native-arguments.ts'

const { Lanczos, tridiagonalEigen } = loadBinding()
type Run = InstanceType<typeof Lanczos>

const coefficients: Argument = {
  ...numbers('coefficients', 1),
  wrongs: [
    ...numbers('coefficients', 1).wrongs.filter(([, outcome]) => outcome !== 'ERR_SHAPE'),
    [[1, 2, 3], 'ERR_STATE', 'more than there are vectors'],
  ],
}

/** Every method with its arguments. */
const methods: readonly [string, readonly Argument[]][] = [
  ['start', [floats('vector', 3)]],
  ['step', [floats('product', 3)]],
  ['combine', [coefficients]],
]

function begun(world: World): Run {
  const run = world.hold(new Lanczos(3, true))
  run.start(Float32Array.of(1, 1, 1))
  return run
}

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
      [whole('size', 3, 2 ** 31 - 1), flag('keep', true), compute],
      (world) => (args) => world.hold(new Lanczos(...(args as unknown as ConstructorParameters<typeof Lanczos>))),
    ),
    simple(
      'native Lanczos',
      'no elements',
      'ERR_INVALID_ARGUMENT',
      native(() => new Lanczos(0, true)),
    ),
    ...methods.flatMap(([of, signature]) => spoilt(`Lanczos.${of}`, signature, (world) => method(begun(world), of))),
    ...['vector', 'step', 'combine'].map(
      (of): Case => ({
        of: `native Lanczos.${of}`,
        what: 'before a start',
        outcome: 'ERR_STATE',
        given(world) {
          const run = world.hold(new Lanczos(3, true))
          const args = of === 'combine' ? [[1]] : [new Float32Array(3)]
          return native(() => (run[of as 'step'] as (...all: unknown[]) => unknown)(...args))
        },
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
    {
      of: 'native Lanczos.combine',
      what: 'of a basis that is not kept',
      outcome: 'ERR_STATE',
      given(world) {
        const run = world.hold(new Lanczos(3, false))
        run.start(Float32Array.of(1, 1, 1))
        return native(() => run.combine([1]))
      },
    },
    ...['start', 'vector', 'step', 'combine'].map(
      (of): Case => ({
        of: `native Lanczos.${of}`,
        what: 'after dispose',
        outcome: 'ERR_DISPOSED',
        given(world) {
          const run = begun(world)
          run.dispose()
          const args = of === 'combine' ? [[1]] : [new Float32Array(3)]
          return native(() => (run[of as 'step'] as (...all: unknown[]) => unknown)(...args))
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
    {
      of: 'native Lanczos.bytes',
      what: 'of something else',
      outcome: 'ERR_INVALID_ARGUMENT',
      given: () => native(() => Object.getOwnPropertyDescriptor(Lanczos.prototype, 'bytes')!.get!.call({})),
    },
    ...spoilt(
      'tridiagonalEigen',
      [numbers('diagonal', 2), numbers('off', 1), name('rows', 'first')],
      () => (args) => tridiagonalEigen(...(args as unknown as Parameters<typeof tridiagonalEigen>)),
    ),
  ],
}
