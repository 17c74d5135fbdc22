import test from 'ava'
import fc from 'fast-check'
import { adam, cosine, FlatOptimizer, nso, sam } from '../../../src/index.ts'
import { pack } from '../../../src/optimizers/config.ts'
import { tf } from '../../helpers/backends.ts'
import { anything, leaving, outcome, runs } from '../../helpers/fuzz.ts'
import { damaged } from './damage.ts'

// Saved configs: damaged ones, and any JSON. Each is refused by type, or is the optimizer that it says, to the letter.

const optimizers = [
  nso(adam({ learningRate: cosine({ initial: 0.1, steps: 9 }), amsgrad: true }), {
    sigma: 0.02,
    filter: /k/g,
    seed: 3,
  }),
  sam(tf.train.adam(0.1), { rho: () => 0.1, seed: 4 }),
]
const packed = optimizers.map(({ settings }) => pack(settings))
test.after.always(() => {
  for (const optimizer of optimizers) optimizer.dispose()
})

/** Reads a config; where it is taken, it must write the same again. */
async function read(config: unknown): Promise<string | null> {
  return leaving(() =>
    outcome(() => {
      const made = FlatOptimizer.fromConfig(
        FlatOptimizer as never,
        { settings: config } as never,
      ) as unknown as FlatOptimizer
      const again = pack(made.settings)
      made.dispose()
      const twice = FlatOptimizer.fromConfig(
        FlatOptimizer as never,
        { settings: again } as never,
      ) as unknown as FlatOptimizer
      if (pack(twice.settings) !== again) throw new Error(`${Buffer.from(again, 'hex')} is not what it says`)
      twice.dispose()
    }),
  )
}

test.before(() => tf.setBackend('cpu'))

test.serial('configs as they are', async (t) => {
  for (const one of packed) t.is(await read(one), null)
})

test.serial('configs with bits flipped, cut off or written over', async (t) => {
  const codes = new Set<string | null>()
  const property = fc.asyncProperty(fc.constantFrom(...packed), damaged, async (config, damage) => {
    const bytes = damage(Buffer.from(config, 'hex'))
    codes.add(await read(Buffer.from(bytes).toString('hex')))
    codes.add(await read(Buffer.from(damage(Buffer.from(config))).toString()))
  })
  await t.notThrowsAsync(fc.assert(property, runs(600)))
  t.true(codes.has('ERR_STATE') && codes.has('ERR_INVALID_ARGUMENT'))
})

test.serial('any JSON, and any JSON in the place of a part', async (t) => {
  const plain = packed.map((one) => JSON.parse(Buffer.from(one, 'hex').toString()) as Record<string, unknown>)
  const parts = fc.tuple(
    fc.constantFrom(...plain),
    fc.constantFrom(...Object.keys(plain[0]!)),
    fc.jsonValue({ maxDepth: 3 }),
  )
  const property = fc.asyncProperty(
    fc.jsonValue({ maxDepth: 3 }),
    parts,
    anything,
    async (json, [config, key, value], any) => {
      for (const one of [json, { ...config, [key]: value }])
        await read(Buffer.from(JSON.stringify(one)).toString('hex'))
      await read(any)
    },
  )
  await t.notThrowsAsync(fc.assert(property, runs(400)))
})
