import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import test, { type ExecutionContext } from 'ava'
import { csvLog, sharpness } from '../../src/index.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { random, start } from '../helpers/training.ts'

function place(t: ExecutionContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'saltflat-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'logs', 'run.csv')
}

async function train(file: string, args: tf.ModelFitArgs, others: tf.CustomCallback[] = []) {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [3], kernelInitializer: start(1) })] })
  model.compile({ optimizer: tf.train.sgd(0.01), loss: 'meanSquaredError' })
  const [x, y] = [random([8, 3], 1), random([8, 1], 2)]
  const watch = sharpness({ data: [x, y], every: 2, trace: { probes: 2 }, topEigenvalues: false })
  try {
    const callbacks = [watch, ...others, csvLog(file)]
    const { history } = await model.fit(x, y, { verbose: 0, shuffle: false, callbacks, ...args })
    return history as Record<string, number[]>
  } finally {
    tf.dispose([x, y])
    model.optimizer.dispose()
    model.dispose()
  }
}

const rowsOf = (file: string) => readFileSync(file, 'utf8').split('\r\n')

onEachBackend(test, 'a line an epoch with all digits, empty where nothing was measured', async (t) => {
  const file = place(t)
  const { loss, trace, traceError } = await train(file, { epochs: 3 })
  const rows = [0, 1, 2].map((i) => [i, loss![i], ...(i === 0 ? ['', ''] : [trace![i], traceError![i]])].join(','))
  t.deepEqual(rowsOf(file), ['epoch,loss,trace,traceError', ...rows, ''])
})

test.serial('a run that is resumed goes on: torn lines and epochs that it does again are replaced', async (t) => {
  const file = place(t)
  const first = await train(file, { epochs: 4 })
  const kept = rowsOf(file).slice(0, 3)
  appendFileSync(file, '4,0.1')
  const second = await train(file, { initialEpoch: 2, epochs: 5 })
  const rows = rowsOf(file)
  t.deepEqual(rows.slice(0, 3), kept)
  t.deepEqual(
    rows.slice(1, -1).map((row) => row.split(',').slice(0, 2).map(Number)),
    [...first.loss!.slice(0, 2), ...second.loss!].map((loss, epoch) => [epoch, loss]),
  )
  t.deepEqual(readdirSync(dirname(file)), ['run.csv'])
  await train(file, { epochs: 1 })
  t.is(rowsOf(file).length, 3)
})

test.serial('other columns than before end the training, and the file stays', async (t) => {
  const file = place(t)
  await train(file, { epochs: 1 })
  const text = readFileSync(file, 'utf8')
  const more = new tf.CustomCallback({
    onEpochEnd: async (epoch, logs) => {
      if (epoch > 0) logs!.extra = 1
    },
  })
  const refusal = { code: 'ERR_STATE', message: /^Expected .*received .*Log the same names/ }
  await t.throwsAsync(train(file, { initialEpoch: 1, epochs: 2 }, [more]), refusal)
  t.is(readFileSync(file, 'utf8'), text)
  await t.throwsAsync(train(file, { epochs: 2 }, [more]), refusal)
  t.is(rowsOf(file).length, 3)
  writeFileSync(file, 'notes of mine')
  await t.throwsAsync(train(file, { epochs: 1 }), refusal)
  t.is(readFileSync(file, 'utf8'), 'notes of mine')
})

test('NaN of a loss is written', async (t) => {
  await tf.setBackend('cpu')
  const file = place(t)
  const lost = new tf.CustomCallback({
    onEpochEnd: async (_, logs) => {
      logs!.loss = Number.NaN
    },
  })
  await train(file, { epochs: 1 }, [lost])
  t.regex(rowsOf(file)[1]!, /^0,NaN,/)
})
