import test from 'ava'
import { type FlatOptimizer, minimize, nso, oneSided, perturbBatch, sgd } from '../../src/index.ts'
import { pack, unpack } from '../../src/optimizers/config.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start, weightsOf } from '../helpers/training.ts'

const noise = { sigma: 0.25, seed: 5 }
const words = (x: Float32Array) => [...new Uint32Array(x.slice().buffer)]
const x0 = Float32Array.from({ length: 500 }, (_, i) => (i % 7) - 3)

/** Where an optimizer takes its gradients in one step. */
async function passes(optimizer: FlatOptimizer): Promise<number[][]> {
  const seen: number[][] = []
  const gradient = (x: Float32Array) => {
    seen.push(words(x))
    return x.slice()
  }
  await minimize(gradient, x0, optimizer, { steps: 1 })
  optimizer.dispose()
  return seen
}

for (const make of [nso, oneSided]) {
  test(`${make.name}: 7 rounds draw other noise than 10, and 10 is the default`, async (t) => {
    const [seven, ten, none] = await Promise.all(
      [{ rounds: 7 } as const, { rounds: 10 } as const, {}].map((rounds) =>
        passes(make(sgd(), { ...noise, ...rounds })),
      ),
    )
    t.deepEqual(none, ten)
    for (const [pass, values] of seven!.entries()) {
      // Two draws in 2³² agree; none here.
      t.true(values.every((word, i) => word !== ten![pass]![i]))
    }
    const drawn = perturbBatch(x0, { ...noise, stream: 0, rounds: 7, signs: make === nso ? 'both' : 'plus' })
    t.deepEqual(seven, drawn.map(words))
  })
}

onEachBackend(test, 'a saved model goes on with the rounds that it was trained with', async (t) => {
  const [x, y] = [random([8, 4], 10), random([8, 1], 11)]
  const build = () =>
    tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [4], kernelInitializer: start(1) })] })
  const make = (rounds: 7 | 10) => oneSided(sgd({ learningRate: 0.1 }), { ...noise, rounds })
  const [seven, same, ten] = [make(7), make(7), make(10)]
  const [model, twin, other] = [build(), build(), build()]
  model.compile({ optimizer: seven, loss: 'meanSquaredError' })
  twin.compile({ optimizer: same, loss: 'meanSquaredError' })
  other.compile({ optimizer: ten, loss: 'meanSquaredError' })
  let artifacts: tf.io.ModelArtifacts | null = null
  await model.save(
    tf.io.withSaveHandler(async (found) => {
      artifacts = found
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(found) }
    }),
    { includeOptimizer: true },
  )
  const loaded = await tf.loadLayersModel(tf.io.fromMemory(artifacts!))
  for (const one of [loaded, twin, other]) await one.trainOnBatch(x, y)
  t.deepEqual(weightsOf(loaded), weightsOf(twin))
  t.notDeepEqual(weightsOf(loaded), weightsOf(other))
  for (const one of [seven, same, ten, loaded.optimizer, model, twin, other, loaded]) one.dispose()
  tf.dispose([x, y])
})

test('a config from before there was a choice means 10 rounds', (t) => {
  const optimizer = nso(sgd(), noise)
  const { rounds: _, ...older } = optimizer.settings.options
  t.is(unpack(pack({ ...optimizer.settings, options: older })).options.rounds, 10)
  t.is(unpack(pack(nso(sgd(), { rounds: 7 }).settings)).options.rounds, 7)
  optimizer.dispose()
})

for (const rounds of [7, 10] as const) {
  test(`the free trace of a quadratic with ${rounds} rounds: mean and scatter as theory has them`, async (t) => {
    const [n, steps] = [40, 300]
    const curvatures = Array.from({ length: n }, (_, i) => 1 + (i % 4))
    const optimizer = nso(sgd({ learningRate: 0 }), { ...noise, rounds })
    await minimize((x) => x.map((value, i) => curvatures[i]! * value), new Float32Array(n), optimizer, { steps })
    const trace = curvatures.reduce((sum, one) => sum + one, 0)
    // Samples are uᵀAu of variance 2·Σa²; about the last 200 count.
    const scatter = Math.sqrt(2 * curvatures.reduce((sum, one) => sum + one ** 2, 0))
    const { trace: found, standardError, samples } = optimizer.curvature!
    t.is(samples, steps)
    t.true(Math.abs(found - trace) < 4 * standardError, `${found} ± ${standardError} for ${trace}`)
    t.true(Math.abs(standardError / (scatter / Math.sqrt(190)) - 1) < 0.2, `${standardError}`)
    optimizer.dispose()
  })
}
