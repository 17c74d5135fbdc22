import { loadBinding } from '../../../src/native/index.ts'
import { assert, type Case, type Theme, type World } from './case.ts'
import { type Argument, compute, flag, floats, name, native, optional, spoilt, whole } from './native-arguments.ts'

const { Basis } = loadBinding()
type Made = InstanceType<typeof Basis>

const methods: readonly [string, readonly Argument[]][] = [
  ['add', [floats('vector', 3)]],
  [
    'draw',
    [
      whole('seed', 7, 2 ** 53 - 1),
      name('distribution', 'gaussian'),
      whole('stream', 2, 255),
      whole('step', 0, 2 ** 32 - 1),
      whole('perturbation', 0, 2 ** 24 - 1),
      flag('clear', true),
    ],
  ],
  ['restore', [floats('vector', 3)]],
  ['vector', [whole('index', 0, 0)]],
]

function begun(world: World): Made {
  const basis = world.hold(new Basis(3))
  basis.add(Float32Array.of(0, 2, 0))
  return basis
}

/** Arguments that are good. */
const after: Record<string, unknown[]> = {
  add: [new Float32Array(3)],
  draw: [7, 'gaussian', 2, 0, 0, true],
  restore: [new Float32Array(3)],
  vector: [0],
}

const call = (basis: Made, of: string, args: readonly unknown[]) =>
  (basis[of as 'add'] as (...all: unknown[]) => unknown)(...args)

/** A call that must leave the basis as it was, where it refuses. */
const method = (basis: Made, of: string) => (args: never[]) => {
  try {
    return call(basis, of, args)
  } catch (error) {
    assert(basis.vector(0)[1] === 1, 'its vector is as it was')
    assert(basis.add(Float32Array.of(1, 1, 1)), 'it takes another afterwards')
    throw error
  }
}

/** The basis of a sketch, argument by argument and after its end. */
export const nativeBasis: Theme = {
  name: 'native Basis',
  on: 'once',
  cases: [
    ...spoilt(
      'Basis',
      [whole('size', 3, 2 ** 31 - 1), compute, optional(whole('vectors', 3, 2 ** 31 - 1))],
      (world) => (args) => world.hold(new Basis(...(args as unknown as ConstructorParameters<typeof Basis>))),
    ),
    ...methods.flatMap(([of, signature]) => spoilt(`Basis.${of}`, signature, (world) => method(begun(world), of))),
    ...['add', 'draw', 'restore', 'vector'].map(
      (of): Case => ({
        of: `native Basis.${of}`,
        what: 'after dispose',
        outcome: 'ERR_DISPOSED',
        given(world) {
          const basis = begun(world)
          basis.dispose()
          return native(() => call(basis, of, after[of]!))
        },
      }),
    ),
    {
      of: 'native Basis.dispose',
      what: 'twice',
      outcome: 'works',
      given(world) {
        const basis = begun(world)
        return () => {
          basis.dispose()
          basis.dispose()
          assert(basis.bytes === 0, 'no bytes are held')
        }
      },
    },
    ...['bytes', 'device'].map(
      (of): Case => ({
        of: `native Basis.${of}`,
        what: 'of something else',
        outcome: 'ERR_INVALID_ARGUMENT',
        given: () => native(() => Object.getOwnPropertyDescriptor(Basis.prototype, of)!.get!.call({})),
      }),
    ),
  ],
}
