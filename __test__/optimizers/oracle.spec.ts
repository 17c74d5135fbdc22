import { readFileSync } from 'node:fs'
import test, { type ExecutionContext } from 'ava'
import { adam, adamw, type FlatOptimizer, lion, momentum, nesterov, rmsprop, sgd } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { gradients, shapes, weights } from '../oracle/sequence.ts'

// Base optimizers against torch and optax in float64, over 100 steps: __test__/oracle/optimizers.py wrote the constants.

/** A line of optimizers.json. */
interface Case {
  readonly name: string
  readonly factory: keyof typeof factories
  readonly options: { readonly accumulation?: number }
  /** What multiplies all gradients. */
  readonly scale: number
  readonly oracle: string
  /** The weights after some steps. */
  readonly weights: Readonly<Record<string, readonly number[][]>>
}

const factories = { adam, adamw, lion, momentum, nesterov, rmsprop, sgd }
const file = new URL('../oracle/optimizers.json', import.meta.url)
const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: Case[] }

/** What 100 steps in float32 may differ from float64, for weights of size 1: forty roundings. */
const tolerance = 5e-6

/** The largest |a − b| / max(1, |b|). */
function difference(a: readonly ArrayLike<number>[], b: readonly number[][]): number {
  return Math.max(
    ...b.flatMap((values, n) => values.map((value, i) => Math.abs(a[n]![i]! - value) / Math.max(1, Math.abs(value)))),
  )
}

function compare(t: ExecutionContext, { factory, options, scale, oracle, weights: expected }: Case): void {
  const optimizer = factories[factory](options as never) as FlatOptimizer
  const names = Object.keys(shapes)
  const start = weights()
  const variables = names.map((name, n) =>
    tf.tidy(() => tf.variable(tf.tensor(start[n]!, shapes[name] as number[]), true, name)),
  )
  const calls = options.accumulation ?? 1
  const found: Record<string, number> = {}
  for (let step = 0; step < 100; step++) {
    for (let call = 0; call < calls; call++) {
      const values = gradients(step * calls + call).map((one) => one.map((value) => value * scale))
      tf.tidy(() => {
        optimizer.applyGradients(
          names.map((name, n) => ({ name, tensor: tf.tensor(values[n]!, shapes[name] as number[]) })),
        )
      })
    }
    const now = expected[step + 1]
    if (now === undefined) continue
    found[step + 1] = difference(
      variables.map((variable) => variable.dataSync()),
      now,
    )
  }
  optimizer.dispose()
  tf.dispose(variables)
  t.true(Math.max(...Object.values(found)) <= tolerance, `${oracle}, off after each step: ${JSON.stringify(found)}`)
}

for (const one of cases) onEachBackend(test, `${one.name}: the weights of 100 steps`, (t) => compare(t, one))
