import test from 'ava'
import { dense } from '../../src/curvature/dense.ts'
import { diagonal } from '../../src/curvature/diagonal.ts'
import { hessian } from '../../src/curvature/hessian.ts'
import { AbortedError, type RunOptions } from '../../src/curvature/lanczos.ts'
import { lossSlice } from '../../src/curvature/loss-slice.ts'
import { noiseStability } from '../../src/curvature/noise-stability.ts'
import type { Operator } from '../../src/curvature/operator.ts'
import { publishedLambda1 } from '../../src/curvature/published-lambda1.ts'
import { spectralDensity } from '../../src/curvature/spectral-density.ts'
import { topEigenvalues } from '../../src/curvature/top-eigenvalues.ts'
import { trace } from '../../src/curvature/trace.ts'
import { traceOf } from '../../src/curvature/trace-of.ts'
import { tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

/** Every algorithm that says what there is when it is ended, and how much that is after 9 products or in the tenth. */
const algorithms: Record<string, [run: (H: Operator, options: RunOptions) => Promise<unknown>, so: object]> = {
  trace: [(H, options) => trace(H, { probes: 20, ...options }), { probes: 9 }],
  'hutch++': [(H, options) => trace(H, { method: 'hutch++', probes: 9, ...options }), { probes: 8 }],
  diagonal: [(H, options) => diagonal(H, { probes: 20, ...options }), { probes: 9 }],
  traceOf: [(H, options) => traceOf(H, Math.abs, { probes: 4, steps: 4, ...options }), { probes: 2 }],
  spectralDensity: [(H, options) => spectralDensity(H, { probes: 4, steps: 4, points: 10, ...options }), { steps: 4 }],
  topEigenvalues: [(H, options) => topEigenvalues(H, { count: 2, tolerance: 1e-9, ...options }), { steps: 9 }],
  publishedLambda1: [(H, options) => publishedLambda1(H, { iterations: 20, ...options }), { iterations: 9, top: null }],
  'publishedLambda1, in its second part': [
    (H, options) => publishedLambda1(H, { iterations: 4, ...options }),
    { iterations: 4 },
  ],
}

for (const [name, [run, so]] of Object.entries(algorithms)) {
  test.serial(`${name}: a signal of the operator's own leaves what there is, too`, async (t) => {
    await tf.setBackend('cpu')
    const model = tf.sequential({
      layers: [
        tf.layers.dense({ units: 3, inputShape: [4], activation: 'tanh', kernelInitializer: start(1) }),
        tf.layers.dense({ units: 2, kernelInitializer: start(2) }),
      ],
    })
    model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' })
    const [x, y] = [random([6, 4], 3), random([6, 2], 4)]
    const halves = [0, 3].map((at) => ({ xs: tf.slice(x, at, 3), ys: tf.slice(y, at, 3) }))
    for (const both of [true, false]) {
      const controller = new AbortController()
      const { signal } = controller
      let batches = 0
      // In the midst of product 9 or 10.
      const onProgress = () =>
        void (++batches === (name === 'hutch++' ? 17 : 19) && controller.abort(new Error('mine')))
      const H = hessian(model, halves, { signal, onProgress })
      const error = await t.throwsAsync(run(H, both ? { signal } : {}), { instanceOf: AbortedError })
      t.is((error.cause as Error).message, 'mine')
      t.like(error.partial, so)
      t.regex(error.message, /after [89] products/)
    }
    model.dispose()
    tf.dispose([x, y, halves])
  })
}

test.serial('it is said of what there were so many', async (t) => {
  await tf.setBackend('cpu')
  const w = tf.tidy(() => tf.variable(random([3], 1)))
  const loss = () => tf.tidy(() => tf.sum(tf.square(w)) as tf.Scalar)
  const ended = async (run: (options: RunOptions) => Promise<unknown>) => {
    const controller = new AbortController()
    const onProgress = ({ done }: { done: number }) => void (done === 4 && controller.abort())
    const error = await t.throwsAsync(run({ signal: controller.signal, onProgress }), { instanceOf: AbortedError })
    return error.message
  }
  const of = { variables: [w] }
  t.regex(await ended((run) => noiseStability(loss, { ...of, sigmas: [0.1], trace: false, ...run })), /4 evaluations\./)
  t.regex(await ended((run) => noiseStability(loss, { ...of, sigmas: [0.1], ...run })), /4 evaluations and products\./)
  t.regex(await ended((run) => lossSlice(loss, { ...of, ...run })), /4 evaluations\./)
  t.regex(await ended((run) => trace(hessian(loss, of), run)), /4 products\./)
  const H = hessian(loss, { variables: [w, tf.tidy(() => tf.variable(tf.zeros([2])))], check: false })
  t.regex(await ended((run) => dense(H, run)), /4 products\./)
  tf.disposeVariables()
})
