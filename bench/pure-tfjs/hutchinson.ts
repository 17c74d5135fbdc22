import * as tf from '@tensorflow/tfjs'

/** z of ±1 for a probe. */
export type Probe = (size: number, probe: number) => tf.Tensor1D

const signs: Probe = (size) => tf.sub(tf.mul(tf.cast(tf.greater(tf.randomUniform([size]), 0.5), 'float32'), 2), 1)

/** Hutchinson's estimator with tfjs operations only: zᵀHz of each probe, whose mean is the trace. */
export function hutchinson(
  matvec: (v: tf.Tensor1D) => tf.Tensor1D,
  size: number,
  probes: number,
  probe: Probe = signs,
): number[] {
  return Array.from({ length: probes }, (_, i) => {
    const sample = tf.tidy(() => {
      const z = probe(size, i)
      return tf.dot(z, matvec(z))
    })
    const [value] = sample.dataSync()
    sample.dispose()
    return value!
  })
}
