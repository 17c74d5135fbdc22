import { type Binding, fromNative } from '../../../src/native/index.ts'
import { type Case, detached, type Outcome, shared, type World, written } from './case.ts'

// Arguments of the native exports by kind: one that is good, and what is bad in its place.

/** A value, and the code that it gets. */
export type Wrong = readonly [value: unknown, outcome: Outcome, what?: string]

/** One argument of an export. */
export interface Argument {
  readonly name: string
  good(): unknown
  readonly wrongs: readonly Wrong[]
}

const invalid = (...values: readonly unknown[]): Wrong[] => values.map((value) => [value, 'ERR_INVALID_ARGUMENT'])
const noNumber = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 'x', null, {}, 1n, true]

/** A whole number of 0 to `max`. */
export function whole(name: string, good: number, max: number): Argument {
  return { name, good: () => good, wrongs: invalid(-1, 0.5, max + 1, undefined, ...noNumber) }
}

/** A number that is finite in f32. */
export function finite(name: string, good: number): Argument {
  return { name, good: () => good, wrongs: invalid(1e39, undefined, ...noNumber) }
}

/** One of some names. */
export function name(what: string, good: string): Argument {
  return { name: what, good: () => good, wrongs: invalid('nobody', '', 1, null, undefined, {}) }
}

/** True or false. */
export function flag(what: string, good: boolean): Argument {
  return { name: what, good: () => good, wrongs: invalid(1, 'true', null, undefined) }
}

/** A list of so many numbers. */
export function numbers(what: string, length: number): Argument {
  const good = () => Array.from({ length }, () => 0)
  const spoilt = [Number.NaN, Number.POSITIVE_INFINITY, 'x'].map((one) => [one, ...good().slice(1)])
  return {
    name: what,
    good,
    wrongs: [...invalid(null, undefined, 'x', 1, {}, ...spoilt), [[...good(), 0], 'ERR_SHAPE'], [[], 'ERR_SHAPE']],
  }
}

/** A Float32Array of so many elements, and what comes of some that are not finite; null: nothing. */
export function floats(what: string, length: number, notFinite: Outcome | null = 'ERR_NOT_FINITE'): Argument {
  const good = () => new Float32Array(length)
  return {
    name: what,
    good,
    wrongs: [
      ...invalid(null, undefined),
      ...([new Float64Array(length), new Int32Array(length), [0, 0], 'x', 1, {}] as const).map(
        (value): Wrong => [value, 'ERR_DTYPE'],
      ),
      [shared(length), 'ERR_SHARED', 'shared memory'],
      [detached(length), 'ERR_DETACHED', 'a detached array'],
      [new Float32Array(length + 1), 'ERR_SHAPE', 'one element too many'],
      [new Float32Array(0), 'ERR_SHAPE', 'no elements'],
      ...[Number.NaN, Number.NEGATIVE_INFINITY].flatMap((value): Wrong[] =>
        notFinite === null ? [] : [[good().fill(value), notFinite]],
      ),
    ],
  }
}

/** A list of Float32Arrays; `gaps`: null may stand for one. */
export function list(what: string, lengths: readonly number[], gaps = false): Argument {
  const good = () => lengths.map((length) => new Float32Array(length))
  const first = (value: unknown) => [value, ...good().slice(1)]
  const memory = new Float32Array(lengths[0]! + lengths[1]!)
  return {
    name: what,
    good,
    wrongs: [
      ...invalid(null, undefined, 'x', 1, {}),
      ...(gaps ? [] : invalid(first(null), first(undefined))),
      ...[new Float64Array(lengths[0]!), Int32Array.of(1, 2, 3), [1, 2, 3], 'abc', {}].map(
        (value): Wrong => [first(value), 'ERR_DTYPE'],
      ),
      // A number stands for a gradient that TensorFlow holds, and for none of the weights.
      ...[1, Number.NaN, -1, 1e300].map((value): Wrong => [first(value), gaps ? 'ERR_STATE' : 'ERR_DTYPE']),
      [first(shared(lengths[0])), 'ERR_SHARED', 'shared memory'],
      [first(detached(lengths[0])), 'ERR_DETACHED', 'a detached array'],
      [good().slice(1), 'ERR_SHAPE', 'too few arrays'],
      [[...good(), new Float32Array(1)], 'ERR_SHAPE', 'too many arrays'],
      [first(new Float32Array(lengths[0]! - 1)), 'ERR_SHAPE', 'a short array'],
      [first(new Float32Array(lengths[0]! + 1)), 'ERR_SHAPE', 'a long array'],
      ...(gaps
        ? []
        : [[lengths.map((length, i) => memory.subarray(i, i + length)), 'ERR_OVERLAP', 'one memory twice'] as const]),
    ],
  }
}

/** An object of fields that are arguments in their turn. */
export function object(what: string, fields: readonly Argument[], may: readonly string[] = []): Argument {
  const good = () => Object.fromEntries(fields.map((field) => [field.name, field.good()]))
  return {
    name: what,
    good,
    wrongs: [
      ...invalid(null, undefined, 1, 'x'),
      ...fields.flatMap((field) =>
        field.wrongs
          .filter(([value]) => !(may.includes(field.name) && value == null))
          .map(
            ([value, outcome, called]): Wrong => [
              { ...good(), [field.name]: value },
              outcome,
              `${field.name} ${called ?? written(value)}`,
            ],
          ),
      ),
    ],
  }
}

/** The same argument where it may be left out. */
export function optional({ wrongs, ...rest }: Argument): Argument {
  return { ...rest, wrongs: wrongs.filter(([value]) => value != null) }
}

/** How a pass computes. */
export const compute: Argument = {
  name: 'options',
  good: () => ({}),
  wrongs: [
    ...invalid({ threads: -1 }, { threads: 257 }, { threads: 0.5 }, { threads: Number.NaN }, { threads: 'x' }),
    [{ simd: 'mmx' }, 'ERR_UNSUPPORTED'],
    ...invalid({ simd: 1 }, { device: 1 }),
  ],
}

/** One case an argument and a bad value of it; the rest is good. */
export function spoilt(
  of: string,
  signature: readonly Argument[],
  prepare: (world: World) => (args: never[]) => unknown,
): Case[] {
  return signature.flatMap((argument, place) =>
    argument.wrongs.map(
      ([value, outcome, called]): Case => ({
        of: `native ${of}`,
        what: `${argument.name}: ${called ?? written(value)}`,
        outcome,
        given(world) {
          const call = prepare(world)
          const args = signature.map((one, i) => (i === place ? value : one.good()))
          return native(() => call(args as never[]))
        },
      }),
    ),
  )
}

/** What the addon throws as the library passes it on. */
export function native(call: () => unknown): () => unknown {
  return () => {
    try {
      return call()
    } catch (error) {
      throw fromNative(error)
    }
  }
}

export type Workspace = InstanceType<Binding['Workspace']>
