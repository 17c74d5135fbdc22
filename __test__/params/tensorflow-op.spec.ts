import test from 'ava'
import { fromNative, loadBinding } from '../../src/native/index.ts'
import type { OpenStore, Store } from '../../src/params/store.ts'
import { openAligned, openTensorflow } from '../../src/params/tensorflow.ts'
import { findPlaces } from '../../src/params/tensorflow-op.ts'
import { Variables } from '../../src/params/variables.ts'
import { Weights } from '../../src/params/weights.ts'
import { backends, bits, tf } from '../helpers/backends.ts'

/** A test on the running TensorFlow; none without its binding, which the helper says. */
function onTensorflow(title: string, body: (t: import('ava').ExecutionContext) => void): void {
  if (!backends.includes('tensorflow')) return
  test.serial(title, async (t) => {
    await tf.setBackend('tensorflow')
    body(t)
  })
}

/** The places of tensors, which are there. */
function placesOf(tensors: readonly tf.Tensor[]): number {
  const found = findPlaces(tf.engine().backend)
  if ('reason' in found) throw new Error(found.reason)
  return found.places(tensors)
}

const uphill = { last: 1, pair: 0, metric: 'plain' }
const shapes = [[4, 9], [3], [], [130]]

onTensorflow('the op is at work here', (t) => {
  const found = findPlaces(tf.engine().backend)
  t.true('places' in found, 'reason' in found ? found.reason : '')
  t.is(findPlaces(tf.engine().backend), found)
})

onTensorflow('where TensorFlow computes on a GPU no op of ours runs', (t) => {
  const backend = tf.engine().backend as unknown as { binding: { executeOp(...args: unknown[]): unknown } }
  const variables = [tf.variable(tf.zeros([3]))]
  const opened = (isUsingGpuDevice: boolean) => {
    const ran: unknown[] = []
    const executeOp = (...args: unknown[]) => {
      ran.push(args[0])
      return backend.binding.executeOp(...args)
    }
    // Another object, so that nothing is known of it yet.
    const seen = Object.create(backend, {
      isUsingGpuDevice: { value: isUsingGpuDevice },
      binding: { value: Object.create(backend.binding, { executeOp: { value: executeOp } }) },
    })
    const store = openTensorflow(variables, seen)
    return { store, ran, found: findPlaces(seen) }
  }
  const onGpu = opened(true)
  t.is(onGpu.store, null)
  t.deepEqual(onGpu.found, { reason: 'TensorFlow computes on a GPU' })
  t.deepEqual(onGpu.ran, [])
  t.true(opened(false).ran.length > 0, 'it would have been seen')
  tf.dispose(variables)
})

onTensorflow('a number serves one pass, and no other number does', (t) => {
  const workspace = new (loadBinding().Workspace)([2], 'sgd', { sums: 0 })
  const values = tf.tensor1d([3, 4])
  const code = (g: number) => fromNative(t.throws(() => workspace.norms(uphill, [g]))).code
  const place = placesOf([values])
  t.deepEqual(workspace.norms(uphill, [place]), [25])
  t.is(code(place), 'ERR_STATE')
  const later = placesOf([values])
  for (const wrong of [place, later + 1, later - 1, -1, 0.5, Number.NaN, 1e300]) {
    placesOf([values])
    t.is(code(wrong), 'ERR_STATE', String(wrong))
  }
  workspace.dispose()
  values.dispose()
})

onTensorflow('a tensor of another size is refused, and what is written may not be a number', (t) => {
  const workspace = new (loadBinding().Workspace)([2], 'sgd', { sums: 0 })
  const values = tf.tensor1d([3, 4, 5])
  const code = (f: () => void) => fromNative(t.throws(f)).code
  t.is(
    code(() => workspace.norms(uphill, [placesOf([values])])),
    'ERR_SHAPE',
  )
  t.is(
    code(() => workspace.restore([placesOf([values]) as unknown as Float32Array])),
    'ERR_DTYPE',
  )
  workspace.dispose()
  values.dispose()
})

onTensorflow('every pass has the bits that copied gradients give, also where a gradient is a weight', (t) => {
  const run = (open: OpenStore) => {
    const variables = shapes.map((shape, i) =>
      tf.tidy(() => tf.variable(tf.randomNormal(shape, 0, 1, 'float32', i + 1))),
    )
    class On extends Variables {
      override open(): Store {
        return open(this.tensors, tf.engine().backend)!
      }
    }
    const weights = new Weights(new On(variables), { rule: 'adam', sums: 2 })
    /** A fresh tensor, nothing, a clone of the weight, a reshape of it. */
    const gradients = (seed: number) => [
      tf.randomNormal(shapes[0]!, 0, 1, 'float32', seed),
      null,
      variables[2]!.clone(),
      tf.reshape(variables[3]!, [13, 10]),
    ]
    const scales = new Float32Array([0.1, 0.1, 0.1, 0.1])
    const found: number[][] = []
    const pass = (seed: number, f: (g: (tf.Tensor | null)[]) => void) => {
      const g = gradients(seed)
      f(g)
      for (const one of g) one?.dispose()
      found.push(...variables.map((one) => [...bits(one)]))
    }
    for (let step = 1; step <= 3; step++) {
      const noise = { seed: 5, distribution: 'gaussian' as const, rounds: 10, stream: 0, step }
      weights.begin(noise, scales, true)
      weights.perturb(0)
      pass(10 * step, (g) => weights.flip(g))
      pass(10 * step + 1, (g) => weights.accumulate(1, true, g))
      pass(10 * step + 2, (g) => weights.flip(g))
      pass(10 * step + 3, (g) => {
        found.push(weights.norms(uphill, g), weights.products(g))
        weights.ascend(scales, uphill, undefined, g)
      })
      pass(10 * step + 4, (g) => found.push([...weights.finish({ ...update, step }, g)]))
    }
    weights.dispose()
    tf.dispose(variables)
    return found
  }
  const before = tf.memory().numTensors
  t.deepEqual(run(openTensorflow), run(openAligned))
  t.is(tf.memory().numTensors, before)
})

const update = {
  learningRate: 0.1,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  clipNorm: 0,
  clipValue: 0,
  first: 1,
  lastOf: 1,
  last: 1,
  pair: 1,
  sum: 1,
  scale: 0.25,
  paired: 1,
}

onTensorflow('where the call does not arrive, gradients are copied', (t) => {
  const backend = tf.engine().backend as object
  const elsewhere = Object.create(backend, {
    binding: {
      value: Object.create((backend as { binding: object }).binding, { executeOp: { value: () => [] } }),
    },
  }) as object
  const found = findPlaces(elsewhere)
  t.deepEqual(found, { reason: 'TensorFlow runs the op on another thread' })
})
