import test from 'ava'
import { cleared } from '../../src/callbacks/bar.ts'
import { progressBar } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

interface Screen {
  isTTY?: boolean
  columns?: number
}

async function train(screen: Screen, how: 'fit' | 'fitDataset' = 'fit', initialEpoch = 0): Promise<string[]> {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3], kernelInitializer: start(1) })] })
  model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' })
  const [x, y] = [random([8, 3], 1), random([8, 1], 2)]
  const said: string[] = []
  const callbacks = progressBar({ screen: { ...screen, write: (text) => said.push(text) } })
  if (how === 'fit') await model.fit(x, y, { initialEpoch, epochs: 3, batchSize: 4, verbose: 0, callbacks })
  else {
    const dataset = tf.data.generator(function* () {
      for (let i = 0; i < 2; i++) yield { xs: tf.ones([4, 3]), ys: tf.ones([4, 1]) } as unknown as tf.TensorContainer
    })
    await model.fitDataset(dataset, { epochs: 3, verbose: 0, callbacks })
  }
  tf.dispose([x, y])
  model.optimizer.dispose()
  model.dispose()
  return said
}

onEachBackend(test, 'without a terminal: one line an epoch, no control characters', async (t) => {
  for (const how of ['fit', 'fitDataset'] as const) {
    const said = await train({}, how)
    t.is(said.length, 3)
    for (const [i, line] of said.entries())
      t.regex(line, new RegExp(`^epoch ${i + 1}/3 {2}\\d+\\.\\d s {2}loss [\\d.e-]+\\n$`))
  }
  t.is((await train({}, 'fit', 1)).length, 2)
})

onEachBackend(test, 'on a terminal: share, time left, place and loss, within the columns', async (t) => {
  for (const how of ['fit', 'fitDataset'] as const) {
    const said = await train({ isTTY: true, columns: 60 }, how)
    for (const text of said) t.true(text.startsWith(cleared) && text.replace(cleared, '').trimEnd().length < 60)
    const shares = said.flatMap((text) => /(\d+)\u00a0%/.exec(text)?.[1] ?? []).map(Number)
    t.deepEqual(
      shares,
      shares.toSorted((a, b) => a - b),
    )
    t.is(shares.at(-1), 100)
    t.regex(said.at(-2)!.replace(cleared, ''), /^█{12} 100\u00a0% {2}0:00 left {2}epoch 3\/3 2\/2 {2}loss/)
    t.regex(said.at(-1)!.replace(cleared, ''), /^epoch 3\/3 {2}loss [\d.e-]+\n$/)
  }
})

test('nothing is printed where NODE_ENV is test, and bad options are refused', (t) => {
  t.is(process.env.NODE_ENV, 'test')
  t.notThrows(() => progressBar())
  for (const options of [null, 1, { screen: 1 }, { screen: {} }, { stream: process.stderr }]) {
    t.throws(() => progressBar(options as never), { code: 'ERR_INVALID_ARGUMENT' })
  }
})
