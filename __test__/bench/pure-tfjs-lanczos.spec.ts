import test from 'ava'
import { hutchinson } from '../../bench/pure-tfjs/hutchinson.ts'
import { lanczos } from '../../bench/pure-tfjs/lanczos.ts'
import { fromMatvec } from '../../src/curvature/operator.ts'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { trace } from '../../src/curvature/trace.ts'
import { loadBinding } from '../../src/native/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'

// The same algorithms written with tfjs operations alone are the oracle: from the same start and probes they must find the
// same numbers, to rounding.

const values = Float32Array.from({ length: 500 }, (_, i) => (i < 5 ? 9 * 0.6 ** i : 0.3 * Math.sin(i)))
const H = fromMatvec(values.length, (v) => v.map((x, i) => x * values[i]!))
const { sample } = loadBinding()

onEachBackend(test, 'Lanczos in tfjs operations has our nodes', async (t) => {
  const { numTensors } = tf.memory()
  const { alphas, betas } = tf.tidy(() => {
    const start = tf.tensor1d(sample(4, 'gaussian', 3, 0, 0, 0, values.length))
    return lanczos((v) => tf.mul(v, tf.tensor1d(values)), start, 12)
  })
  const { values: nodes, vectors } = loadBinding().tridiagonalEigen(alphas, betas, 'first')
  const { runs } = await spectralDensity(H, { probes: 1, steps: 12, seed: 4 })
  for (const [i, node] of runs[0]!.nodes.entries()) {
    t.true(Math.abs(node - nodes[i]!) < 1e-4, `${node} ${nodes[i]}`)
    t.true(Math.abs(runs[0]!.weights[i]! - vectors[i]! ** 2) < 1e-4)
  }
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
