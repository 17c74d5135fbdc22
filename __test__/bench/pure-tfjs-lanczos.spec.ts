import test from 'ava'
import { hutchinson } from '../../bench/pure-tfjs/hutchinson.ts'
import { lanczos } from '../../bench/pure-tfjs/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { trace } from '../../src/curvature/trace.ts'
import { loadBinding } from '../../src/native/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

// The same algorithms written with tfjs operations alone are the oracle: from the same start and probes they must find the
// same numbers, to rounding.

const values = Float32Array.from({ length: 500 }, (_, i) => (i < 5 ? 9 * 0.6 ** i : 0.3 * Math.sin(i)))
const H = fromMatvec(values.length, (v) => v.map((x, i) => x * values[i]!))
const { Lanczos, sample } = loadBinding()

onEachBackend(test, 'Lanczos in tfjs operations has our projected matrix', async (t) => {
  const { numTensors } = tf.memory()
  const start = sample(4, 'gaussian', 3, 0, 0, 0, values.length)
  const [first, diagonal] = [tf.tensor1d(start), tf.tensor1d(values)]
  const twin = lanczos((v) => tf.mul(v, diagonal), first, 12)
  const run = new Lanczos(values.length, true)
  run.start(start)
  for (let step = 0; step < 12; step++) run.step(await H.matvec(run.vector()))
  const { alphas, betas } = run.state()
  run.dispose()
  for (const [i, alpha] of alphas.entries())
    t.true(Math.abs(alpha - twin.alphas[i]!) < 1e-4, `${alpha} ${twin.alphas[i]}`)
  for (const [i, beta] of twin.betas.entries()) t.true(Math.abs(beta - betas[i]!) < 1e-4, `${beta} ${betas[i]}`)
  t.is(twin.betas.length, 11)
  tf.dispose([first, diagonal])
  t.is(tf.memory().numTensors, numTensors)
})

onEachBackend(test, 'Hutchinson in tfjs operations has our mean', async (t) => {
  const { numTensors } = tf.memory()
  const diagonal = tf.tensor1d(values)
  const rotated = tf.tensor1d(values.toReversed())
  // Not diagonal, so that probes differ.
  const product = (v: tf.Tensor1D) =>
    tf.add(tf.mul(v, diagonal), tf.mul(tf.reverse(v) as tf.Tensor1D, tf.add(diagonal, rotated))) as tf.Tensor1D
  const dense = fromMatvec(values.length, (v) =>
    v.map((x, i) => x * values[i]! + v.at(-1 - i)! * (values[i]! + values.at(-1 - i)!)),
  )
  const samples = hutchinson(product, values.length, 8, (size, probe) =>
    tf.tensor1d(sample(7, 'rademacher', 2, 0, probe, 0, size)),
  )
  const { mean } = await trace(dense, { probes: 8, seed: 7 })
  const twin = samples.reduce((sum, one) => sum + one, 0) / samples.length
  t.true(Math.abs(mean - twin) < 1e-4 * Math.abs(mean), `${mean} ${twin}`)
  t.true(hutchinson(product, values.length, 40).every(Number.isFinite))
  tf.dispose([diagonal, rotated])
  t.is(tf.memory().numTensors, numTensors)
})
