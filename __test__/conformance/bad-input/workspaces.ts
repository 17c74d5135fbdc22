import { packed } from '../../native/packed.ts'
import { assert, type Case, type Outcome, type Theme } from './case.ts'
import { native, spoilt } from './native-arguments.ts'
import {
  addon,
  called,
  direction,
  finishing,
  g,
  good,
  method,
  methods,
  ones,
  out,
  sizes,
  workspace,
} from './workspace-methods.ts'

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
    (_, ...rest) => [packed({ ...finishing, lastOf: 2 }, sizes.length), ...rest],
  ],
  [
    'finish',
    'of a single micro-batch that is not the first',
    'sgd',
    { sums: 2 },
    'ERR_INVALID_ARGUMENT',
    (_, ...rest) => [packed({ ...finishing, first: 0 }, sizes.length), ...rest],
  ],
  [
    'finish',
    'with two bounds',
    'sgd',
    { sums: 2 },
    'ERR_INVALID_ARGUMENT',
    (_, ...rest) => [packed({ ...finishing, clipNorm: 1, clipValue: 1 }, sizes.length), ...rest],
  ],
  [
    'finish',
    'with a bound of elements for the mean',
    'mean',
    { sums: 2 },
    'ERR_INVALID_ARGUMENT',
    (_, ...rest) => [packed({ ...finishing, clipValue: 1 }, sizes.length), ...rest],
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
    ...[...methods.map(([of]) => of), 'checkWhole', 'banked'].map(
      (of): Case => ({
        of: `native Workspace.${of}`,
        what: 'after dispose',
        outcome: 'ERR_DISPOSED',
        given(world) {
          const made = workspace(world)
          made.dispose()
          return native(() => called(made, of)(...good(of)))
        },
      }),
    ),
    {
      of: 'native Workspace.passes',
      what: 'nothing',
      outcome: 'works',
      given(world) {
        const made = workspace(world)
        return native(() => made.passes())
      },
    },
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
          const numbers = packed({ ...finishing, sum: 0 }, sizes.length)
          const twice = (one: Float32Array) => one.map((value) => 2 * value)
          made.finish(numbers, Array.isArray(given) ? given.map(twice) : twice(given), outputs)
          assert(
            numbers.subarray(-sizes.length).every((dot) => dot !== 0),
            'there are dots',
          )
          return Buffer.concat([...outputs, numbers].map(({ buffer }) => Buffer.from(buffer)))
        })
        return native(() => assert(apart!.equals(whole!), 'the bits are the same'))
      },
    },
    ...(['outputs', 'gradients', 'values before'] as const).map(
      (place, at): Case => ({
        of: 'native Workspace.finish',
        what: `room for dots in the memory of the ${place}`,
        outcome: 'ERR_OVERLAP',
        given(world) {
          const made = workspace(world)
          const numbers = packed(finishing, sizes.length)
          const shared = new Float32Array(numbers.buffer, numbers.byteLength - 12, 3)
          const args = [out.good(), g.good(), ones()] as Float32Array[][]
          args[at] = [shared, ...args[at]!.slice(1)]
          return native(() => method(made, 'finish')([numbers, args[1], args[0], args[2]] as never[]))
        },
      }),
    ),
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
