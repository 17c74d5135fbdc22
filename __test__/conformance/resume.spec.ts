import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import test from 'ava'
import { bases as kinds } from '../../src/optimizers/base.ts'
import { onEachBackend, tf } from '../helpers/backends.ts'
import { bases, fingerprint, network, optimizerOf, optimizers, saved, ways } from '../helpers/resume.ts'
import { copyOf, disposeAll } from '../helpers/state.ts'

const run = promisify(execFile)

test('every native base is in the table', (t) => {
  t.deepEqual([...new Set(Object.keys(bases).map((name) => name.split(' ')[0]))], Object.keys(kinds))
})

/** The other ends of a run: model and optimizer made afresh from what was kept. */
const transports: Record<
  string,
  (model: tf.LayersModel, make: () => ReturnType<typeof optimizerOf>) => Promise<tf.LayersModel>
> = {
  async save(model) {
    return tf.loadLayersModel(tf.io.fromMemory(await saved(model)))
  },
  async getWeights(model, make) {
    const optimizer = make()
    const fresh = network(optimizer)
    const state = await copyOf(optimizerOf(model))
    await optimizer.setWeights(state)
    disposeAll(state)
    fresh.setWeights(model.getWeights())
    return fresh
  },
}

for (const [name, make] of Object.entries(optimizers)) {
  for (const [how, { cut, end, train }] of Object.entries(ways)) {
    onEachBackend(test, `${how}, ${name}: resumed from the middle, as if it had gone on, to the bit`, async (t) => {
      const whole = network(make())
      await train(whole, 0, cut)
      const before = await fingerprint(whole)
      const rest = await transports[how === 'loop' ? 'getWeights' : 'save']!(whole, make)
      t.is(await fingerprint(rest), before)
      await train(whole, cut, end)
      await train(rest, cut, end)
      const after = await fingerprint(whole)
      t.not(after, before)
      t.is(await fingerprint(rest), after)
      t.deepEqual(curvatureOf(rest), curvatureOf(whole))
      for (const one of [whole, rest]) for (const each of [one.optimizer, one]) each.dispose()
    })
  }
}

/** The estimate without names, which tfjs makes unique. */
function curvatureOf(model: tf.LayersModel): unknown {
  const { curvature } = optimizerOf(model)
  return curvature && { ...curvature, perLayer: curvature.perLayer.map((layer) => ({ ...layer, name: '' })) }
}

/** A process takes seconds to start, so each backend has a way of its own. */
const inNewProcess: Record<string, string> = { cpu: 'loop', wasm: 'fitDataset', tensorflow: 'fit' }

onEachBackend(
  test,
  'a new process goes on from the saved file as a run that was never saved, to the bit',
  async (t, backend) => {
    const folder = await mkdtemp(join(tmpdir(), 'saltflat-'))
    const how = inNewProcess[backend]!
    const { cut, end, train } = ways[how]!
    const [whole, half] = [0, 1].map(() => network(optimizers['nso on adam']!())) as [tf.LayersModel, tf.LayersModel]
    await train(whole, 0, end)
    await train(half, 0, cut)
    const file = join(folder, 'model')
    // tfjs-node's own handler where it serves.
    if (backend === 'tensorflow') await half.save(`file://${file}`, { includeOptimizer: true })
    else await writeFile(file, pack(await saved(half)))
    t.is(await goOn(backend, how, file), await fingerprint(whole))
    for (const one of [whole, half]) for (const each of [one.optimizer, one]) each.dispose()
    await rm(folder, { recursive: true })
  },
)

function pack({ weightData, ...rest }: tf.io.ModelArtifacts): string {
  return JSON.stringify({ ...rest, weightData: Buffer.from(weightData as ArrayBuffer).toString('base64') })
}

/** What the new process prints at its end. */
async function goOn(...args: string[]): Promise<string> {
  const child = fileURLToPath(new URL('resume-child.ts', import.meta.url))
  const { stdout } = await run(process.execPath, [...process.execArgv, child, ...args])
  return stdout.trim().split('\n').at(-1)!
}
