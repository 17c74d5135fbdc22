import * as tf from '@tensorflow/tfjs'

/** The projected matrix: its diagonal and, between neighbours, what is beside it. */
export interface Tridiagonal {
  readonly alphas: number[]
  readonly betas: number[]
}

/** Lanczos with tfjs operations only: modified Gram–Schmidt against all vectors so far, one sweep a step. */
export function lanczos(matvec: (v: tf.Tensor1D) => tf.Tensor1D, start: tf.Tensor1D, steps: number): Tridiagonal {
  return tf.tidy(() => {
    const alphas: number[] = []
    const betas: number[] = []
    const basis = [tf.div(start, tf.norm(start)) as tf.Tensor1D]
    for (let step = 0; step < steps; step++) {
      const v = basis.at(-1)!
      let beta = 0
      const next = tf.tidy(() => {
        let w = matvec(v)
        const alpha = tf.dot(w, v)
        alphas.push(alpha.dataSync()[0]!)
        w = tf.sub(w, tf.mul(alpha, v))
        if (step > 0) w = tf.sub(w, tf.mul(betas.at(-1)!, basis.at(-2)!))
        for (const one of basis) {
          const projected: tf.Tensor1D = w
          w = tf.tidy(() => tf.sub(projected, tf.mul(tf.dot(projected, one), one)))
          projected.dispose()
        }
        beta = tf.norm(w).dataSync()[0]!
        return tf.div(w, beta) as tf.Tensor1D
      })
      betas.push(beta)
      basis.push(next)
    }
    return { alphas, betas: betas.slice(0, -1) }
  })
}
