import test from 'ava'
import { adam, nso } from '../../src/index.ts'
import { loadBinding } from '../../src/native/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { collected, resident } from '../helpers/memory.ts'
import { random } from '../helpers/training.ts'

const { nativeBytes } = loadBinding()

/** A conv net with everything that has ever leaked in a step: moving statistics, masks, metrics, pooling. */
function convNet(units: number): tf.LayersModel {
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [8, 8, 1] }),
      tf.layers.batchNormalization(),
      tf.layers.reLU(),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units }),
      tf.layers.dropout({ rate: 0.2 }),
      tf.layers.dense({ units: 3, activation: 'softmax' }),
    ],
  })
  return model
}

const compiled = { loss: 'categoricalCrossentropy', metrics: ['accuracy', 'mse'] }

function data(): [tf.Tensor, tf.Tensor] {
  const classes = Array.from({ length: 16 }, (_, i) => i % 3)
  return [random([16, 8, 8, 1], 1), tf.tidy(() => tf.oneHot(classes, 3).toFloat())]
}

onEachBackend(
  test,
  '1,000 steps of fit keep tensors and bytes from step 100 on, and memory from step 200 on',
  async (t) => {
    const optimizer = nso(adam({ learningRate: 0.003 }), { sigma: 0.02, seed: 1 })
    const model = convNet(8)
    model.compile({ optimizer, ...compiled })
    const [x, y] = data()
    let [numTensors, numBytes, rss] = [0, 0, 0]
    for (let steps = 100; steps <= 1000; steps += 100) {
      const { history } = await model.fit(x, y, { batchSize: 8, epochs: 50, verbose: 0 })
      t.deepEqual(Object.keys(history), ['loss', 'acc', 'mse'])
      t.is(optimizer.iterations, steps)
      if (steps === 100) [numTensors, numBytes] = [tf.memory().numTensors, tf.memory().numBytes]
      t.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes], `after ${steps} steps`)
      if (steps === 200) rss = await resident()
    }
    const growth = (await resident()) / rss - 1
    t.log(
      `resident memory: ${(rss / 2 ** 20).toFixed(0)} MiB at step 200, ${(100 * growth).toFixed(1)} % more at 1,000`,
    )
    t.true(growth < 0.02, `memory grew by ${(100 * growth).toFixed(1)} %`)
    t.true(nativeBytes() > 0)
    optimizer.dispose()
    model.dispose()
    tf.dispose([x, y])
    await collected()
    t.is(nativeBytes(), 0)
  },
)

onEachBackend(
  test,
  '300 models and optimizers, made, trained for a step, saved and disposed of, leave nothing',
  async (t) => {
    const [x, y] = data()
    let [numTensors, numBytes] = [0, 0]
    const sizes: number[] = []
    // The first 40 warm up what V8 and tfjs keep.
    for (let i = 1; i <= 340; i++) {
      const optimizer = nso(adam(), { seed: 1, perturbations: 2 })
      // Weights, sums and moments: 3 MB of native memory each, so that 100 of them would show.
      const model = convNet(4096)
      model.compile({ optimizer, ...compiled })
      await model.trainOnBatch(x, y)
      await optimizer.getWeights()
      optimizer.dispose()
      model.dispose()
      if (i === 1) [numTensors, numBytes] = [tf.memory().numTensors, tf.memory().numBytes]
      t.deepEqual([tf.memory().numTensors, tf.memory().numBytes], [numTensors, numBytes], `after ${i}`)
      optimizer.dispose()
      // Often, so that garbage not yet collected does not set the high-water mark of the heap.
      if (i % 10 === 0) sizes.push(await resident())
    }
    // The least of some: what lies above it comes and goes with the heap of JavaScript, by 3 % either way. Of two spans of
    // 100 models: what leaks grows in both, where a heap that was given more room does so once.
    const [first, second, third] = [8, 18, 28].map((from) => Math.min(...sizes.slice(from, from + 6))) as [
      number,
      number,
      number,
    ]
    const growths = [second / first - 1, third / second - 1]
    const said = growths.map((growth) => `${(100 * growth).toFixed(1)} %`).join(', then ')
    t.log(`resident memory: ${(first / 2 ** 20).toFixed(0)} MiB after 90, ${said} more a hundred`)
    t.true(Math.min(...growths) < 0.015, `memory grew by ${said}`)
    t.is(nativeBytes(), 0)
    tf.dispose([x, y])
  },
)
